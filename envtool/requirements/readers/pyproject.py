"""pyproject.toml: PEP 621 dependencies and extras, PEP 735 groups, and the tables of uv and Poetry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from envtool.language import tell
from envtool.requirements.model import (
    DeclaredRequirement,
    DependencyFile,
    InstallOptions,
    RequirementSet,
    Role,
    Section,
    SourceLocation,
)
from envtool.requirements.readers.common import (
    get_strings,
    get_table,
    make_form_error,
    make_line_error,
    make_project_set,
    parse_requirement,
    parse_toml,
)
from envtool.requirements.readers.poetry import read_poetry_sets
from envtool.requirements.readers.uv_settings import read_uv_options
from envtool.requirements.readers.uv_sources import apply_uv_sources
from envtool.requirements.text_file import LineFinder, read_text
from envtool.wheel.requires import normalize_name


def read_pyproject(path: Path) -> DependencyFile:
    """One set for the dependencies, and one for each extra and each group. Raises `RequirementsError`."""
    text = read_text(path)
    return read_pyproject_table(parse_toml(text, path), text, path)


def read_pyproject_table(table: dict[str, Any], text: str, path: Path) -> DependencyFile:
    """The same for a file that is parsed already."""
    lines = LineFinder(text)
    limits = tuple(_read_uv_limits(table, path, lines))
    options = read_uv_options(table)
    sets = [*_read_project_sets(table, path, lines), *_group_sets(table, path, lines)]
    poetry = read_poetry_sets(table, path, lines)
    built = _read_built_set(table, path) if not poetry else None
    sets = [*([built] if built is not None else []), *sets, *poetry]
    if not sets and "project" not in table and "tool" not in table and "build-system" not in table:
        raise make_form_error(path, tell("it has none of the tables project, dependency-groups, tool"))
    return DependencyFile(
        path,
        "pyproject.toml",
        tuple(_complete(item, limits, options, table) for item in sets),
        None
        if built is None
        else tell("its build back end tells what it requires: change the lines that are named by hand"),
    )


def _complete(
    wanted: RequirementSet, limits: tuple[DeclaredRequirement, ...], options: InstallOptions, table: dict[str, Any]
) -> RequirementSet:
    """The set with what uv's tables say for all sets of the file."""
    found = apply_uv_sources(wanted.entries, table, wanted.path)
    uv_entries = (*(found if found is not None else wanted.entries), *limits)
    return replace(
        wanted,
        uv_entries=uv_entries if uv_entries != wanted.entries else None,
        uv_options=options,
    )


def _read_built_set(table: dict[str, Any], path: Path) -> RequirementSet | None:
    """The set of a project whose dependencies are not written here (PEP 621, `dynamic`), but come of its build."""
    if "project" in table:
        dynamic = get_strings(get_table(table, "project").get("dynamic"), path, "project.dynamic")
        is_built = bool({"dependencies", "optional-dependencies"} & set(dynamic))
    else:
        is_built = "build-system" in table or any((path.parent / name).is_file() for name in ("setup.py", "setup.cfg"))
    return make_project_set(path) if is_built else None


def _read_project_sets(table: dict[str, Any], path: Path, lines: LineFinder) -> Iterator[RequirementSet]:
    project = get_table(table, "project")
    start = lines.find_match(r"\s*\[project\]")
    base = tuple(
        _read_entries(project.get("dependencies"), path, lines, lines.find_match(r"\s*dependencies\s*=", start))
    )
    if base:
        yield RequirementSet(path=path, entries=base)
    name = str(project.get("name", ""))
    extras = get_table(project, "optional-dependencies")
    for extra in extras:
        wanted = _expand_own_extras(name, extras, extra, path)
        after = lines.find_match(r"\s*\[project\.optional-dependencies\]|\s*optional-dependencies")
        found = tuple(_read_entries(wanted, path, lines, after, extra))
        yield RequirementSet(path=path, section=Section.EXTRA, name=extra, entries=(*base, *found))


