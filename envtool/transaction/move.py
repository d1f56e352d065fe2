"""A step that puts something in place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Move:
    """Move a staged file or folder to where it belongs."""

    staged: Path
    final: Path
