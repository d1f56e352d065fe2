"""`[tool.uv.sources]` of pyproject.toml: where uv takes distributions from, in the place of an index.

pip knows nothing of it. Described in uv's documentation, "Dependency sources" and "Using workspaces".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet

from envtool.errors import RequirementsError
from envtool.requirements.model import DeclaredRequirement, SourceLocation
from envtool.requirements.readers.common import get_strings, get_table, parse_requirement, parse_toml
from envtool.requirements.text_file import LineFinder, read_text
from envtool.wheel.requires import normalize_name

# Projects of a workspace that are followed.
_MOST = 200


@dataclass(frozen=True)
class _Project:
    """A pyproject.toml, and the folders of its workspace's members by name."""

    path: Path
    table: Mapping[str, Any]
    sources: Mapping[str, Any]
    members: Mapping[str, Path]


def apply_uv_sources(
    entries: Sequence[DeclaredRequirement], table: Mapping[str, Any], path: Path
) -> tuple[DeclaredRequirement, ...] | None:
    """The entries as uv takes them, with those of the members that they lead to; `None` where nothing is different."""
    project = _open_project(path, table)
    if not project.sources:
        return None
    found = tuple(_follow(entries, project, set()))
    return found if found != tuple(entries) else None


def _open_project(path: Path, table: Mapping[str, Any]) -> _Project:
    folder = path.parent.absolute()
    own = get_table(table, "tool", "uv", "sources")
    for root in (folder, *folder.parents):
        above = table if root == folder else _try_read(root / "pyproject.toml")
        workspace = get_table(above, "tool", "uv", "workspace")
        if workspace:
            members = dict(_list_members(root, above, workspace))
            if root != folder and folder not in members.values():
                break
            # A member has the root's sources, unless it has its own of that name; their paths start at the root.
            inherited = {name: _absolute(row, root) for name, row in get_table(above, "tool", "uv", "sources").items()}
            return _Project(path, table, _normalize({**inherited, **own}), members)
    return _Project(path, table, _normalize(own), {})


def _normalize(sources: Mapping[str, Any]) -> dict[str, Any]:
    return {normalize_name(name): row for name, row in sources.items()}


def _absolute(row: Any, folder: Path) -> Any:
    if isinstance(row, list):
        return [_absolute(one, folder) for one in row]
    path = get_table(row).get("path")
    return {**row, "path": str(folder / path)} if isinstance(path, str) else row


def _list_members(root: Path, table: Mapping[str, Any], workspace: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    """Name and folder of the workspace's root and of its members."""
    patterns, left_out = workspace.get("members"), workspace.get("exclude")
    excluded = {found for text in _texts(left_out) for found in _glob(root, text)}
    folders = [root, *(found for text in _texts(patterns) for found in _glob(root, text))]
    for folder in dict.fromkeys(folders[:_MOST]):
        own = table if folder == root else _try_read(folder / "pyproject.toml")
        name = get_table(own, "project").get("name")
        if isinstance(name, str) and folder not in excluded:
            yield normalize_name(name), folder


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _glob(root: Path, pattern: str) -> Iterator[Path]:
    try:
        yield from (found for found in sorted(root.glob(pattern)) if found.is_dir())
    except (ValueError, NotImplementedError, OSError):
        return


def _try_read(path: Path) -> Mapping[str, Any]:
    """A pyproject.toml's contents; empty where there is none that can be read."""
    try:
        return parse_toml(read_text(path), path) if path.is_file() else {}
    except RequirementsError:
        return {}


def _follow(entries: Sequence[DeclaredRequirement], project: _Project, seen: set[str]) -> Iterator[DeclaredRequirement]:
    for entry in entries:
        source = _select_source(project.sources.get(entry.name or ""), entry)
        link = _make_link(source, entry, project) if source is not None else None
        if link is None:
            yield entry
            continue
        yield replace(entry, link=link, specifier=SpecifierSet(), editable=False)
        inner = Path(link) / "pyproject.toml"
        if link.startswith("/") and entry.name not in seen and len(seen) < _MOST:
            seen.add(entry.name or "")
            yield from _follow_member(inner, entry, seen)


def _follow_member(path: Path, parent: DeclaredRequirement, seen: set[str]) -> Iterator[DeclaredRequirement]:
    """What a project of the workspace takes from elsewhere in its turn: its metadata names that by its name alone."""
    table = _try_read(path)
    project = _open_project(path, table)
    names = get_table(table, "project").get("dependencies")
    if not project.sources or not names:
        return
    lines = LineFinder(read_text(path))
    entries = [
        parse_requirement(text, SourceLocation(path, lines.find_quoted(text, 1)), group=parent.group)
        for text in get_strings(names, path, "project.dependencies")
    ]
    yield from (found for found in _follow(entries, project, seen) if found.link is not None)


def _select_source(value: Any, entry: DeclaredRequirement) -> Mapping[str, Any] | None:
    """The source that counts for an entry; there may be several, for extras and platforms."""
    for row in value if isinstance(value, list) else [value]:
        if not isinstance(row, dict):
            continue
        named = row.get("extra") or row.get("group")
        if named is None or named == entry.group:
            return row
    return None


def _make_link(source: Mapping[str, Any], entry: DeclaredRequirement, project: _Project) -> str | None:
    """The address of a source; an index is none."""
    git, url, path = source.get("git"), source.get("url"), source.get("path")
    if isinstance(git, str):
        revision = source.get("rev") or source.get("tag") or source.get("branch")
        inside = f"#subdirectory={source['subdirectory']}" if source.get("subdirectory") else ""
        return f"git+{git}{f'@{revision}' if revision else ''}{inside}"
    if isinstance(url, str):
        return url
    if isinstance(path, str):
        return str((project.path.parent.absolute() / path).resolve())
    member = project.members.get(entry.name or "") if source.get("workspace") else None
    return str(member) if member is not None else None
