"""pdm.lock, with the pyproject.toml beside it (PDM documentation, "Lock file")."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from envtool.language import tell
from envtool.requirements.lock_selection import LockSelection
from envtool.requirements.model import DeclaredRequirement, InstallOptions, SourceLocation
from envtool.requirements.readers.common import get_strings, get_table, get_tables, make_form_error, parse_toml
from envtool.requirements.text_file import read_text
from envtool.safe_install.locks.graph import LockedNode, LockGraph
from envtool.safe_install.locks.graph_set import make_locked_set
from envtool.safe_install.locks.model import LockedDemand, LockedSet, format_relock, refuse_other_python
from envtool.safe_install.locks.poetry_lock import make_project_entry, normalize_git_url
from envtool.safe_install.locks.project_roots import list_roots, read_project
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from envtool.requirements.target import Target

# PEP 508, "Names".
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PYPI = "https://pypi.org/simple"


def read_pdm_project(lock: Path, selection: LockSelection, target: Target) -> LockedSet:
    """What `pdm sync` would install. Raises `LockError`, `RequirementsError` and `UsageError`."""
    table = parse_toml(read_text(lock), lock)
    metadata = get_table(table, "metadata")
    if not metadata:
        raise make_form_error(lock, tell("it has no [metadata]"))
    file, project = read_project(lock)
    refuse_other_python(lock, metadata.get("requires_python"), target, format_relock(lock))
    refuse_other_python(lock, get_table(project, "project").get("requires-python"), target, format_relock(lock))
    old_files = get_table(metadata, "files")
    nodes: dict[str, list[LockedNode]] = {}
    for row in get_tables(table, "package"):
        if not isinstance(row.get("name"), str):
            raise make_form_error(lock, tell("a [[package]] has no name"))
        node = _read_node(row, lock, old_files)
        known = nodes.setdefault(node.name, [])
        same = next((index for index, item in enumerate(known) if item.version == node.version), None)
        if same is None:
            known.append(node)
        else:
            # A package with extras has a row of its own for them.
            base, other = (known[same], node) if row.get("extras") else (node, known[same])
            known[same] = replace(base, requires=(*base.requires, *other.requires))
    pdm = get_table(project, "tool", "pdm")
    is_package = pdm.get("distribution", bool(project.get("build-system"))) and not selection.no_project
    selection = _select_locked(selection, metadata.get("groups"), project)
    roots = [*list_roots(file, project, selection, skipped_groups=()), *_read_dev_roots(file, pdm, selection)]
    return make_locked_set(
        lock,
        LockGraph(nodes),
        roots,
        target,
        project=make_project_entry(file, project) if is_package and not selection.only_groups else None,
        options=InstallOptions(extra_index_urls=tuple(_list_sources(pdm.get("source"), nodes, target))),
        relock=format_relock(lock),
    )


def _select_locked(selection: LockSelection, locked: object, project: dict[str, Any]) -> LockSelection:
    """The selection, or all that was locked where nothing is selected, as `pdm sync` has it, also with `--without`."""
    unselected = LockSelection(no_project=selection.no_project, without_groups=selection.without_groups)
    if selection != unselected or not isinstance(locked, list):
        return selection
    names = {normalize_name(name) for name in locked if isinstance(name, str)}
    extras = tuple(get_table(project, "project", "optional-dependencies"))
    groups = (
        *get_table(project, "dependency-groups"),
        *get_table(project, "tool", "pdm", "dev-dependencies"),
    )
    return replace(
        selection,
        extras=tuple(name for name in extras if normalize_name(name) in names),
        groups=tuple(name for name in groups if normalize_name(name) in names),
        no_default_groups=True,
    )


def _list_sources(rows: object, nodes: dict[str, list[LockedNode]], target: Target) -> Iterator[str]:
    """The project's indexes, but for those that are for the vendor's distributions alone."""
    names = nodes.keys() - {item.name for item in target.pin.distributions}
    for row in rows if isinstance(rows, list) else ():
        if not isinstance(row, dict) or not isinstance(row.get("url"), str) or row["url"].startswith(_PYPI):
            continue
        patterns = row.get("include_packages")
        listed = [pattern for pattern in patterns if isinstance(pattern, str)] if isinstance(patterns, list) else ["*"]
        if row.get("type") != "find_links" and any(fnmatch.filter(names, pattern) for pattern in listed):
            yield row["url"]


def _read_dev_roots(file: Path, pdm: dict[str, Any], selection: LockSelection) -> Iterator[LockedDemand]:
    """The groups of PDM's own table, which are installed where nothing else is said."""
    for group, lines in get_table(pdm, "dev-dependencies").items():
        asked, refused = (
            {normalize_name(name) for name in names}
            for names in ((*selection.groups, *selection.only_groups), selection.without_groups)
        )
        named = normalize_name(group) in asked or selection.all_groups
        default = not (selection.no_default_groups or selection.only_groups)
        if normalize_name(group) in refused or not (named or default):
            continue
        for line in get_strings(lines, file, f"dev-dependencies.{group}"):
            text = line
            if line.startswith(("-e ", "--editable")):
                text = line.rpartition("egg=")[2] if "egg=" in line else Path(line.split()[-1]).name
            try:
                yield LockedDemand(parent=f"group {group}", requirement=Requirement(text))
            except InvalidRequirement as error:
                raise make_form_error(
                    file, tell("{line!r} is not a requirement ({error})", line=line, error=error)
                ) from error


