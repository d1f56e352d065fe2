"""Data as part of a line: what other people's texts may not do to a terminal, a log or a pipeline."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache


def one_line(text: str) -> str:
    r"""The text without line ends, which are written as `\n` and `\r`, so that nothing in it can begin a line."""
    return text.replace("\r", "\\r").replace("\n", "\\n")


def join_lines(lines: Iterable[str]) -> str:
    """The lines as one text; a line end within one of them is none."""
    return "\n".join(map(one_line, lines))


def escape_controls(text: str) -> str:
    r"""Write each control character as `\u001b` and the like, but for tabs and line ends.

    So are characters that turn the direction of writing, that separate lines in some programs, and halves of surrogate
    pairs, which stand for bytes of a path that is not UTF-8. The form is JSON's, so that JSON stays what it is.
    """
    if all(line.isprintable() for line in text.split("\n")):
        return text
    return _controls().sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def spoil_commands(text: str) -> str:
    """Keep lines from being taken for commands by what runs a pipeline and reads its log.

    GitHub takes a line that begins with `::`, and `##[` anywhere; Azure Pipelines `##vso[`. Sources: GitHub
    documentation, "Workflow commands for GitHub Actions"; Azure Pipelines, "Logging commands".
    """
    if "::" in text:
        text = re.sub(r"^(\s*):(?=:)", r"\1\\u003a", text, flags=re.MULTILINE)
    return re.sub(r"#(?=#(?:\[|vso\[|teamcity\[))", r"\\u0023", text) if "##" in text else text


@cache
def _controls() -> re.Pattern[str]:
    return re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


# Where a part of a message begins: a cause of uv's, a sentence, and where there is neither, a word.
_BEGINNINGS = (r"(?:error|cause|hint|warning): ", r"(?<=[.!?:;] )(?=\S)", r"(?<= )(?=\S)")
_ENDS = (r"[.!?;](?= )", r",(?= )", r"(?= )")


def shorten_start(text: str, longest: int) -> str:
    """The end of a long message, from where a part of it begins."""
    if len(text) <= longest:
        return text
    rest = text[-longest:]
    for pattern in _BEGINNINGS:
        match = re.search(pattern, rest)
        if match is not None and match.start() < longest // 2:
            return f"… {rest[match.start() :]}"
    return f"… {rest}"


def shorten_end(text: str, longest: int) -> str:
    """The beginning of a long message, up to where a part of it ends."""
    if len(text) <= longest:
        return text
    head = text[:longest]
    for pattern in _ENDS:
        ends = [match.end() for match in re.finditer(pattern, head)]
        if ends and ends[-1] > longest // 2:
            return f"{head[: ends[-1]]} …"
    return f"{head} …"


def display_width(text: str) -> int:
    """How many columns of a terminal a text takes: Korean and the like have two, what joins another character none."""
    if text.isascii():
        return len(text)
    return sum(_character_width(character) for character in text)


def pad(text: str, width: int) -> str:
    """The text with blanks up to a number of columns."""
    return text + " " * max(0, width - display_width(text))


def _character_width(character: str) -> int:
    import unicodedata

    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
