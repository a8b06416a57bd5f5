"""Resource types that the emulator's CloudFormation has not."""

from __future__ import annotations


def install() -> None:
    """Register the handlers of the added types."""
