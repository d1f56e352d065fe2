"""Colour and notes: reports go to stdout, everything else to stderr, and colour to terminals only."""

from __future__ import annotations

import os
import sys
from typing import TextIO

_quiet = False


def set_quiet(value: bool) -> None:
    """Leave out notes and progress bars from now on."""
    global _quiet
    _quiet = value


def is_quiet() -> bool:
    """Whether notes and progress bars are left out."""
    return _quiet


def has_colour(stream: TextIO) -> bool:
    """Whether colour is welcome: a terminal, and no `NO_COLOR` (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def paint(text: str, colour: str, *, bold: bool = False, stream: TextIO | None = None) -> str:
    """`text` in a colour, where colour is welcome on `stream` (stdout)."""
    if not has_colour(stream or sys.stdout):
        return text
    import typer

    return typer.style(text, fg=colour, bold=bold)


def note(text: str) -> None:
    """Say something on stderr that is not part of the report."""
    if not _quiet:
        print(text, file=sys.stderr, flush=True)
