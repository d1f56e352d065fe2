"""poetry.lock of all versions, with the pyproject.toml beside it (Poetry documentation, "Dependency specification")."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from envtool.errors import LockError
from envtool.language import tell
from envtool.requirements.model import DeclaredRequirement, InstallOptions, SourceLocation
from envtool.requirements.readers.common import get_table, get_tables, make_form_error, parse_toml
from envtool.requirements.readers.poetry import format_dependency, make_dependency
from envtool.requirements.text_file import read_text
from envtool.safe_install.locks.graph import LockedNode, LockGraph
from envtool.safe_install.locks.graph_set import make_locked_set
from envtool.safe_install.locks.model import LockedSet, format_relock, refuse_other_python
from envtool.safe_install.locks.project_roots import list_roots, read_project
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from envtool.requirements.lock_selection import LockSelection
    from envtool.requirements.target import Target


def read_poetry_project(lock: Path, selection: LockSelection, target: Target) -> LockedSet:
    """What `poetry install` would install. Raises `LockError`, `RequirementsError` and `UsageError`."""
    table = parse_toml(read_text(lock), lock)
    metadata = get_table(table, "metadata")
    if not metadata:
        raise make_form_error(lock, tell("it has no [metadata]"))
    refuse_other_python(lock, metadata.get("python-versions"), target, format_relock(lock))
    file, project = read_project(lock)
    poetry = get_table(project, "tool", "poetry")
    optional = {
        normalize_name(name) for name, group in get_table(poetry, "group").items() if get_table(group).get("optional")
    }
    old_files = get_table(metadata, "files")
    nodes: dict[str, list[LockedNode]] = {}
    for row in get_tables(table, "package"):
        if not isinstance(row.get("name"), str) or not isinstance(row.get("version"), str):
            raise make_form_error(lock, tell("a [[package]] has no name or no version"))
        node = _read_node(row, lock, old_files)
        nodes.setdefault(node.name, []).append(node)
    is_package = (
        poetry.get("package-mode", True) is not False and not selection.no_project and not selection.only_groups
    )
    own = is_package and (("name" in poetry) or "project" in project)
    return make_locked_set(
        lock,
        LockGraph(nodes),
        tuple(list_roots(file, project, selection, skipped_groups=optional)),
        target,
        project=make_project_entry(file, project) if own else None,
        options=InstallOptions(),
        relock=format_relock(lock),
    )


def make_project_entry(file: Path, table: dict[str, Any]) -> DeclaredRequirement:
    """The project itself, as `pip install -e .` would have it."""
    name = get_table(table, "project").get("name") or get_table(table, "tool", "poetry").get("name")
    return DeclaredRequirement(
        location=SourceLocation(file, 1),
        source_text=".",
        name=normalize_name(name) if isinstance(name, str) else None,
        link=str(file.parent.resolve()),
        editable=True,
    )


def _read_node(row: dict[str, Any], lock: Path, old_files: dict[str, Any]) -> LockedNode:
    name = normalize_name(row["name"])
    source = get_table(row, "source")
    link = _read_link(source, lock)
    files = get_tables(row, "files") or get_tables(old_files, row["name"])
    hashes = [file["hash"] for file in files if isinstance(file.get("hash"), str)]
    entry = DeclaredRequirement(
        location=SourceLocation(lock, 1),
        source_text=row["name"],
        name=name,
        specifier=SpecifierSet() if link else _parse_version(row["version"], name, lock),
        link=link,
        editable=bool(row.get("develop")) and source.get("type") == "directory",
        hashes=() if link else tuple(value for value in hashes if value.startswith(("sha256:", "sha384:", "sha512:"))),
    )
    return LockedNode(
        entry=entry,
        version=row["version"],
        requires=tuple(_read_requires(row, lock)),
        marker=_read_marker(row.get("markers"), row.get("groups")),
        python=_read_python(row.get("python-versions")),
        index=source["url"] if source.get("type") == "legacy" and isinstance(source.get("url"), str) else None,
    )


def _parse_version(version: str, name: str, lock: Path) -> SpecifierSet:
    try:
        return SpecifierSet(f"=={version}")
    except InvalidSpecifier as error:
        raise make_form_error(lock, tell("{name} has the version {version!r}", name=name, version=version)) from error


def _read_link(source: dict[str, Any], lock: Path) -> str | None:
    kind, url = source.get("type"), source.get("url")
    if not isinstance(url, str) or kind in {None, "legacy", "pypi"}:
        return None
    if kind in {"directory", "file"}:
        return str((lock.parent / url).resolve())
    if kind == "git":
        subdirectory = source.get("subdirectory")
        tail = f"#subdirectory={subdirectory}" if subdirectory else ""
        return f"git+{normalize_git_url(url)}@{source.get('resolved_reference') or source.get('reference')}{tail}"
    return url


def normalize_git_url(url: str) -> str:
    """An address as pip takes it: `git@host:owner/name` has a scheme there."""
    if "://" in url or ":" not in url:
        return url
    host, _colon, path = url.partition(":")
    return f"ssh://{host}/{path}"


def _read_requires(row: dict[str, Any], lock: Path) -> Iterator[Requirement]:
    for name, stated in get_table(row, "dependencies").items():
        for one in stated if isinstance(stated, list) else [stated]:
            if isinstance(one, dict) and ("path" in one or "git" in one or "url" in one):
                # Where it is from says its own row.
                one = {"version": "*", **{key: one[key] for key in ("extras", "markers", "python") if key in one}}
            try:
                yield Requirement(format_dependency(make_dependency(name, one, lock.parent)))
            except (ValueError, InvalidRequirement) as error:
                raise LockError(
                    tell("{lock}: what {row} requires of {name} cannot be read", lock=lock, row=row["name"], name=name),
                    why=str(error),
                    remedy=format_relock(lock),
                ) from error


def _read_marker(value: object, groups: object) -> Marker | None:
    """When a package is wanted at all; from lock 2.1 on there may be a marker for some of its groups."""
    if isinstance(value, dict) and isinstance(groups, list) and any(group not in value for group in groups):
        return None
    texts = [value] if isinstance(value, str) else list(value.values()) if isinstance(value, dict) else []
    stated = [text for text in texts if isinstance(text, str) and text]
    # The roots and their extras tell when; here only which of several versions counts.
    if not stated or len(stated) < len(texts) or any("extra ==" in text for text in stated):
        return None
    try:
        return Marker(" or ".join(f"({text})" for text in stated))
    except InvalidMarker:
        return None


def _read_python(value: object) -> SpecifierSet:
    """The Pythons that a package is for; Poetry's own forms say nothing here, as uv looks at the files anyway."""
    try:
        return SpecifierSet(value) if isinstance(value, str) and value != "*" else SpecifierSet()
    except InvalidSpecifier:
        return SpecifierSet()
