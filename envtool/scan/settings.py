"""A project's settings for a scan: `[scan]` in `hac.toml`, or `[tool.hac.scan]` in `pyproject.toml`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envtool.errors import SettingsError
from envtool.language import tell
from envtool.project_settings import find_table
from envtool.scan.kinds import ScanKind

_LISTS = ("ignore", "exclude")


@dataclass(frozen=True)
class ScanSettings:
    """`ignore`: ids that do not count; `exclude`: patterns of paths; `torch`: judged for; `strict`: notes count."""

    ignore: frozenset[str] = frozenset()
    exclude: tuple[str, ...] = ()
    torch: str | None = None
    strict: bool = False


def read_scan_settings(folder: Path) -> ScanSettings:
    """Read the settings of the nearest file at or above `folder` that has the table. Raises `SettingsError`."""
    found = find_table(folder, "scan")
    if found is None:
        return ScanSettings()
    table, path = found
    if not isinstance(table, dict):
        raise _make_error(path, "scan is not a table")
    known = {*_LISTS, "torch", "strict"}
    if unknown := sorted(table.keys() - known):
        raise _make_error(path, f"{unknown[0]!r} is not known; {', '.join(sorted(known))} are")
    for name in _LISTS:
        value: Any = table.get(name, [])
        if not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
            raise _make_error(path, f"{name} is not a list of texts")
    torch, strict = table.get("torch"), table.get("strict", False)
    if not isinstance(torch, str | None):
        raise _make_error(path, 'torch is not a text, such as "1.7.1"')
    if not isinstance(strict, bool):
        raise _make_error(path, "strict is neither true nor false")
    ignore = validate_scan_ids(table.get("ignore", []), str(path))
    return ScanSettings(ignore, tuple(table.get("exclude", [])), torch, strict)


def validate_scan_ids(ids: Iterable[str], source: str) -> frozenset[str]:
    """Check that there is a kind of each id that `source` gives. Raises `SettingsError`."""
    known = [kind.id for kind in ScanKind]
    ids = tuple(ids)
    for identity in ids:
        if identity not in known:
            near = difflib.get_close_matches(identity, known, 1)
            raise SettingsError(
                tell("there is no finding called {identity!r} in a scan", identity=identity),
                why=f"{source} asks to ignore it" + (f"; {near[0]!r} comes near" if near else ""),
                remedy=tell("envtool explain   (lists the ids)"),
            )
    return frozenset(ids)


def _make_error(path: Path, why: str) -> SettingsError:
    return SettingsError(
        tell("the settings in {path} cannot be followed", path=path), why=why, remedy=f"${{EDITOR:-vi}} {path}"
    )
