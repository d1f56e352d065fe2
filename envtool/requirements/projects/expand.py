"""Puts what projects require in the place of the projects: a set of lines, or a wheel that stands in for a line."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement

from envtool.errors import RequirementsError, ResolutionError, SetupError, SourceError
from envtool.language import join_messages, tell
from envtool.requirements.model import DeclaredRequirement, DependencyFile, RequirementSet, Section, SourceLocation
from envtool.requirements.text_file import LineFinder, read_text
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from envtool.requirements.projects.project_metadata import ProjectMetadata
    from envtool.requirements.projects.project_reader import ProjectReader

_CANNOT = (RequirementsError, ResolutionError, SetupError, SourceError)
_NAMED_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")
# Where people write what a project requires, in the order in which they are looked through.
_SOURCES = ("setup.py", "setup.cfg", "pyproject.toml", "requirements.txt", "requirements/*.txt", "requirements*.txt",
            "*/requirements.txt")  # fmt: skip


def expand_file(file: DependencyFile, reader: ProjectReader, only: Collection[str] = ()) -> DependencyFile:
    """The file with everything that its projects require, as far as that can be told.

    Of a project whose extras nobody knew before, those that are in `only` are taken, where it names any.
    """
    sets = [
        found
        for item in file.sets
        for found in expand_set(item, reader)
        if item.project is None or not only or found.name in only or found.project is not None
    ]
    return replace(file, sets=tuple(sets))


def expand_set(wanted: RequirementSet, reader: ProjectReader) -> Iterator[RequirementSet]:
    """A project's own set as one for it and one for each extra; any other with stand-ins for the projects it names."""
    if wanted.project is None:
        yield _replace_links(wanted, reader)
        return
    try:
        found = reader.read(str(wanted.project))
    except _CANNOT as error:
        yield replace(wanted, unresolved=(_explain(error),))
        return
    if found is None:
        yield wanted
        return
    here = reader.resolver.target.marker_environment
    lines = _SourceLines(wanted.project, wanted.path)
    base = tuple(_list_entries(found.metadata, None, lines, here))
    plain = _with_more(replace(wanted, project=None, unresolved=()), base)
    yield _replace_links(plain, reader)
    if wanted.section is Section.MAIN:
        for extra in found.metadata.extras:
            entries = (*base, *_list_entries(found.metadata, extra, lines, here))
            if len(entries) > len(base):
                more = replace(plain, section=Section.EXTRA, name=extra)
                yield _replace_links(_with_more(more, entries[len(base) :]), reader)


def _with_more(wanted: RequirementSet, entries: tuple[DeclaredRequirement, ...]) -> RequirementSet:
    uv_entries = (*entries, *wanted.uv_entries) if wanted.uv_entries is not None else None
    return replace(wanted, entries=(*entries, *wanted.entries), uv_entries=uv_entries)


def _replace_links(wanted: RequirementSet, reader: ProjectReader) -> RequirementSet:
    """The set with a stand-in for each line that names a folder or a git repository."""
    unresolved = list(wanted.unresolved)
    entries = tuple(_stand_in(entry, wanted, reader, unresolved) for entry in wanted.entries)
    fitting = tuple(entry for entry in entries if entry is not None)
    if wanted.uv_entries is None:
        return replace(wanted, entries=fitting, unresolved=tuple(unresolved))
    missing: list[str] = []
    uv_entries = tuple(_stand_in(entry, wanted, reader, missing) for entry in wanted.uv_entries)
    return replace(
        wanted,
        entries=fitting,
        uv_entries=tuple(entry for entry in uv_entries if entry is not None),
        unresolved=tuple(dict.fromkeys([*unresolved, *missing])),
    )


def _stand_in(
    entry: DeclaredRequirement, wanted: RequirementSet, reader: ProjectReader, unresolved: list[str]
) -> DeclaredRequirement | None:
    """The entry, or what stands in for it; `None` where it cannot be read, and why that is in `unresolved`."""
    if entry.link is None or wanted.locked or not reader.resolver.target.is_applicable(entry):
        return entry
    try:
        found = reader.read(entry.link)
    except _CANNOT as error:
        unresolved.append(join_messages(": ", (str(entry.location), _explain(error))))
        return None
    if found is None:
        return entry
    name, link = found.metadata.name, found.wheel.as_uri()
    return replace(entry, name=name, link=link, editable=False, source_link=entry.link)


def _explain(error: RequirementsError | ResolutionError | SetupError | SourceError) -> str:
    told = join_messages(": ", (error.what, error.why)) if error.why else error.what
    return tell("{told}; next: {remedy}", told=told, remedy=error.remedy) if error.remedy else told


class _SourceLines:
    """Finds where a project's files say what its metadata says."""

    def __init__(self, folder: Path, first: Path) -> None:
        paths = [first, *(path for name in _SOURCES for path in sorted(folder.glob(name)))]
        self._files: list[tuple[Path, LineFinder]] = []
        for path in dict.fromkeys(paths):
            if path.is_file():
                try:
                    self._files.append((path, LineFinder(read_text(path))))
                except RequirementsError:
                    continue
        self._first = first

    def find(self, requirement: Requirement) -> SourceLocation:
        """The line that names a requirement, else the first of the project's own file."""
        name = re.sub(r"[-_.]+", "[-_.]+", re.escape(requirement.name).replace(r"\-", "-").replace(r"\.", "."))
        for pattern in (
            rf".*(?<![\w.-]){name}(?![\w.-])\s*(?:\[[^]]*\]\s*)?[<>=!~@\"';,\]]",
            rf"\s*[\"']?{name}[\"']?\s*$",
        ):
            compiled = re.compile(pattern, re.IGNORECASE)
            for path, lines in self._files:
                number = lines.find_pattern(compiled)
                if number is not None:
                    return SourceLocation(path, number)
        return SourceLocation(self._first, 1)


def _list_entries(
    metadata: ProjectMetadata, extra: str | None, lines: _SourceLines, environment: Mapping[str, str]
) -> Iterator[DeclaredRequirement]:
    """The requirements without an extra, or those that only `extra` makes."""
    for text in _requires_of(metadata, extra, ()):
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if extra is not None and requirement.marker is not None:
            # What is left of its marker without the extra holds or not; installers know no extra of a line.
            if not requirement.marker.evaluate({**environment, "extra": extra}):
                continue
            requirement.marker = None
        yield DeclaredRequirement(
            location=lines.find(requirement),
            source_text=f"{requirement.name}{requirement.specifier}",
            name=normalize_name(requirement.name),
            specifier=requirement.specifier,
            extras=tuple(sorted(requirement.extras)),
            marker=requirement.marker,
            link=requirement.url,
            group=extra,
        )


def _requires_of(metadata: ProjectMetadata, extra: str | None, above: tuple[str, ...]) -> Iterable[str]:
    """`Requires-Dist` lines of one extra, with those of the project's other extras where it names itself."""
    for text in metadata.requires:
        named = {normalize_name(name) for name in _NAMED_EXTRA.findall(text)}
        if (extra is None) == bool(named) or (extra is not None and normalize_name(extra) not in named):
            continue
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if normalize_name(requirement.name) != metadata.name:
            yield text
            continue
        for inner in sorted(requirement.extras - set(above)):
            yield from (line for line in _requires_of(metadata, inner, (*above, extra or "", inner)))
