"""The one point of output: reports go to stdout, everything else to stderr, and colour to terminals only.

What is printed is made safe here. Whatever else a text holds came from an environment, an image, an index or a program,
and may be hostile: credentials are masked, control characters escaped, and what a pipeline would take for a command is
spoilt. The program's own colours carry a mark that nobody else can know.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TextIO

from envtool.language import translate
from envtool.masking import MaskedText, mask_credentials
from envtool.printable import escape_controls, one_line, spoil_commands

# ECMA-48, "Select Graphic Rendition".
_COLOURS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "cyan": 36}
# A noncharacter and a number that is another in each process.
_MARK = f"\ufdd0{os.urandom(8).hex()}"
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
    """`text` in a colour, if the stream is a terminal that wants it."""
    if not has_colour(stream or sys.stdout):
        return text
    codes = f"{_COLOURS[colour]};1" if bold else f"{_COLOURS[colour]}"
    return f"{_MARK}{codes}m{text}{_MARK}0m"


def make_safe(text: str, *, has_commands: bool = False) -> str:
    """The text as it may leave the program. `has_commands`: it is one whose commands to a pipeline are ours."""
    text = escape_controls(text if isinstance(text, MaskedText) else mask_credentials(text))
    if not has_commands:
        text = spoil_commands(text)
    if _MARK in text:
        text = re.sub(rf"{_MARK}(\d+(?:;\d+)*m)", "\x1b[\\1", text)
    return text


def print_safely(
    text: str = "",
    *,
    end: str = "\n",
    file: TextIO | None = None,
    flush: bool = False,
    has_commands: bool = False,
    is_prose: bool = False,
) -> None:
    """Print what is safe of `text`, which may have several lines, on stdout or `file`.

    `is_prose`: it is for a person, so a terminal gets lines that fit it.
    """
    stream = file or sys.stdout
    safe = make_safe(text, has_commands=has_commands)
    if is_prose and stream.isatty():
        # Only now: most of what is printed goes to no terminal.
        import shutil

        from envtool.cli.wrap import wrap_lines

        safe = wrap_lines(safe, max(40, shutil.get_terminal_size().columns))
    print(safe, end=end, file=stream, flush=flush)


def print_line(text: str, *, end: str = "\n", file: TextIO | None = None, flush: bool = False) -> None:
    """Print one line, with whatever is in it, as `print_safely` does."""
    print_safely(one_line(text), end=end, file=file, flush=flush)


def note(text: str) -> None:
    """Print a line on stderr that is not part of the report, in the person's language."""
    if not _quiet:
        print_line(translate(text), file=sys.stderr, flush=True)
