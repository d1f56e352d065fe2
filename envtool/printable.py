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
