"""The whole version of a prefix's Python, which its folders name only the first two parts of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envtool.environment.prefix import PrefixKind
from envtool.regular_file import read_regular_file

if TYPE_CHECKING:
    from pathlib import Path

    from envtool.environment.prefix import Prefix

# virtualenv writes `3.8.18.final.0`.
_SETTING = re.compile(r"^version(?:_info)?\s*=\s*(\d+\.\d+\.\d+)", re.MULTILINE)
_CONDA_RECORD = re.compile(r"python-(\d+\.\d+\.\d+)-[^-]+\.json")
_HEADER = re.compile(r'^#define\s+PY_VERSION\s+"(\d+\.\d+\.\d+)', re.MULTILINE)


def read_python_version(prefix: Prefix) -> str:
    """The version in three parts as the prefix's own files tell it, in two where none does."""
    short = f"{prefix.python[0]}.{prefix.python[1]}"
    if prefix.kind is PrefixKind.CONDA:
        found = next(
            (match[1] for name in _list(prefix.path / "conda-meta") if (match := _CONDA_RECORD.fullmatch(name))), ""
        )
    elif prefix.kind is PrefixKind.VENV:
        found = _search(prefix.path / "pyvenv.cfg", _SETTING)
    else:
        found = ""
    found = found or _search(prefix.path / "include" / f"python{short}" / "patchlevel.h", _HEADER)
    return found if found.startswith(f"{short}.") else short


def _list(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return []


def _search(path: Path, pattern: re.Pattern[str]) -> str:
    try:
        match = pattern.search(read_regular_file(path).decode("utf-8", "replace"))
    except OSError:
        return ""
    return match[1] if match is not None else ""
