"""uv.lock (uv documentation, "Lockfile")."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from envtool.language import tell
from envtool.requirements.lock_selection import LockSelection
from envtool.requirements.model import (
    DeclaredRequirement,
    DependencyFile,
    RequirementSet,
    RunInstruction,
    Section,
    SourceLocation,
)
from envtool.requirements.readers.common import (
    get_strings,
    get_table,
    get_tables,
    make_form_error,
    parse_requirement,
    parse_toml,
)
from envtool.requirements.text_file import LineFinder, read_text
from envtool.wheel.requires import normalize_name

_OWN = ("virtual", "editable", "directory")
_EVERYTHING = LockSelection(all_extras=True, all_groups=True)


def read_uv_lock(path: Path, selection: LockSelection | None = None) -> DependencyFile:
    """What `uv sync` would install for a selection of the lock; by default for none, and where that is more, for all.

    What no selection names is removed, so torch in an extra is no torch. Raises `RequirementsError`.
    """
    text = read_text(path)
    table = parse_toml(text, path)
    rows = table.get("package")
    if "version" not in table or not isinstance(rows, list | None):
        raise make_form_error(path, tell("it has no version"))
    packages = [row for row in rows or () if isinstance(row, dict) and isinstance(row.get("name"), str)]
    asked = (selection or LockSelection(), *(() if selection else (_EVERYTHING,)))
    reached = [_reach(table, packages, item, _read_default_groups(path)) for item in asked]
    command = RunInstruction(SourceLocation(path, 1), "uv sync", "uv sync", exact=True)
    sets = [
        RequirementSet(path=path, entries=_read_entries(path, text, packages, edges), locked=True, instruction=command)
        for edges in reached
    ]
    if len(sets) > 1 and sets[0].entries != sets[-1].entries:
        sets[-1] = replace(sets[-1], section=Section.TABLE, name=" ".join(_EVERYTHING.format_words()))
    return DependencyFile(
        path,
        "uv.lock",
        tuple(sets if sets[0].entries != sets[-1].entries else sets[:1]),
        tell("uv.lock is made from pyproject.toml: change that, then run `uv lock`"),
    )


def _read_default_groups(lock: Path) -> list[str] | None:
    """The groups that need not be asked for, or `None` for all of them (uv's documentation, "Default groups")."""
    file = lock.with_name("pyproject.toml")
    table = parse_toml(read_text(file), file) if file.is_file() else {}
    groups = get_table(table, "tool", "uv").get("default-groups", ["dev"])
    return None if groups == "all" else get_strings(groups, file, "default-groups")


def _reach(
    table: dict[str, Any], packages: list[dict[str, Any]], selection: LockSelection, defaults: list[str] | None
) -> dict[str, list[dict[str, Any]]]:
    """The packages that a selection of the projects leads to, each with the dependencies that lead there."""
    roots = _find_roots(table, packages, selection)
    if not roots:
        return {row["name"]: _list_edges_to(row["name"], packages) for row in packages}
    waiting = [edge for row in roots for edge in _list_selected(row, selection, defaults)]
    if not selection.packages:
        # Of a workspace whose root is no project.
        waiting += _pick_groups(get_table(table, "manifest", "dependency-groups"), selection, defaults)
    found: dict[str, list[dict[str, Any]]] = {}
    followed = set() if selection.only_groups else {(row["name"], "") for row in roots}
    while waiting:
        edge = waiting.pop()
        name = edge["name"]
        found.setdefault(name, []).append(edge)
        extras = edge.get("extra")
        for part in ("", *(extras if isinstance(extras, list) else ())):
            if isinstance(part, str) and (name, part) not in followed:
                followed.add((name, part))
                for row in (row for row in packages if row["name"] == name):
                    tables = get_table(row, "optional-dependencies") if part else row
                    waiting += _get_edges(tables, part or "dependencies")
    return found


def _find_roots(
    table: dict[str, Any], packages: list[dict[str, Any]], selection: LockSelection
) -> list[dict[str, Any]]:
    """The projects that are synced: those that are named, the one that the lock is beside, or else all of them."""
    own = [row for row in packages if any(kind in get_table(row, "source") for kind in _OWN)]
    if selection.packages:
        names = {normalize_name(name) for name in selection.packages}
        return [row for row in own if row["name"] in names]
    beside = [row for row in own if any(row["source"].get(kind) == "." for kind in _OWN)]
    members = get_table(table, "manifest").get("members")
    inside = [row for row in own if row["name"] in members] if isinstance(members, list) else own
    return inside if selection.all_packages or not beside else beside


def _list_selected(row: dict[str, Any], selection: LockSelection, defaults: list[str] | None) -> list[dict[str, Any]]:
    extras = get_table(row, "optional-dependencies")
    wanted = {normalize_name(name) for name in (extras if selection.all_extras else selection.extras)}
    found = _pick_groups(get_table(row, "dev-dependencies"), selection, defaults)
    if not selection.only_groups:
        found += _get_edges(row, "dependencies")
        found += [edge for name in extras if normalize_name(name) in wanted for edge in _get_edges(extras, name)]
    return found


def _pick_groups(groups: dict[str, Any], selection: LockSelection, defaults: list[str] | None) -> list[dict[str, Any]]:
    is_bare = selection.no_default_groups or bool(selection.only_groups)
    implied = groups if selection.all_groups else () if is_bare else groups if defaults is None else defaults
    names = {normalize_name(name) for name in (*implied, *selection.groups, *selection.only_groups)}
    names -= {normalize_name(name) for name in selection.without_groups}
    return [edge for name in groups if normalize_name(name) in names for edge in _get_edges(groups, name)]


def _get_edges(table: dict[str, Any], key: str) -> list[dict[str, Any]]:
    return [edge for edge in get_tables(table, key) if isinstance(edge.get("name"), str)]


def _read_entries(
    path: Path, text: str, packages: list[dict[str, Any]], reached: dict[str, list[dict[str, Any]]]
) -> tuple[DeclaredRequirement, ...]:
    lines = LineFinder(text)
    entries = []
    after = 1
    for row in packages:
        after = lines.find(f'name = "{row["name"]}"', after)
        if row["name"] in reached and not any(kind in get_table(row, "source") for kind in _OWN):
            entries += _read_locked(row, SourceLocation(path, after), _read_markers(reached[row["name"]]))
    return tuple(entries)


def _read_locked(row: dict[str, Any], place: SourceLocation, markers: list[str]) -> list[DeclaredRequirement]:
    version = row.get("version")
    if not isinstance(version, str):
        raise make_form_error(place.path, tell("the package {name} has no version", name=row["name"]))
    # Several versions of one package each say in which environments they are the ones.
    forks = get_strings(row.get("resolution-markers"), place.path, "resolution-markers")
    wanted = " or ".join(f"({marker})" for marker in markers)
    both = [f"({text})" for text in (" or ".join(f"({fork})" for fork in forks), wanted) if text]
    marker = f" ; {' and '.join(both)}" if both else ""
    return [parse_requirement(f"{row['name']}=={version}{marker}", place)]


def _list_edges_to(name: str, packages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for row in packages:
        for table in (row, get_table(row, "optional-dependencies"), get_table(row, "dev-dependencies")):
            keys = ["dependencies"] if table is row else list(table)
            found += [edge for key in keys for edge in _get_edges(table, key) if edge["name"] == name]
    return found


def _read_markers(edges: list[dict[str, Any]]) -> list[str]:
    """The conditions under which others need a package; none where one of them needs it always."""
    markers = [edge.get("marker") for edge in edges]
    found = [marker for marker in markers if isinstance(marker, str) and "extra ==" not in marker]
    return found if len(found) == len(markers) else []