def _replace_own_name(wanted: list[str], table: dict[str, Any], path: Path) -> list[str]:
    """What a group requires, with the project's dependencies and extras in the place of its own name.

    Who installs such a group has the project itself in mind, not what an index has under that name.
    """
    project = get_table(table, "project")
    name = normalize_name(str(project.get("name", "")))
    found: list[str] = []
    for text in wanted:
        requirement = _parse(text)
        if not name or requirement is None or normalize_name(requirement.name) != name:
            found.append(text)
            continue
        found += get_strings(project.get("dependencies"), path, "project.dependencies")
        extras = get_table(project, "optional-dependencies")
        for extra in sorted(requirement.extras):
            found += _expand_own_extras(str(project["name"]), extras, extra, path)
    return list(dict.fromkeys(found))


def _parse(text: str) -> Requirement | None:
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


def _expand_own_extras(
    name: str, extras: dict[str, Any], extra: str, path: Path, above: tuple[str, ...] = ()
) -> list[str]:
    """The requirements of an extra, where it names the project's own extras with those of these."""
    if extra in above:
        raise make_form_error(
            path, tell("the extra {extra} includes itself: {chain}", extra=extra, chain=" → ".join((*above, extra)))
        )
    found: list[str] = []
    for text in get_strings(extras.get(extra), path, f"optional-dependencies.{extra}"):
        requirement = _parse(text)
        if requirement is not None and name and normalize_name(requirement.name) == normalize_name(name):
            for inner in sorted(requirement.extras):
                found += _expand_own_extras(name, extras, inner, path, (*above, extra))
        else:
            found.append(text)
    return found


def _group_sets(table: dict[str, Any], path: Path, lines: LineFinder) -> Iterator[RequirementSet]:
    from packaging.dependency_groups import resolve_dependency_groups

    groups = get_table(table, "dependency-groups")
    after = lines.find_match(r"\s*\[dependency-groups\]")
    for group in groups:
        try:
            wanted = resolve_dependency_groups(groups, group)
        except (ValueError, TypeError, LookupError, ExceptionGroup) as error:
            place = SourceLocation(path, lines.find_key(group, after))
            causes = error.exceptions if isinstance(error, ExceptionGroup) else (error,)
            why = "; ".join(str(cause) for cause in causes)
            raise make_line_error(
                place, tell("the dependency group {group} cannot be put together", group=group), why
            ) from error
        entries = tuple(_read_entries(_replace_own_name(list(wanted), table, path), path, lines, after, group))
        yield RequirementSet(path=path, section=Section.GROUP, name=group, entries=entries)
    dev = get_table(table, "tool", "uv").get("dev-dependencies")
    if dev:
        entries = tuple(_read_entries(dev, path, lines, lines.find_match(r"\s*dev-dependencies"), "dev"))
        yield RequirementSet(path=path, section=Section.TABLE, name="tool.uv.dev-dependencies", entries=entries)


def _read_uv_limits(table: dict[str, Any], path: Path, lines: LineFinder) -> Iterator[DeclaredRequirement]:
    """Constraints and overrides, which count for a uv that is run in the project's folder."""
    uv = get_table(table, "tool", "uv")
    for key, role in (("constraint-dependencies", Role.CONSTRAINT), ("override-dependencies", Role.OVERRIDE)):
        for entry in _read_entries(uv.get(key), path, lines, lines.find_match(rf"\s*{key}")):
            yield (
                replace(entry, role=role) if role is Role.OVERRIDE else replace(entry, role=role, extras=(), link=None)
            )


def _read_entries(
    value: object, path: Path, lines: LineFinder, after: int, group: str | None = None
) -> Iterator[DeclaredRequirement]:
    for text in get_strings(value, path, tell("a list of requirements")):
        yield parse_requirement(text, SourceLocation(path, lines.find_quoted(text, after)), group=group)
