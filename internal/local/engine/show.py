"""What the table of patches says: as Markdown for users, as hashes for those who change it."""

from __future__ import annotations

from typing import Any

import codebuild
import codepipeline
import containers
import patch
import patches
import services
from patch import Patch


def _table() -> tuple[Patch, ...]:
    mends = patches.table(services.Services(lambda ip, port: (ip, port)))
    return (*mends, *codebuild.PATCHES, *codepipeline.PATCHES)


def differences() -> str:
    """A Markdown list: what the emulator alone would do, what it does here, and where AWS says that this is right."""
    lines = []
    for entry in _table():
        if entry.fault.startswith("("):
            continue
        lines.append(f"- {entry.fault} Mended: {entry.right} ([AWS]({entry.source}))")
    return "\n".join(lines)


def hashes() -> str:
    """The hash of every original as it is now, one place a line."""
    return "\n".join(f"{patch.source_hash(patch.original(entry))} {entry.places[0]}" for entry in _table())


def main(arguments: list[str]) -> None:
    printers: dict[str, Any] = {"--differences": differences, "--hashes": hashes}
    if len(arguments) != 1 or arguments[0] not in printers:
        raise SystemExit(f"usage: engine.py [{' | '.join(printers)}]")
    containers.install(None)
    print(printers[arguments[0]]())
