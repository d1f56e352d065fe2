"""A project's settings for check: `[check]` in `hac.toml`, or `[tool.hac.check]` in `pyproject.toml`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from envtool.project_settings import read_section

_KEYS = frozenset({"base-images", "strict"})


@dataclass(frozen=True)
class CheckSettings:
    """`base_images`: names of images, or patterns, that hold pip and uv to the vendor's; `strict`: unknown counts.

    `path` is the file that says so.
    """

    base_images: tuple[str, ...] = ()
    strict: bool = False
    path: Path | None = None


def read_check_settings(folder: Path) -> CheckSettings:
    """Read the settings of the nearest file at or above `folder` that has the table. Raises `SettingsError`."""
    section = read_section(folder, "check", _KEYS)
    if section is None:
        return CheckSettings()
    return CheckSettings(section.get_texts("base-images", "names"), section.get_flag("strict"), section.path)
