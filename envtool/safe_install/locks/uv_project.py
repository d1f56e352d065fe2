"""uv.lock: uv itself says what it would install; the lock says who requires what the vendor pins."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envtool.errors import LockError, ResolutionError
from envtool.language import tell
from envtool.release.profile import PINNED_NAMES
from envtool.requirements.lock_selection import LockSelection
from envtool.requirements.metadata import DEFAULT_INDEX
from envtool.requirements.model import InstallOptions, RequirementSet
from envtool.requirements.readers.common import get_table, get_tables, parse_toml
from envtool.requirements.readers.requirements_txt import read_lines
from envtool.requirements.text_file import read_text
from envtool.requirements.uv_command import run_uv
from envtool.safe_install.locks.artifact import add_address
from envtool.safe_install.locks.cuda import select_idle_cuda_wheels
from envtool.safe_install.locks.model import LockedDemand, LockedSet, format_relock, refuse_other_python
from envtool.safe_install.locks.uv_selection import (
    find_remedy,
    list_names,
    refuse_unknown_names,
    refuse_unknown_packages,
)
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from envtool.requirements.model import DeclaredRequirement
    from envtool.requirements.target import Target

Export = Callable[[Sequence[str]], "tuple[DeclaredRequirement, ...]"]
# Variables that say where uv is to install, or how it is to lock, which is not what it is asked here.
_UNHEEDED = frozenset({"VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "UV_LOCKED", "UV_FROZEN", "UV_ISOLATED", "UV_PYTHON"})
_OWN = ("editable", "directory", "virtual")


def read_uv_project(
    lock: Path,
    project: Path,
    selection: LockSelection,
    target: Target,
    export: Export | None = None,
    *,
    options: Sequence[str] = (),
) -> LockedSet:
    """What `uv sync` would install for the project in a folder. Raises `LockError` and `RequirementsError`.

    `export` tells what uv exports for the selection; by default uv itself is asked. `options` are those of the
    command beside the selection, for the one that is proposed.
    """
    export = export or partial(_export, lock, project, selection, target, options)
    table = parse_toml(read_text(lock), lock)
    refuse_other_python(
        lock,
        table.get("requires-python"),
        target,
        tell("{command}   (after widening requires-python)", command=format_relock(lock)),
    )
    rows = _list_rows(table)
    pins = [item.name for item in target.pin.distributions]
    everything = export(())
    if selection.all_packages:
        # uv prunes single members only.
        needed = _reach(rows, pins)
    else:
        words = [word for name in pins for word in ("--prune", name)]
        needed = {entry.name for entry in export(words)}
    entries = [entry for entry in everything if entry.name not in pins]
    left_out = select_idle_cuda_wheels(entries, needed)
    index = _find_index(rows)
    kept = tuple(_add_address(entry, rows, index, lock, target) for entry in entries if entry not in left_out)
    named = {entry.name for entry in kept}
    chosen = {row["name"] for row in rows if _is_chosen(row, lock, project, selection)}
    demands = tuple(_list_demands(rows, lock, project, named, selection, target))
    overridden = _read_overrides(table, target)
    requirers = _list_requirers(rows, pins)
    own = {row["name"] for row in rows if _is_own(row)}
    unread = tuple(entry for entry in kept if entry.name in requirers - own)
    return LockedSet(
        path=lock,
        wanted=RequirementSet(
            path=lock, entries=kept, options=InstallOptions(index_url=index, no_deps=True), locked=True
        ),
        pinned=tuple(entry for entry in everything if entry.name in pins),
        left_out=left_out,
        demands=(*demands, *overridden),
        unread=unread,
        overridden=frozenset(_list_overridden(table)),
        extras=tuple((name, frozenset(found)) for name, found in _collect_extras(rows, named | chosen).items()),
        passed=tuple(_read_build_settings(lock)),
    )


def _list_rows(table: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for row in get_tables(table, "package") if isinstance(row.get("name"), str)]


def _export(
    lock: Path,
    project: Path,
    selection: LockSelection,
    target: Target,
    options: Sequence[str],
    words: Sequence[str],
) -> tuple[DeclaredRequirement, ...]:
    """The requirements of `uv export` whose markers hold for the target. Nothing of the project is run for it."""
    command = ["export", "--frozen", "--format", "requirements-txt", "--no-header", "--no-annotate"]
    command += ["--project", str(project), "--directory", str(lock.parent), *_format_selection(selection), *words]
    variables = {key: value for key, value in os.environ.items() if key not in _UNHEEDED}
    try:
        said = run_uv(command, variables)
    except ResolutionError as error:
        table = parse_toml(read_text(lock), lock)
        chosen = [row for row in _list_rows(table) if _is_chosen(row, lock, project, selection)]
        refuse_unknown_packages(lock, (row["name"] for row in _list_rows(table) if _is_own(row)), selection)
        names = list_names(table, chosen, _select_groups(lock, project, LockSelection()))
        refuse_unknown_names(lock, names, selection)
        raise LockError(
            tell("{lock} cannot be installed from", lock=lock),
            why=error.why,
            remedy=find_remedy(table, names, selection, project, options)
            or f"uv lock --check --project {shlex.quote(str(project))}",
        ) from error
    found = read_lines(said.out, lock.parent / "uv export").entries
    return tuple(replace(entry, marker=None) for entry in found if target.is_applicable(entry))


def _format_selection(selection: LockSelection) -> list[str]:
    """The selection as `uv export` takes it, which installs nothing."""
    words = selection.format_words()
    return ["--no-emit-project" if word == "--no-install-project" else word for word in words]


def _reach(rows: Sequence[dict[str, Any]], pins: Sequence[str]) -> set[str | None]:
    """What the members of the workspace require otherwise than by way of the vendor's distributions."""
    edges: dict[str, set[str]] = {}
    for row in rows:
        edges.setdefault(row["name"], set()).update(str(edge.get("name")) for edge in _list_edges(row))
    waiting = [row["name"] for row in rows if _is_own(row)]
    found: set[str | None] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += edges.get(name, ()) if name not in pins else ()
    return found


