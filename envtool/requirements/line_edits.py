"""Edits of single lines, one function for each way in which dependency files write a requirement. Pure.

Each takes the rows of a file and changes them in place; a note says why, where the format allows a comment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from envtool.errors import RequirementsError

if TYPE_CHECKING:
    from envtool.requirements.model import DeclaredRequirement
    from envtool.requirements.prediction import LineChange

MARK = "envtool:"
_NOTE = f"# {MARK} the vendor's build, so that nothing takes its place"


def _find_requirement(item: LineChange) -> str:
    marker = f" ; {item.entry.marker}" if item.entry.marker is not None else ""
    return f"{item.text}{marker}"


def replace_line(rows: list[str], item: LineChange, why: str, *, above: bool) -> None:
    """A logical line of a requirements file; what it was stands in the note."""
    start = item.entry.location.line - 1
    count = item.entry.source_text.count("\n") + 1
    first = rows[start]
    indent = first[: len(first) - len(first.lstrip())]
    _before, separator, comment = rows[start + count - 1].partition(" #")
    own = f"{separator}{comment}" if separator else ""
    was = "" if item.specifier is None else f"; was {item.entry.display}"
    if item.specifier is None:
        new = [f"{indent}# {item.entry.display}{own}  # {why}"]
    elif above:
        new = [f"{indent}# {why}{was}", f"{indent}{_find_requirement(item)}{own}"]
    else:
        new = [f"{indent}{_find_requirement(item)}{own}  # {why}{was}"]
    rows[start : start + count] = new


def replace_quoted(rows: list[str], item: LineChange, why: str) -> None:
    """A string of a TOML array, wherever on its line it stands (TOML 1.0, "Array")."""
    number = item.entry.location.line - 1
    row = rows[number]
    match = re.search(rf"(['\"]){re.escape(item.entry.source_text)}\1\s*,?", row) or re.search(
        rf"(['\"])({re.escape(item.entry.name or '')}\b[^'\"]*)\1\s*,?", row, re.IGNORECASE
    )
    if match is None:
        return replace_table_row(rows, item, why)
    if item.specifier is None:
        alone = not (row[: match.start()] + row[match.end() :]).split("#")[0].strip()
        indent = row[: len(row) - len(row.lstrip())]
        left = row[: match.start()] + row[match.end() :].lstrip() if not alone else f"{indent}# {row.strip()}"
        rows[number] = f"{left.rstrip()}  # {why}"
        return None
    quote = "'" if '"' in _find_requirement(item) else '"'
    comma = "," if match[0].rstrip().endswith(",") else ""
    rows[number] = f"{row[: match.start()]}{quote}{_find_requirement(item)}{quote}{comma}{row[match.end() :]}  # {why}"
    return None


def replace_table_row(rows: list[str], item: LineChange, why: str) -> None:
    """`name = "version"` or `name = {version = "…", …}`, as in Pipfile and Poetry's tables."""
    number = item.entry.location.line - 1
    row = rows[number]
    if item.specifier is None:
        indent = row[: len(row) - len(row.lstrip())]
        rows[number] = f"{indent}# {row.strip()}  # {why}"
        return
    pattern = r"^(\s*[\w.\"'-]+\s*=\s*(?:\{.*?version\s*=\s*)?)([\"'])[^\"']*\2"
    new, count = re.subn(pattern, lambda match: f'{match[1]}"{item.specifier}"', row, count=1)
    if not count:
        raise RequirementsError(
            f"{item.entry.location}: the version of {item.entry.name} is not on this line",
            remedy=f"change it by hand to {item.specifier}",
        )
    rows[number] = f"{new}  # {why}"


def replace_listed(rows: list[str], item: LineChange, why: str) -> None:
    """An item of a YAML list."""
    number = item.entry.location.line - 1
    match = re.match(r"^(\s*-\s+)(.*?)(\s+#.*)?$", rows[number])
    if match is None:
        raise RequirementsError(f"{item.entry.location}: {item.entry.source_text} does not stand on a line of its own")
    if item.specifier is None:
        indent = match[1][: len(match[1]) - len(match[1].lstrip())]
        rows[number] = f"{indent}# - {match[2]}{match[3] or ''}  # {why}"
    else:
        text = _find_requirement(item)
        rows[number] = (
            f"{match[1]}{text!r}{match[3] or ''}  # {why}"
            if ":" in text
            else f"{match[1]}{text}{match[3] or ''}  # {why}"
        )


