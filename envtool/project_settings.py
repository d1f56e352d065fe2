"""A project's settings: a table of `hac.toml`, or the same below `[tool.hac]` in `pyproject.toml`."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envtool.documents import parse_toml
from envtool.errors import SettingsError
from envtool.language import tell
from envtool.link_rights import list_makers, name_user
from envtool.regular_file import read_regular_file

_FILES = ("hac.toml", "pyproject.toml")


@dataclass(frozen=True)
class SettingsSection:
    """A table of settings, of which no key is unknown, and the file that it is in.

    What it gives is of the kind that is asked for, or a `SettingsError`.
    """

    table: Mapping[str, Any]
    path: Path

    def get_texts(self, key: str, what: str) -> tuple[str, ...]:
        """A list of texts, empty by default. `what` the texts are, in the error."""
        value = self.table.get(key, [])
        if not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
            raise make_settings_error(self.path, tell("{key} is not a list of {what}", key=key, what=what))
        return tuple(value)

    def get_flag(self, key: str) -> bool:
        """True or false; false by default."""
        value = self.table.get(key, False)
        if not isinstance(value, bool):
            raise make_settings_error(self.path, tell("{key} is neither true nor false", key=key))
        return value


def read_section(folder: Path, section: str, known: Collection[str]) -> SettingsSection | None:
    """The table of the nearest file at or above `folder` that has it.

    Raises `SettingsError` where a file cannot be read or is no TOML, and where the table has another key than `known`.
    """
    found = find_table(folder, section)
    if found is None:
        return None
    table, path = found
    if not isinstance(table, dict):
        raise make_settings_error(path, tell("{section} is not a table", section=section))
    if unknown := sorted(table.keys() - set(known)):
        raise make_settings_error(
            path, tell("{name!r} is not known; {names} are", name=unknown[0], names=", ".join(sorted(known)))
        )
    return SettingsSection(table, path)


def find_author(path: Path) -> str | None:
    """The user who wrote a file of settings, or may; `None` where that is this user, or root."""
    try:
        others = list_makers(path) - {os.geteuid()}
    except OSError:
        return None
    return ", ".join(name_user(uid) for uid in sorted(others)) or None


def make_settings_error(path: Path, why: str) -> SettingsError:
    """The error of a file whose settings cannot be followed."""
    return SettingsError(
        tell("the settings in {path} cannot be followed", path=path), why=why, remedy=f"${{EDITOR:-vi}} {path}"
    )


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
