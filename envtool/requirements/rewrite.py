"""Rewrites dependency files: explains each line that it changes, and leaves everything else as it was. Pure.

Files are edited as text, line by line, because no parser of theirs keeps comments and order.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import RequirementsError
from envtool.language import tell
from envtool.requirements import line_edits
from envtool.requirements.model import DeclaredRequirement, DependencyFile, RequirementSet, Role, Section

if TYPE_CHECKING:
    from envtool.requirements.prediction import LineChange


@dataclass(frozen=True)
class Rewrite:
    """Changes to a dependency file and the files that it includes: lines to replace, and pins to add to sets."""

    file: DependencyFile
    replacements: tuple[LineChange, ...]
    added: tuple[tuple[RequirementSet, tuple[str, ...]], ...]


def rewrite_files(rewriting: Rewrite, texts: Mapping[Path, str], folders: Mapping[Path, Path]) -> dict[Path, str]:
    """The new text of each of `texts`, changed or not.

    `folders` has the folder that each file moves to; relative paths in it are adapted. Raises `RequirementsError` where
    a line cannot be found again.
    """
    rows = {path: text.split("\n") for path, text in texts.items()}
    for path, lines in rows.items():
        # A file that another one includes is a requirements file, whatever the other is.
        if rewriting.file.kind == "requirements.txt" or path != rewriting.file.path:
            _end_idle_continuations(lines)
    # From the end, so that what is inserted does not move the lines before it.
    for _line, edit in sorted(_list_edits(rewriting, rows), key=lambda pair: pair[0], reverse=True):
        edit()
    for path, lines in rows.items():
        if folders.get(path, path.parent) != path.parent:
            _relocate(lines, path.parent, folders[path])
    return {path: "\n".join(lines) for path, lines in rows.items()}


# Of a change whose reason is in nobody's metadata by itself.
_NO_REASON = "so that torch stays the vendor's"
# The line of an edit, and its rank among the edits of that line; the highest comes first.
_Order = tuple[int, int]


def _list_edits(rewriting: Rewrite, rows: Mapping[Path, list[str]]) -> Iterator[tuple[_Order, Callable[[], None]]]:
    file = rewriting.file
    seen: set[tuple[Path, int, str]] = set()
    for item in rewriting.replacements:
        place = item.entry.location
        if (key := (place.path, place.line, item.entry.source_text)) not in seen:
            seen.add(key)
            # A file that another one includes is a requirements file, whatever the other is.
            kind = file.kind if place.path == file.path else "requirements.txt"
            yield (
                (place.line, 1),
                partial(_REPLACE[kind], rows[place.path], item, f"{line_edits.MARK} {item.why or _NO_REASON}"),
            )
    bases = {pin for wanted, pins in rewriting.added if wanted.section is Section.MAIN for pin in pins}
    held: set[tuple[int, str]] = set()
    for wanted, pins in rewriting.added:
        line = _find_last_line(wanted, file) if wanted.instruction is None else wanted.instruction.location.line
        # An extra has the lines of the project's own dependencies in it.
        inherited = bases if wanted.section is Section.EXTRA else set()
        needed = [pin for pin in pins if pin not in inherited and (line, pin) not in held]
        held |= {(line, pin) for pin in needed}
        if needed:
            # Words beside those that were replaced; elsewhere the line is found by what it still says.
            order = 2 if wanted.instruction is None else 0
            yield (line, order), partial(_add, rows[file.path], file, wanted, needed)


def _find_last_line(wanted: RequirementSet, file: DependencyFile) -> int:
    last = _find_last(wanted, file.path)
    return sys.maxsize if last is None or file.kind == "requirements.txt" else last.location.line


_REPLACE: Mapping[str, Callable[[list[str], LineChange, str], None]] = {
    "requirements.txt": partial(line_edits.replace_line, above=False),
    "setup.cfg": partial(line_edits.replace_line, above=True),
    "pyproject.toml": line_edits.replace_quoted,
    "Pipfile": line_edits.replace_table_row,
    "environment.yml": line_edits.replace_listed,
    "Dockerfile": line_edits.replace_word,
}
_ADD: Mapping[str, Callable[[list[str], DeclaredRequirement, Sequence[str]], None]] = {
    "setup.cfg": line_edits.add_indented,
    "pyproject.toml": line_edits.add_quoted,
    "Pipfile": line_edits.add_table_rows,
    "environment.yml": line_edits.add_listed,
}


def _add(rows: list[str], file: DependencyFile, wanted: RequirementSet, added: list[str]) -> None:
    last = _find_last(wanted, file.path)
    if file.kind == "requirements.txt":
        line_edits.add_lines(rows, added)
    elif wanted.instruction is not None:
        line_edits.add_words(rows, wanted.instruction.location.line, added)
    elif last is None:
        raise RequirementsError(
            tell("{path}: it has no list that {added} could be added to", path=file.path, added=", ".join(added))
        )
    else:
        _ADD[file.kind](rows, last, added)


def _find_last(wanted: RequirementSet, path: Path) -> DeclaredRequirement | None:
    """The last line that is the set's own: new lines follow it."""
    here = [entry for entry in wanted.requirements if entry.location.path == path]
    own = [entry for entry in here if entry.group is not None] or here
    return max(own, key=lambda entry: entry.location.line, default=None)


def _end_idle_continuations(rows: list[str]) -> None:
    """Take a backslash away after which nothing comes: to pip it is none, and uv takes no file that has one."""
    for number, row in enumerate(rows):
        following = rows[number + 1] if number + 1 < len(rows) else ""
        if not following.strip() and row.rstrip().endswith("\\") and not row.lstrip().startswith("#"):
            rows[number] = row.rstrip()[:-1].rstrip() + ("\r" if row.endswith("\r") else "")


_PATH_ARGUMENT = re.compile(r"^(\s*(?:-e|--editable|-f|--find-links)[=\s]+|\s*)(\.{1,2}/[^\s;#\[]*)")


def _relocate(rows: list[str], old: Path, new: Path) -> None:
    """Adapt relative paths, so that they lead to the same files from the folder `new`."""
    for number, row in enumerate(rows):
        match = _PATH_ARGUMENT.match(row)
        if match is not None:
            moved = os.path.relpath((old / match[2]).resolve(), new.resolve())
            moved = moved if moved.startswith(".") else f"./{moved}"
            rows[number] = f"{match[1]}{moved}{row[match.end() :]}"


def list_included_files(file: DependencyFile) -> tuple[Path, ...]:
    """Every file that a dependency file consists of, itself first."""
    places = [entry.location.path for item in file.sets for entry in item.entries if entry.role is not Role.CONDA]
    return tuple(dict.fromkeys([file.path, *places]))
