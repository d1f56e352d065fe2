"""A checkout to change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

_PROJECT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The image table with its recipes and locks, in a folder of its own."""
    copy = tmp_path / "checkout"
    for name in ("images", "lockfiles"):
        shutil.copytree(_PROJECT / name, copy / name)
    for name in ("pyproject.toml", "Dockerfile", "LICENSE", "README.md"):
        shutil.copy(_PROJECT / name, copy)
    (copy / "envtool").mkdir()
    return copy