def replace_word(rows: list[str], item: LineChange, why: str) -> None:
    """A word of an instruction; the note goes above it, as a Dockerfile knows comments on lines of their own only."""
    start = item.entry.location.line - 1
    new = "" if item.specifier is None else f'"{item.text}"'
    while rows[start].lstrip().startswith("#"):
        # The note of another word of the same instruction.
        start += 1
    end = start
    while end < len(rows) - 1 and rows[end].rstrip().endswith("\\"):
        end += 1
    wanted = re.escape(item.entry.source_text)
    for number in range(start, len(rows)):
        text, count = re.subn(rf"(?<![\w.=/-])([\"']?){wanted}\1(?=$|[\s;&|\\])", new, rows[number], count=1)
        if count:
            rows[number] = re.sub(r"(?<=\S) {2,}(?=\S)", " ", text)
            rows.insert(start, f"# {why}; was {item.entry.source_text}")
            return
        if number >= end and "<<" not in rows[start]:
            break
    raise RequirementsError(
        f"{item.entry.location}: {item.entry.source_text!r} does not stand in the instruction as it is written",
        why="a variable or a quote takes part in it",
        remedy=f"${{EDITOR:-vi}} +{item.entry.location.line} {item.entry.location.path}",
    )


def add_lines(rows: list[str], added: Sequence[str]) -> None:
    """At the end of a requirements file."""
    ending = [""] if rows and not rows[-1] else []
    body = rows[:-1] if ending else rows
    rows[:] = [*body, _NOTE, *added, *ending]


def add_quoted(rows: list[str], last: DeclaredRequirement, added: Sequence[str]) -> None:
    """Behind a string of a TOML array."""
    number = last.location.line - 1
    row = rows[number]
    found = re.search(rf"(['\"]){re.escape(last.source_text)}\1(\s*,)?", row)
    if found is None:
        add_table_rows(rows, last, added)
        return
    if row.strip().startswith(("'", '"')):
        head = row if found[2] else f"{row[: found.end()]},{row[found.end() :]}"
        rows[number : number + 1] = [head, *(f'{_get_indent(row)}"{text}",  {_NOTE}' for text in added)]
        return
    texts = ", ".join(f'"{text}"' for text in added)
    comma = f"{',' if not found[2] else ''} {texts}{',' if found[2] else ''}"
    rows[number] = f"{row[: found.end()]}{comma}{row[found.end() :]}  {_NOTE}"


def add_table_rows(rows: list[str], last: DeclaredRequirement, added: Sequence[str]) -> None:
    """Rows of a TOML table of names and versions."""
    number = last.location.line - 1
    pairs = [text.split("==") for text in added]
    new = [f'{_get_indent(rows[number])}{name} = "=={version}"  {_NOTE}' for name, version in pairs]
    rows[number + 1 : number + 1] = new


def add_listed(rows: list[str], last: DeclaredRequirement, added: Sequence[str]) -> None:
    """Items of a YAML list."""
    number = last.location.line - 1
    rows[number + 1 : number + 1] = [f"{_get_indent(rows[number])}- {text}  {_NOTE}" for text in added]


def add_indented(rows: list[str], last: DeclaredRequirement, added: Sequence[str]) -> None:
    """Lines of a list in setup.cfg, whose comments stand on lines of their own."""
    number = last.location.line - 1
    indent = _get_indent(rows[number]) or "    "
    rows[number + 1 : number + 1] = [f"{indent}{_NOTE}", *(f"{indent}{text}" for text in added)]


def add_words(rows: list[str], line: int, added: Sequence[str]) -> None:
    """Words of an instruction of a Dockerfile, behind its first `install`."""
    words = " ".join(f'"{text}"' for text in added)
    for number in range(line - 1, len(rows)):
        if not rows[number].lstrip().startswith("#") and re.search(r"\binstall\b", rows[number]):
            if rows[number].split(None, 1)[-1].lstrip().startswith("["):
                words = ", ".join(json.dumps(text) for text in added)
                rows[number] = re.sub(r'("install")', rf"\1, {words}", rows[number], count=1)
            else:
                rows[number] = re.sub(r"\binstall\b", f"install {words}", rows[number], count=1)
            rows.insert(line - 1, _NOTE)
            return


def _get_indent(row: str) -> str:
    return row[: len(row) - len(row.lstrip())]
