"""What a patch of the emulator is, and how it is applied: only onto the source it was written for."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_PLACE = re.compile(r"(?P<module>[\w.]+):(?P<name>\w+)(?P<keys>(\[[^\]]+\])*)$")


class SourceChanged(RuntimeError):
    """The emulator's own code is not the code that a patch was written for."""


@dataclass(frozen=True)
class Patch:
    """One mended fault.

    places: where the function is found, the first one being the original: "module:name" below the
    ministack package, followed by "[key]" for each step into a table of handlers.
    sha256: of the original's source text.
    fault: what the emulator does. right: what AWS does, said in the document at source.
    wrap: gets the original and returns what takes its place.
    """

    places: tuple[str, ...]
    sha256: str
    fault: str
    right: str
    source: str
    wrap: Callable[[Callable[..., Any]], Callable[..., Any]]


def _find(place: str) -> tuple[Any, str]:
    """The table (or module namespace) and the key in it that a place names."""
    match = _PLACE.match(place)
    if not match:
        raise ValueError(f"malformed place {place!r}")
    table: Any = vars(importlib.import_module("ministack." + match["module"]))
    key = match["name"]
    for step in re.findall(r"\[([^\]]+)\]", match["keys"]):
        table, key = table[key], step
    return table, key


def original(patch: Patch) -> Callable[..., Any]:
    """The function a patch replaces."""
    table, key = _find(patch.places[0])
    return table[key]


def source_hash(function: Callable[..., Any]) -> str:
    """SHA-256 of a function's source text, in hexadecimal."""
    return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()


def apply(patches: tuple[Patch, ...]) -> None:
    """Replace every original; none is touched unless all of them are as expected."""
    found = [(patch, original(patch)) for patch in patches]
    changed = [patch.places[0] for patch, function in found if source_hash(function) != patch.sha256]
    if changed:
        raise SourceChanged(
            "the emulator's source is not the one these patches were written for: "
            + ", ".join(changed)
            + "; reinstall it from requirements.lock"
        )
    for patch, function in found:
        replacement = patch.wrap(function)
        for place in patch.places:
            table, key = _find(place)
            table[key] = replacement
