"""A project's settings for a scan: `[scan]` in `hac.toml`, or `[tool.hac.scan]` in `pyproject.toml`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from envtool.errors import SettingsError
from envtool.language import tell
from envtool.project_settings import make_settings_error, read_section
from envtool.scan.kinds import ScanKind

_KEYS = frozenset({"ignore", "exclude", "torch", "strict"})


@dataclass(frozen=True)
class ScanSettings:
    """`ignore`: ids that do not count; `exclude`: patterns of paths; `torch`: judged for; `strict`: notes count.

    `path` is the file that says so.
    """

    ignore: frozenset[str] = frozenset()
    exclude: tuple[str, ...] = ()
    torch: str | None = None
    strict: bool = False
    path: Path | None = None


def read_scan_settings(folder: Path) -> ScanSettings:
    """Read the settings of the nearest file at or above `folder` that has the table. Raises `SettingsError`."""
    section = read_section(folder, "scan", _KEYS)
    if section is None:
        return ScanSettings()
    ignore, exclude = (section.get_texts(name, "texts") for name in ("ignore", "exclude"))
    torch = section.table.get("torch")
    if not isinstance(torch, str | None):
        raise make_settings_error(section.path, tell('torch is not a text, such as "1.7.1"'))
    strict = section.get_flag("strict")
    return ScanSettings(validate_scan_ids(ignore, str(section.path)), exclude, torch, strict, section.path)


def validate_scan_ids(ids: Iterable[str], source: str) -> frozenset[str]:
    """Check that there is a kind of each id that `source` gives. Raises `SettingsError`."""
    known = [kind.id for kind in ScanKind]
    ids = tuple(ids)
    for identity in ids:
        if identity not in known:
            near = difflib.get_close_matches(identity, known, 1)
            raise SettingsError(
                tell("there is no finding called {identity!r} in a scan", identity=identity),
                why=tell("{source} asks to ignore it; {near!r} comes near", source=source, near=near[0])
                if near
                else tell("{source} asks to ignore it", source=source),
                remedy=tell("envtool explain   (lists the ids)"),
            )
    return frozenset(ids)
