"""uv.lock (uv documentation, "Lockfile")."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from envtool.language import tell
from envtool.requirements.model import (
    DeclaredRequirement,
    DependencyFile,
    RequirementSet,
    RunInstruction,
    SourceLocation,
)
from envtool.requirements.readers.common import get_strings, make_form_error, parse_requirement, parse_toml
from envtool.requirements.text_file import LineFinder, read_text

_OWN = ("virtual", "editable", "directory")


def read_uv_lock(path: Path) -> DependencyFile:
    """What `uv sync` would install for the project, its extras and its groups. Raises `RequirementsError`."""
    text = read_text(path)
    table = parse_toml(text, path)
    rows = table.get("package")
    if "version" not in table or not isinstance(rows, list | None):
        raise make_form_error(path, tell("it has no version"))
    packages = [row for row in rows or () if isinstance(row, dict) and isinstance(row.get("name"), str)]
    lines = LineFinder(text)
    entries = []
    after = 1
    for row in packages:
        after = lines.find(f'name = "{row["name"]}"', after)
        if not any(kind in (row.get("source") or {}) for kind in _OWN):
            entries += _read_locked(row, SourceLocation(path, after), _read_markers(row["name"], packages))
    command = RunInstruction(SourceLocation(path, 1), "uv sync", "uv sync", exact=True)
    return DependencyFile(
        path,
        "uv.lock",
        (RequirementSet(path=path, entries=tuple(entries), locked=True, instruction=command),),
        tell("uv.lock is made from pyproject.toml: change that, then run `uv lock`"),
    )


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


def _read_markers(name: str, packages: list[dict[str, Any]]) -> list[str]:
    """The conditions under which others need a package; none where one of them needs it always."""
    found = []
    for row in packages:
        groups = [
            row.get("dependencies"),
            *_list_tables(row, "optional-dependencies"),
            *_list_tables(row, "dev-dependencies"),
        ]
        for group in groups:
            for item in group if isinstance(group, list) else ():
                if isinstance(item, dict) and item.get("name") == name:
                    marker = item.get("marker")
                    if not isinstance(marker, str) or "extra ==" in marker:
                        return []
                    found.append(marker)
    return found


def _list_tables(row: dict[str, Any], key: str) -> list[Any]:
    value = row.get(key)
    return list(value.values()) if isinstance(value, dict) else []
