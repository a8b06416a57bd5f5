"""Services that the emulator lacks, made known to it."""

from __future__ import annotations

import re
import sys
from types import ModuleType

from ministack import app
from ministack.core import router


def register(name: str, service: ModuleType, target_prefix: str) -> None:
    """Let requests that are signed for a service, or name its target, be answered by the module's handle_request."""
    module = service.__name__
    sys.modules["ministack.services." + module] = service
    app._loaded_modules[name] = app._loaded_modules[module] = service
    app.SERVICE_REGISTRY[name] = {"module": module}
    app.SERVICE_HANDLERS[name] = app._lazy_handler(module)
    router.SERVICE_PATTERNS[name] = {
        "target_prefixes": [target_prefix],
        "host_patterns": [re.escape(name + ".")],
        "credential_scope": name,
    }