def _read_node(row: dict[str, Any], lock: Path, old_files: dict[str, Any]) -> LockedNode:
    version = str(row.get("version") or "0")
    link = _read_link(row, lock)
    files = get_tables(row, "files") or get_tables(old_files, f"{row['name']} {version}")
    hashes = [file["hash"] for file in files if isinstance(file.get("hash"), str)]
    try:
        specifier = SpecifierSet() if link else SpecifierSet(f"=={version}")
        python = SpecifierSet(str(row.get("requires_python") or ""))
        marker = Marker(row["marker"]) if isinstance(row.get("marker"), str) and "extra" not in row["marker"] else None
    except (InvalidSpecifier, InvalidMarker) as error:
        raise make_form_error(lock, tell("{name} cannot be read ({error})", name=row["name"], error=error)) from error
    entry = DeclaredRequirement(
        location=SourceLocation(lock, 1),
        source_text=row["name"],
        name=normalize_name(row["name"]),
        specifier=specifier,
        link=link,
        editable=bool(row.get("editable")),
        hashes=() if link else tuple(dict.fromkeys(hashes)),
    )
    return LockedNode(
        entry=entry, version=version, requires=tuple(_read_requires(row, lock)), marker=marker, python=python
    )


def _read_link(row: dict[str, Any], lock: Path) -> str | None:
    if isinstance(row.get("git"), str):
        tail = f"#subdirectory={row['subdirectory']}" if row.get("subdirectory") else ""
        return f"git+{normalize_git_url(row['git'])}@{row.get('revision') or row.get('ref')}{tail}"
    if isinstance(row.get("path"), str):
        return str((lock.parent / row["path"]).resolve())
    url = row.get("url")
    return url.replace("file:///${PROJECT_ROOT}", f"file://{lock.parent.resolve()}") if isinstance(url, str) else None


def _read_requires(row: dict[str, Any], lock: Path) -> Iterator[Requirement]:
    extras = get_strings(row.get("extras"), lock, "extras")
    condition = " or ".join(f'extra == "{normalize_name(extra)}"' for extra in extras if _NAME.fullmatch(extra))
    for line in get_strings(row.get("dependencies"), lock, tell("dependencies of {name}", name=row["name"])):
        try:
            requirement = Requirement(line)
        except InvalidRequirement as error:
            raise make_form_error(
                lock, tell("{line!r} is not a requirement ({error})", line=line, error=error)
            ) from error
        if condition:
            both = f"({condition}) and ({requirement.marker})" if requirement.marker is not None else condition
            requirement.marker = Marker(both)
        if normalize_name(requirement.name) != normalize_name(row["name"]):
            yield requirement
