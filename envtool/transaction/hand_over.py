"""Gives the owner of an environment the folders that root made in it, so that the owner can replace what is in them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.transaction.open_folder import open_beneath, open_folder

if TYPE_CHECKING:
    from envtool.transaction.owner import Owner

# Nobody's wheel is deeper; whoever made such a tree may delete it as well.
_DEEPEST = 64


def hand_over_folders(owner: Owner | None, top: Path, paths: Iterable[Path]) -> None:
    """Give `owner` root's folders at, above and below `paths`, as far as they are below `top`.

    Only what lies in a folder of the owner's: nobody but root can have put a folder of root's there. Files stay root's,
    as they may have a second name elsewhere; to replace them takes the folder only. Raises `OSError`.
    """
    if owner is None:
        return
    with open_folder(top) as opened:
        if os.fstat(opened).st_uid != owner.uid:
            return
        for path in dict.fromkeys(paths):
            if path.is_relative_to(top) and path != top:
                _hand_over_path(owner, opened, path.relative_to(top).parts)


def _hand_over_path(owner: Owner, folder: int, names: tuple[str, ...]) -> None:
    handle = os.dup(folder)
    try:
        for name in names:
            # A link, a file, another mount or nothing: it ends here.
            with suppress(OSError):
                below = open_beneath(handle, name, within_mount=True)
                os.close(handle)
                handle = below
                if _give(owner, handle):
                    continue
            return
        _hand_over_tree(owner, handle, 0)
    finally:
        os.close(handle)


def _hand_over_tree(owner: Owner, folder: int, depth: int) -> None:
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    for name in names if depth < _DEEPEST else ():
        with suppress(OSError):
            below = open_beneath(folder, name, within_mount=True)
            try:
                if _give(owner, below):
                    _hand_over_tree(owner, below, depth + 1)
            finally:
                os.close(below)


def _give(owner: Owner, handle: int) -> bool:
    """Whether the folder is the owner's now."""
    uid = os.fstat(handle).st_uid
    if uid == 0:
        os.fchown(handle, owner.uid, owner.gid)
    return uid in {0, owner.uid}
