"""A step of a journal that puts something in place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Move:
    """Moves a staged file or folder to its final place."""

    staged: Path
    final: Path
