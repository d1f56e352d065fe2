"""A project's settings for check: `[check]` in `hac.toml`, or `[tool.hac.check]` in `pyproject.toml`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envtool.errors import SettingsError
from envtool.language import tell
from envtool.project_settings import find_table


@dataclass(frozen=True)
class CheckSettings:
    """`base_images`: names of images, or patterns, that hold pip and uv to the vendor's; `strict`: unknown counts."""

    base_images: tuple[str, ...] = ()
    strict: bool = False


def read_check_settings(folder: Path) -> CheckSettings:
    """Read the settings of the nearest file at or above `folder` that has the table. Raises `SettingsError`."""
    found = find_table(folder, "check")
    if found is None:
        return CheckSettings()
    table, path = found
    if not isinstance(table, dict):
        raise _make_error(path, "check is not a table")
    if unknown := sorted(table.keys() - {"base-images", "strict"}):
        raise _make_error(path, f"{unknown[0]!r} is not known; base-images and strict are")
    names: Any = table.get("base-images", [])
    if not (isinstance(names, list) and all(isinstance(item, str) for item in names)):
        raise _make_error(path, "base-images is not a list of names")
    strict = table.get("strict", False)
    if not isinstance(strict, bool):
        raise _make_error(path, "strict is neither true nor false")
    return CheckSettings(tuple(names), strict)


def _make_error(path: Path, why: str) -> SettingsError:
    return SettingsError(
        tell("the settings in {path} cannot be followed", path=path), why=why, remedy=f"${{EDITOR:-vi}} {path}"
    )
