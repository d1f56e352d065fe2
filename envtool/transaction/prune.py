"""Removes folders that became empty."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from envtool.transaction.scope import RootPath

if TYPE_CHECKING:
    from envtool.transaction.scope import OpenScope


def prune(opened: OpenScope, removed: Iterable[RootPath]) -> None:
    """Remove the empty folders above what was removed, but for the roots and those above them."""
    seen: set[RootPath] = set()
    for place in removed:
        above = RootPath(place.root, place.folder)
        while above.path and above not in seen and not opened.is_root(above):
            parent = opened.open_parent(above)
            try:
                if parent is not None:
                    os.rmdir(above.name, dir_fd=parent)
            except OSError:
                break
            seen.add(above)
            above = RootPath(above.root, above.folder)
