"""Service Quotas that knows of no quota: nothing is limited here. The emulator has no such service."""

from __future__ import annotations

import sys
from typing import Any

from ministack.core.responses import error_response_json

from registry import register


async def handle_request(*_request: Any) -> Any:
    """Answer as AWS does for a quota that there is not."""
    return error_response_json(
        "NoSuchResourceException", "The request failed because the specified resource does not exist.", 400
    )


def install() -> None:
    """Make the service known to the emulator."""
    register("servicequotas", sys.modules[__name__], "ServiceQuotasV20190624")
