"""Poetry: the tables `[tool.poetry.*dependencies]` of pyproject.toml, and poetry.lock."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envtool.language import tell
from envtool.requirements.model import (
    DeclaredRequirement,
    DependencyFile,
    InstallOptions,
    RequirementSet,
    Section,
    SourceLocation,
)
from envtool.requirements.readers.common import (
    get_table,
    make_form_error,
    make_line_error,
    parse_requirement,
    parse_toml,
)
from envtool.requirements.text_file import LineFinder, read_text

if TYPE_CHECKING:
    from poetry.core.packages.dependency import Dependency


_ORDERED_LABEL = re.compile(r"((?:[<>]=?|~=)\s*[\w.!]+)\+[\w.]+")


def read_poetry_sets(table: dict[str, Any], path: Path, lines: LineFinder) -> list[RequirementSet]:
    """The sets of Poetry's own tables: the main one, its extras' optional ones with it, and one for each group."""
    poetry = get_table(table, "tool", "poetry")
    options = _read_sources(poetry)
    sets = []
    main = tuple(
        _read_entries(get_table(poetry, "dependencies"), path, lines, r"\s*\[tool\.poetry\.dependencies", None)
    )
    if main:
        sets.append(RequirementSet(path=path, section=Section.TABLE, name="tool.poetry", entries=main, options=options))
    groups = {name: get_table(group, "dependencies") for name, group in get_table(poetry, "group").items()}
    if "dev-dependencies" in poetry:
        groups["dev"] = get_table(poetry, "dev-dependencies")
    for name, wanted in groups.items():
        heading = rf"\s*\[tool\.poetry\.(?:group\.{re.escape(name)}\.|{re.escape(name)}-)dependencies"
        entries = tuple(_read_entries(wanted, path, lines, heading, name))
        sets.append(RequirementSet(path=path, section=Section.GROUP, name=name, entries=entries, options=options))
    return sets


def _read_entries(
    wanted: dict[str, Any], path: Path, lines: LineFinder, heading: str, group: str | None
) -> Iterator[DeclaredRequirement]:
    start = lines.find_match(heading)
    for name, stated in wanted.items():
        if name.lower() == "python":
            continue
        place = SourceLocation(path, lines.find_key(name, start))
        for one in stated if isinstance(stated, list) else [stated]:
            try:
                text = format_dependency(make_dependency(name, one, path.parent.absolute()))
            except ValueError as error:
                raise make_line_error(
                    place, tell("Poetry's dependency {name} cannot be read", name=name), str(error)
                ) from error
            # Poetry adds a marker for optional ones, which its own installer alone understands.
            text = re.sub(r"\s*(?:and )?\(?extra == \"[^\"]*\"(?: or extra == \"[^\"]*\")*\)?", "", text).rstrip(" ;")
            # The standard's specifiers know local labels only where a version is to be equal.
            text = _ORDERED_LABEL.sub(r"\1", text)
            entry = parse_requirement(text, place, group=group)
            yield replace(entry, source_text=one if isinstance(one, str) else str(get_table(one).get("version", "")))


def make_dependency(name: str, stated: Any, folder: Path) -> Dependency:
    """A dependency as Poetry's file states it, by Poetry's own library. Raises `ValueError`."""
    from poetry.core.factory import Factory

    try:
        return Factory.create_dependency(name, stated, root_dir=folder)
    except (get_parser_error(), TypeError, KeyError, AttributeError) as error:
        raise ValueError(str(error)) from error


def get_parser_error() -> type[Exception]:
    """What the parser that Poetry's library brings along raises for a marker that is none, besides `ValueError`."""
    import poetry.core  # noqa: F401  # makes it importable
    from lark.exceptions import LarkError

    return LarkError


def format_dependency(dependency: Dependency) -> str:
    """A dependency of Poetry's as PEP 508 has it, which knows no `||`: what lies between ranges is excluded.

    A gap that is wider than a version cannot be written; the ranges around it then count as one.
    """
    from poetry.core.constraints.version import VersionUnion

    constraint = dependency.constraint
    if not isinstance(constraint, VersionUnion) or constraint.excludes_single_version:
        return dependency.to_pep_508()
    # As texts: as versions, Poetry's upper bounds are the development releases below them.
    ranges = [str(item).split(",") for item in constraint.ranges]
    # A range may be a single version.
    words = [bound if bound[0] == ">" else f">={bound}" for bound in ranges[0][:1] if bound[0] != "<"]
    words += [bound if bound[0] == "<" else f"<={bound}" for bound in ranges[-1][-1:] if bound[0] != ">"]
    words += [
        f"!={before[-1][1:]}"
        for before, after in itertools.pairwise(ranges)
        if before[-1].startswith("<") and after[0] == f">{before[-1][1:]}"
    ]
    plain, semicolon, marker = dependency.with_constraint("*").to_pep_508().partition(";")
    return f"{plain.strip()}{','.join(words)}{semicolon and ' ;'}{marker}"


def _read_sources(poetry: dict[str, Any]) -> InstallOptions:
    rows = poetry.get("source")
    addresses = [
        row["url"]
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, dict) and isinstance(row.get("url"), str) and row.get("priority") != "explicit"
    ]
    return InstallOptions(extra_index_urls=tuple(addresses))


def read_poetry_lock(path: Path) -> DependencyFile:
    """What `poetry install` would install: everything the lock names. Raises `RequirementsError`."""
    text = read_text(path)
    table = parse_toml(text, path)
    lines = LineFinder(text)
    rows = table.get("package")
    if not isinstance(rows, list) or "metadata" not in table:
        raise make_form_error(path, tell("it has no [[package]] and no [metadata]"))
    entries = []
    after = 1
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("name"), str) or not isinstance(row.get("version"), str):
            raise make_form_error(path, tell("a [[package]] has no name or no version"))
        after = lines.find(f'name = "{row["name"]}"', after)
        markers = row.get("markers")
        marker = f" ; {markers}" if isinstance(markers, str) and markers else ""
        entries.append(parse_requirement(f"{row['name']}=={row['version']}{marker}", SourceLocation(path, after)))
    return DependencyFile(
        path,
        "poetry.lock",
        (RequirementSet(path=path, entries=tuple(entries), locked=True),),
        tell("poetry.lock is made from pyproject.toml: change that, then run `poetry lock`"),
    )
