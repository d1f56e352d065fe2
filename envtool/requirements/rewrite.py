"""Rewrites dependency files: each changed line explained, everything else as it was, comments and order included. Pure.

Every kind is edited as text, line by line, because no parser of theirs gives all of its input back.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import RequirementsError
from envtool.requirements import line_edits
from envtool.requirements.model import DeclaredRequirement, DependencyFile, RequirementSet, Role, Section

if TYPE_CHECKING:
    from envtool.requirements.prediction import LineChange


@dataclass(frozen=True)
class Rewrite:
    """What is to become of the files that a dependency file consists of: lines to replace, and pins to add to sets."""

    file: DependencyFile
    replacements: tuple[LineChange, ...]
    added: tuple[tuple[RequirementSet, tuple[str, ...]], ...]


def rewrite_files(rewriting: Rewrite, texts: Mapping[Path, str], folders: Mapping[Path, Path]) -> dict[Path, str]:
    """The new text of each file that belongs to a dependency file, unchanged ones among them.

    `folders` says where each file's folder comes to lie, for the relative paths in it. Raises `RequirementsError` where
    a line cannot be found again or the kind cannot be rewritten.
    """
    rows = {path: text.split("\n") for path, text in texts.items()}
    # From the end, so that what is inserted does not move the lines before it.
    for _line, edit in sorted(_list_edits(rewriting, rows), key=lambda pair: pair[0], reverse=True):
        edit()
    for path, lines in rows.items():
        if folders.get(path, path.parent) != path.parent:
            _relocate(lines, path.parent, folders[path])
    return {path: "\n".join(lines) for path, lines in rows.items()}


# A line, and what comes first of several edits to it: the highest.
_Order = tuple[int, int]


def _list_edits(rewriting: Rewrite, rows: Mapping[Path, list[str]]) -> Iterator[tuple[_Order, Callable[[], None]]]:
    file = rewriting.file
    seen: set[tuple[Path, int, str]] = set()
    for item in rewriting.replacements:
        place = item.entry.location
        if (key := (place.path, place.line, item.entry.source_text)) not in seen:
            seen.add(key)
            yield (place.line, 1), partial(_replace, rows[place.path], item, _get_kind(place.path, file))
    bases = {pin for wanted, pins in rewriting.added if wanted.section is Section.MAIN for pin in pins}
    held: set[tuple[int, str]] = set()
    for wanted, pins in rewriting.added:
        line = _find_last_line(wanted, file) if wanted.instruction is None else wanted.instruction.location.line
        needed = [pin for pin in pins if not (_inherits(wanted) and pin in bases) and (line, pin) not in held]
        held |= {(line, pin) for pin in needed}
        if needed and wanted.instruction is not None:
            # Words beside those that were replaced; elsewhere the line is found by what it still says.
            yield (line, 0), partial(_add, rows[file.path], file, wanted, needed)
        elif needed:
            yield (line, 2), partial(_add, rows[file.path], file, wanted, needed)


def _inherits(wanted: RequirementSet) -> bool:
    """Whether a set has the lines of the project's own dependencies in it."""
    return wanted.section is Section.EXTRA


def _find_last_line(wanted: RequirementSet, file: DependencyFile) -> int:
    last = _find_last(wanted, file.path)
    return sys.maxsize if last is None or file.kind == "requirements.txt" else last.location.line


def _get_kind(path: Path, file: DependencyFile) -> str:
    """A file that another one includes is a requirements file, whatever the other is."""
    return file.kind if path == file.path else "requirements.txt"


def _replace(rows: list[str], item: LineChange, kind: str) -> None:
    why = f"{line_edits.MARK} {item.why}"
    match kind:
        case "requirements.txt" | "setup.cfg":
            line_edits.replace_line(rows, item, why, above=kind == "setup.cfg")
        case "pyproject.toml":
            line_edits.replace_quoted(rows, item, why)
        case "Pipfile":
            line_edits.replace_table_row(rows, item, why)
        case "environment.yml":
            line_edits.replace_listed(rows, item, why)
        case "Dockerfile":
            line_edits.replace_word(rows, item, why)
        case _:
            raise RequirementsError(f"{item.entry.location}: files of the kind {kind} cannot be rewritten")


def _add(rows: list[str], file: DependencyFile, wanted: RequirementSet, added: list[str]) -> None:
    if file.kind == "requirements.txt":
        line_edits.add_lines(rows, added)
        return
    if wanted.instruction is not None:
        line_edits.add_words(rows, wanted.instruction.location.line, added)
        return
    last = _find_last(wanted, file.path)
    if last is None:
        raise RequirementsError(f"{file.path}: it has no list that {', '.join(added)} could be added to")
    match file.kind:
        case "pyproject.toml":
            line_edits.add_quoted(rows, last, added)
        case "Pipfile":
            line_edits.add_table_rows(rows, last, added)
        case "environment.yml":
            line_edits.add_listed(rows, last, added)
        case "setup.cfg":
            line_edits.add_indented(rows, last, added)
        case _:
            raise RequirementsError(f"{file.path}: files of the kind {file.kind} cannot be rewritten")


def _find_last(wanted: RequirementSet, path: Path) -> DeclaredRequirement | None:
    """The set's last own line, which a new one comes after."""
    here = [entry for entry in wanted.requirements if entry.location.path == path]
    own = [entry for entry in here if entry.group is not None] or here
    return max(own, key=lambda entry: entry.location.line, default=None)


_PATH_ARGUMENT = re.compile(r"^(\s*(?:-e|--editable|-f|--find-links)[=\s]+|\s*)(\.{1,2}/[^\s;#\[]*)")


def _relocate(rows: list[str], old: Path, new: Path) -> None:
    """Relative paths, so that they lead where they led from the old folder."""
    for number, row in enumerate(rows):
        match = _PATH_ARGUMENT.match(row)
        if match is not None:
            moved = os.path.relpath((old / match[2]).resolve(), new.resolve())
            moved = moved if moved.startswith(".") else f"./{moved}"
            rows[number] = f"{match[1]}{moved}{row[match.end() :]}"


def list_files(file: DependencyFile) -> tuple[Path, ...]:
    """Every file that a dependency file consists of, itself first."""
    places = [entry.location.path for item in file.sets for entry in item.entries if entry.role is not Role.CONDA]
    return tuple(dict.fromkeys([file.path, *places]))
