"""Edits of single lines: a function for each way in which dependency files write a requirement.

Each changes the rows of a file in place, and adds a comment that says why.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from envtool.errors import RequirementsError
from envtool.language import tell
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from envtool.requirements.model import DeclaredRequirement
    from envtool.requirements.prediction import LineChange

MARK = "envtool:"
_NOTE = f"# {MARK} the vendor's build, so that nothing takes its place"


def _format_requirement(item: LineChange) -> str:
    marker = f" ; {item.entry.marker}" if item.entry.marker is not None else ""
    return f"{item.text}{marker}"


def replace_line(rows: list[str], item: LineChange, why: str, *, above: bool) -> None:
    """A line of a requirements file, continuation lines included; the note says what it was."""
    start = item.entry.location.line - 1
    count = item.entry.source_text.count("\n") + 1
    first = rows[start]
    indent = _get_indent(first)
    _requirement, separator, text = rows[start + count - 1].partition(" #")
    comment = f"{separator}{text}"
    was = "" if item.specifier is None else f"; was {item.entry.display}"
    if item.specifier is None:
        new = [f"{indent}# {item.entry.display}{comment}  # {why}"]
    elif above or item.hashes:
        # A comment behind a line that goes on would end it.
        hashes = [f"{indent}    --hash={value}" for value in item.hashes]
        parts = [f"{indent}{_format_requirement(item)}", *hashes]
        new = [f"{indent}# {why}{was}", *(f"{part} \\" for part in parts[:-1]), f"{parts[-1]}{comment}"]
    else:
        new = [f"{indent}{_format_requirement(item)}{comment}  # {why}{was}"]
    rows[start : start + count] = new


def replace_quoted(rows: list[str], item: LineChange, why: str) -> None:
    """A string of a TOML array, wherever on its line it stands (TOML 1.0, "Array")."""
    number = item.entry.location.line - 1
    row = rows[number]
    if _is_table_row(row, item.entry):
        replace_table_row(rows, item, why)
        return
    match = re.search(rf"(['\"]){re.escape(item.entry.source_text)}\1\s*,?", row) or re.search(
        rf"(['\"])({re.escape(item.entry.name or '')}\b[^'\"]*)\1\s*,?", row, re.IGNORECASE
    )
    if match is None:
        replace_table_row(rows, item, why)
        return
    before, after = row[: match.start()], row[match.end() :]
    if item.specifier is None:
        is_alone = not (before + after).split("#")[0].strip()
        rest = f"{_get_indent(row)}# {row.strip()}" if is_alone else before + after.lstrip()
        rows[number] = f"{rest.rstrip()}  # {why}"
        return
    text = _format_requirement(item)
    quote = "'" if '"' in text else '"'
    comma = "," if match[0].rstrip().endswith(",") else ""
    rows[number] = f"{before}{quote}{text}{quote}{comma}{after}  # {why}"


def _is_table_row(row: str, entry: DeclaredRequirement) -> bool:
    """Whether a line says a distribution's version by its name as a key, and not in a list."""
    match = re.match(r"\s*([\"']?)([\w.-]+)\1\s*=\s*[\"'{]", row)
    return match is not None and normalize_name(match[2]) == entry.name


def replace_table_row(rows: list[str], item: LineChange, why: str) -> None:
    """`name = "version"` or `name = {version = "…", …}`, as in Pipfile and Poetry's tables."""
    number = item.entry.location.line - 1
    row = rows[number]
    if item.specifier is None and not row.lstrip().startswith("["):
        indent = _get_indent(row)
        rows[number] = f"{indent}# {row.strip()}  # {why}"
        return
    if row.lstrip().startswith("["):
        # A table of its own, `[tool.poetry.dependencies.NAME]`.
        later = range(number + 1, len(rows))
        end = next((at for at in later if rows[at].lstrip().startswith("[")), len(rows))
        number = next((at for at in later if at < end and re.match(r"\s*version\s*=", rows[at])), number)
        row = rows[number]
    pattern = r"^(\s*[\w.\"'-]+\s*=\s*(?:\{.*?version\s*=\s*)?)([\"'])[^\"']*\2"
    new, count = re.subn(pattern, lambda match: f'{match[1]}"{item.specifier}"', row, count=1)
    if not count or item.specifier is None:
        raise RequirementsError(
            tell(
                "{location}: the version of {name} is not on this line",
                location=item.entry.location,
                name=item.entry.name,
            ),
            remedy=tell("change it by hand: {text}", text=item.text),
        )
    rows[number] = f"{new}  # {why}"


def replace_listed(rows: list[str], item: LineChange, why: str) -> None:
    """An item of a YAML list."""
    number = item.entry.location.line - 1
    match = re.match(r"^(\s*-\s+)(.*?)(\s+#.*)?$", rows[number])
    if match is None:
        raise RequirementsError(
            tell(
                "{location}: {source_text} does not stand on a line of its own",
                location=item.entry.location,
                source_text=item.entry.source_text,
            )
        )
    if item.specifier is None:
        indent = _get_indent(rows[number])
        rows[number] = f"{indent}# - {match[2]}{match[3] or ''}  # {why}"
    else:
        text = _format_requirement(item)
        quoted = repr(text) if ":" in text else text
        rows[number] = f"{match[1]}{quoted}{match[3] or ''}  # {why}"


def replace_word(rows: list[str], item: LineChange, why: str) -> None:
    """A word of a Dockerfile's instruction. The note goes above it: comments need lines of their own there."""
    start = item.entry.location.line - 1
    new = "" if item.specifier is None else f'"{item.text}"'
    # Notes of other words of the same instruction.
    while rows[start].lstrip().startswith("#"):
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
        tell(
            "{location}: {source_text!r} does not stand in the instruction as it is written",
            location=item.entry.location,
            source_text=item.entry.source_text,
        ),
        why=tell("a variable or a quote takes part in it"),
        remedy=item.entry.location.edit_command,
    )


def add_lines(rows: list[str], added: Sequence[str]) -> None:
    """Lines at the end of a requirements file."""
    ending = [""] if rows and not rows[-1] else []
    body = rows[:-1] if ending else rows
    rows[:] = [*body, _NOTE, *added, *ending]


def add_quoted(rows: list[str], last: DeclaredRequirement, added: Sequence[str]) -> None:
    """Strings of a TOML array, after its string `last`."""
    number = last.location.line - 1
    row = rows[number]
    found = re.search(rf"(['\"]){re.escape(last.source_text)}\1(\s*,)?", row)
    if found is None or _is_table_row(row, last):
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
    """Items of a YAML list, after its item `last`."""
    number = last.location.line - 1
    rows[number + 1 : number + 1] = [f"{_get_indent(rows[number])}- {text}  {_NOTE}" for text in added]


def add_indented(rows: list[str], last: DeclaredRequirement, added: Sequence[str]) -> None:
    """Lines of a list in setup.cfg, where comments need lines of their own."""
    number = last.location.line - 1
    indent = _get_indent(rows[number]) or "    "
    rows[number + 1 : number + 1] = [f"{indent}{_NOTE}", *(f"{indent}{text}" for text in added)]


def add_words(rows: list[str], line: int, added: Sequence[str]) -> None:
    """Words of a Dockerfile's instruction, after its first `install`."""
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
