"""Lines for a terminal: no longer than it is wide, and what goes on stands below what it goes on from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from envtool.language import translate
from envtool.printable import display_width

# Labels of commands, which must come out of a terminal as they went in.
_COMMANDS = ("run", "next", "or", "fix")
# A word of a label, in English or Korean.
_WORD = "[a-z가-힣]+"
_COLOUR = re.compile("\x1b\\[[0-9;]*m")
# Columns that a continued line has at the least; in less room indentation would only harm.
_LEAST = 16


def wrap_lines(text: str, width: int) -> str:
    """The text with each line that is wider than `width` columns broken between words; commands are left whole."""
    return "\n".join(piece for line in text.split("\n") for piece in _wrap(line, width))


def _wrap(line: str, width: int) -> Iterator[str]:
    label = _make_label().match(_COLOUR.sub("", line))
    head = label[0] if label is not None else ""
    if _measure(line) <= width or head.strip().removesuffix(":") in _list_command_labels():
        yield line
        return
    indent = display_width(head) if head.strip() else len(head) + 2
    indent = indent if width - indent >= _LEAST else 2
    first, *words = re.split(r"(?<=\S) (?=\S)", line)
    for word in words:
        if _measure(first) + 1 + _measure(word) <= width:
            first += f" {word}"
        else:
            yield first
            first = " " * indent + word
    yield first


@cache
def _make_label() -> re.Pattern[str]:
    """What comes before the text of a line: blanks, a label with at least two blanks after it, or a list's mark."""
    words = ("next", "why", "error")
    short = "|".join(re.escape(word) for word in {*words, *map(translate, words)})
    return re.compile(rf"\s*(?:{_WORD}(?: {_WORD})?:?\s{{2,}}|(?:{short}): +|[-*] )?")


@cache
def _list_command_labels() -> frozenset[str]:
    return frozenset({*_COMMANDS, *map(translate, _COMMANDS)})


def _measure(text: str) -> int:
    return display_width(_COLOUR.sub("", text))
