"""Colour and notes: reports go to stdout, everything else to stderr, and colour to terminals only."""

from __future__ import annotations

import os
import sys
from typing import TextIO

# ECMA-48, "Select Graphic Rendition".
_COLOURS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "cyan": 36}
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
    """`text` in red, green, yellow, blue or cyan, where colour is welcome on `stream` (default: stdout)."""
    if not has_colour(stream or sys.stdout):
        return text
    codes = f"{_COLOURS[colour]};1" if bold else f"{_COLOURS[colour]}"
    return f"\x1b[{codes}m{text}\x1b[0m"


def note(text: str) -> None:
    """Print on stderr what is not part of the report."""
    if not _quiet:
        print(text, file=sys.stderr, flush=True)
