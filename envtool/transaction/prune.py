"""Removes folders that became empty."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def prune(root: Path, keep: Iterable[Path], removed: Iterable[Path]) -> None:
    """Remove the empty folders above the paths `removed` and below `root`, but for those in `keep`."""
    kept = {root, *keep}
    seen: set[Path] = set()
    for path in removed:
        for folder in path.parents:
            if folder in kept or folder in seen or not folder.is_relative_to(root):
                break
            try:
                folder.rmdir()
            except OSError:
                break
            seen.add(folder)
