"""A project's settings: a table of `hac.toml`, or the same below `[tool.hac]` in `pyproject.toml`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from envtool.documents import parse_toml
from envtool.errors import SettingsError
from envtool.language import tell
from envtool.regular_file import read_regular_file

_FILES = ("hac.toml", "pyproject.toml")


def find_table(folder: Path, section: str) -> tuple[Any, Path] | None:
    """The table of the nearest file at or above `folder` that has it, whatever it is, and that file.

    Raises `SettingsError` where a file cannot be read, or is no TOML.
    """
    for place in (folder, *folder.parents):
        for name in _FILES:
            path = place / name
            table = _read_table(path, section)
            if table is not None:
                return table, path
    return None


def _read_table(path: Path, section: str) -> Any:
    try:
        data = read_regular_file(path)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    except OSError as error:
        raise SettingsError(
            tell("{path} cannot be read", path=path), why=str(error.strerror), remedy=f"ls -l {path}"
        ) from error
    own = path.name == "hac.toml"
    # Nearly every project file has nothing for us in it; parsing takes long.
    if section.encode() not in data or (not own and b"hac" not in data):
        return None
    try:
        table: Any = parse_toml(data.decode())
    except ValueError as error:
        raise SettingsError(
            tell("{path} is not TOML", path=path), why=str(error), remedy=f"${{EDITOR:-vi}} {path}"
        ) from error
    for key in (section,) if own else ("tool", "hac", section):
        table = table.get(key) if isinstance(table, dict) else None
    return table