def _list_requirers(rows: Iterable[dict[str, Any]], pins: Sequence[str]) -> set[str]:
    return {row["name"] for row in rows if any(edge.get("name") in pins for edge in _list_edges(row))}


def _list_edges(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every dependency of a package, of its extras and of its groups."""
    lists = [row.get("dependencies")]
    for key in ("optional-dependencies", "dev-dependencies"):
        lists += get_table(row, key).values()
    for edges in lists:
        yield from (edge for edge in (edges if isinstance(edges, list) else ()) if isinstance(edge, dict))


def _collect_extras(rows: Sequence[dict[str, Any]], named: Collection[str | None]) -> dict[str, set[str]]:
    """The extras with which packages are required by those that are installed."""
    found: dict[str, set[str]] = {}
    for row in rows:
        for edge in _list_edges(row) if row["name"] in named else ():
            extras = edge.get("extra")
            if isinstance(extras, list) and isinstance(edge.get("name"), str):
                found.setdefault(edge["name"], set()).update(item for item in extras if isinstance(item, str))
    return found


def _list_demands(
    rows: Sequence[dict[str, Any]],
    lock: Path,
    project: Path,
    named: set[str | None],
    selection: LockSelection,
    target: Target,
) -> Iterator[LockedDemand]:
    """What the projects of the workspace that are installed require, of which the lock keeps the words."""
    chosen = {row["name"] for row in rows if _is_chosen(row, lock, project, selection)}
    required = _collect_extras(rows, named | chosen)
    groups = _select_groups(lock, project, selection)
    for row in rows:
        if row["name"] not in chosen and (row["name"] not in named or not _is_own(row)):
            continue
        metadata = get_table(row, "metadata")
        extras = {*(selection.extras if row["name"] in chosen else ()), *required.get(row["name"], ())}
        if selection.all_extras and row["name"] in chosen:
            extras |= set(get_table(row, "optional-dependencies"))
        if not selection.only_groups:
            yield from _read_demands(row["name"], metadata.get("requires-dist"), extras, target)
        for group, lines in get_table(metadata, "requires-dev").items() if row["name"] in chosen else ():
            if groups is None or group in groups:
                yield from _read_demands(f"{row['name']} (group {group})", lines, (), target)


def _is_own(row: dict[str, Any]) -> bool:
    return any(kind in get_table(row, "source") for kind in _OWN)


def _is_chosen(row: dict[str, Any], lock: Path, project: Path, selection: LockSelection) -> bool:
    """Whether a row is the project, or the member of the workspace, that is installed."""
    if not _is_own(row):
        return False
    if selection.packages:
        return row["name"] in {normalize_name(name) for name in selection.packages}
    source = get_table(row, "source")
    path = next(source[kind] for kind in _OWN if kind in source)
    here = isinstance(path, str) and "\0" not in path and (lock.parent / path).resolve() == project.resolve()
    return here or selection.all_packages


def _select_groups(lock: Path, project: Path, selection: LockSelection) -> frozenset[str] | None:
    """The groups that are installed, or `None` for all of them."""
    if selection.all_groups and not selection.without_groups:
        return None
    defaults: object = ["dev"]
    for folder in (lock.parent, project):
        file = folder / "pyproject.toml"
        if file.is_file():
            defaults = get_table(parse_toml(read_text(file), file), "tool", "uv").get("default-groups", defaults)
    if defaults == "all" and not selection.without_groups:
        return None
    none = selection.no_default_groups or selection.only_groups
    found = {*selection.groups, *selection.only_groups}
    found |= set(defaults) if isinstance(defaults, list) and not none else set()
    return frozenset(found - {*selection.without_groups})


def _read_demands(parent: str, lines: object, extras: Iterable[str], target: Target) -> Iterator[LockedDemand]:
    for line in lines if isinstance(lines, list) else ():
        if not isinstance(line, dict) or line.get("name") not in PINNED_NAMES:
            continue
        requirement = _make_requirement(line)
        marker = requirement.marker
        environment = target.marker_environment
        if marker is None or any(marker.evaluate({**environment, "extra": extra}) for extra in ("", *extras)):
            yield LockedDemand(parent=parent, requirement=requirement)


def _make_requirement(line: dict[str, Any]) -> Requirement:
    from packaging.requirements import InvalidRequirement, Requirement

    specifier = line.get("specifier") if line.get("specifier") != "*" else ""
    marker = f" ; {line['marker']}" if line.get("marker") else ""
    try:
        return Requirement(f"{line['name']}{specifier or ''}{marker}")
    except InvalidRequirement as error:
        raise LockError(
            tell("a requirement on {line} in uv.lock cannot be read", line=line["name"]),
            why=str(error),
            remedy="uv lock",
        ) from error


def _list_overridden(table: dict[str, Any]) -> Iterator[str]:
    for row in get_tables(get_table(table, "manifest"), "overrides"):
        if row.get("name") in PINNED_NAMES:
            yield row["name"]


def _read_overrides(table: dict[str, Any], target: Target) -> tuple[LockedDemand, ...]:
    """What the project says in the place of all that its packages require."""
    rows = get_table(table, "manifest").get("overrides")
    return tuple(_read_demands("override-dependencies", rows, (), target))


def _find_index(rows: Iterable[dict[str, Any]]) -> str | None:
    """The index that most packages come from, or `None` where that is PyPI, for which the target may have a mirror."""
    registries = Counter(registry for row in rows if (registry := _get_registry(row)) is not None)
    common = registries.most_common(1)
    return common[0][0] if common and common[0][0].rstrip("/") != DEFAULT_INDEX else None


def _get_registry(row: dict[str, Any]) -> str | None:
    registry = get_table(row, "source").get("registry")
    return registry if isinstance(registry, str) else None


def _add_address(
    entry: DeclaredRequirement, rows: Iterable[dict[str, Any]], index: str | None, lock: Path, target: Target
) -> DeclaredRequirement:
    """The entry with the address of its file, where it is from an index that is for single packages.

    Asking that index for everything would ask it for names that are none of its own.
    """
    versions = {item.version for item in entry.specifier}
    for row in rows:
        registry = _get_registry(row)
        if registry is None or row["name"] != entry.name or str(row.get("version")) not in versions:
            continue
        if entry.link is not None or registry.rstrip("/") == DEFAULT_INDEX or registry == index:
            return entry
        files = [*get_tables(row, "wheels"), get_table(row, "sdist")]
        return add_address(entry, files, lock.parent / registry, target)
    return entry


def _read_build_settings(lock: Path) -> Iterator[str]:
    """Which packages the project has built without isolation, as words for uv."""
    file = lock.parent / "pyproject.toml"
    settings = get_table(parse_toml(read_text(file), file), "tool", "uv") if file.is_file() else {}
    names = settings.get("no-build-isolation-package")
    for name in names if isinstance(names, list) else ():
        if isinstance(name, str):
            yield from ("--no-build-isolation-package", name)
