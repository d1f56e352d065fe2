"""A project's settings for doctor: `[doctor]` in `hac.toml`, or `[tool.hac.doctor]` in `pyproject.toml`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from envtool.errors import SettingsError
from envtool.language import tell
from envtool.project_settings import read_section

_KEYS = frozenset({"ignore", "strict"})


@dataclass(frozen=True)
class DoctorSettings:
    """`ignore`: ids that do not count for the verdict; `strict`: notes count as well; `path`: the file that says so."""

    ignore: frozenset[str] = frozenset()
    strict: bool = False
    path: Path | None = None


def read_settings(folder: Path) -> DoctorSettings:
    """Read the settings of the nearest file at or above `folder` that has the table; without one, the defaults.

    Raises `SettingsError` where the table has what nobody knows, or the file is no TOML.
    """
    section = read_section(folder, "doctor", _KEYS)
    if section is None:
        return DoctorSettings()
    ignore, strict = section.get_texts("ignore", "ids"), section.get_flag("strict")
    return DoctorSettings(validate_ids(ignore, str(section.path)), strict, section.path)


def validate_ids(ids: Iterable[str], source: str) -> frozenset[str]:
    """Check that doctor knows each of the ids that `source` gives. Raises `SettingsError`."""
    from envtool.doctor.finding_kind import FindingKind

    ids, known = tuple(ids), [kind.id for kind in FindingKind]
    for identity in ids:
        if identity not in known:
            near = difflib.get_close_matches(identity, known, 1)
            raise SettingsError(
                tell("there is no finding called {identity!r}", identity=identity),
                why=(
                    tell("{source} asks to ignore it; {near!r} comes near", source=source, near=near[0])
                    if near
                    else tell("{source} asks to ignore it", source=source)
                ),
                remedy=tell("envtool explain   (lists the ids)"),
            )
    return frozenset(ids)
