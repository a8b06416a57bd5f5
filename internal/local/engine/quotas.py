"""Service Quotas that knows of no quota: nothing is limited here. The emulator has no such service."""

from __future__ import annotations

import sys
from typing import Any

from ministack import app
from ministack.core import router
from ministack.core.responses import error_response_json

_NAME = "servicequotas"


async def handle_request(*_request: Any) -> Any:
    """Answer as AWS does for a quota that there is not."""
    return error_response_json(
        "NoSuchResourceException", "The request failed because the specified resource does not exist.", 400
    )


def install() -> None:
    """Make the service known to the emulator."""
    module = sys.modules[__name__]
    sys.modules["ministack.services.quotas"] = module
    app._loaded_modules[_NAME] = app._loaded_modules["quotas"] = module
    app.SERVICE_REGISTRY[_NAME] = {"module": "quotas"}
    app.SERVICE_HANDLERS[_NAME] = app._lazy_handler("quotas")
    router.SERVICE_PATTERNS[_NAME] = {
        "target_prefixes": ["ServiceQuotasV20190624"],
        "host_patterns": [r"servicequotas\."],
        "credential_scope": _NAME,
    }
