"""A project's settings for doctor: `[doctor]` in `hac.toml`, or `[tool.hac.doctor]` in `pyproject.toml`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envtool.errors import SettingsError
from envtool.language import tell
from envtool.project_settings import find_table

_KEYS = frozenset({"ignore", "strict"})


@dataclass(frozen=True)
class DoctorSettings:
    """`ignore`: ids that do not count for the verdict; `strict`: notes count as well."""

    ignore: frozenset[str] = frozenset()
    strict: bool = False


def read_settings(folder: Path) -> DoctorSettings:
    """Read the settings of the nearest file at or above `folder` that has the table; without one, the defaults.

    Raises `SettingsError` where the table has what nobody knows, or the file is no TOML.
    """
    found = find_table(folder, "doctor")
    return _parse_settings(*found) if found is not None else DoctorSettings()


def validate_ids(ids: Iterable[str], source: str) -> frozenset[str]:
    """Check that doctor knows each of the ids that `source` gives. Raises `SettingsError`."""
    from envtool.doctor.finding_kind import FindingKind

    ids, known = tuple(ids), [kind.id for kind in FindingKind]
    for identity in ids:
        if identity not in known:
            near = difflib.get_close_matches(identity, known, 1)
            raise SettingsError(
                tell("there is no finding called {identity!r}", identity=identity),
                why=f"{source} asks to ignore it" + (f"; {near[0]!r} comes near" if near else ""),
                remedy=tell("envtool explain   (lists the ids)"),
            )
    return frozenset(ids)


def _parse_settings(table: Any, path: Path) -> DoctorSettings:
    if not isinstance(table, dict):
        raise _make_error(path, "doctor is not a table")
    if unknown := sorted(table.keys() - _KEYS):
        raise _make_error(path, f"{unknown[0]!r} is not known; {', '.join(sorted(_KEYS))} are")
    ignore, strict = table.get("ignore", []), table.get("strict", False)
    if not (isinstance(ignore, list) and all(isinstance(item, str) for item in ignore)):
        raise _make_error(path, "ignore is not a list of ids")
    if not isinstance(strict, bool):
        raise _make_error(path, "strict is neither true nor false")
    return DoctorSettings(validate_ids(ignore, str(path)), strict)


def _make_error(path: Path, why: str) -> SettingsError:
    return SettingsError(
        tell("the settings in {path} cannot be followed", path=path), why=why, remedy=f"${{EDITOR:-vi}} {path}"
    )
