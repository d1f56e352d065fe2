"""Deletes a file or a whole folder below an open folder: no link is followed, and nothing below a mount is touched."""

from __future__ import annotations

import os

from envtool.transaction.open_folder import open_beneath

# Folders are held open down to this depth; what is deeper is first moved up, so that any depth will do.
_DEEPEST = 64


def delete_tree(folder: int, name: str) -> None:
    """Delete the entry `name` of an open folder, a folder with all that is in it; a link's target stays.

    Nothing there is nothing to do. Raises `OSError`, `EXDEV` for what is mounted below.
    """
    if _is_unlinked(folder, name):
        return
    try:
        top = open_beneath(folder, name, within_mount=True)
    except FileNotFoundError:
        return
    try:
        # Those that were moved up make a new round.
        while _empty(top, top, 0):
            pass
    finally:
        os.close(top)
    os.rmdir(name, dir_fd=folder)


def _empty(top: int, folder: int, depth: int) -> bool:
    """Delete what is in a folder. Whether something was moved up to `top`, and is still there."""
    is_left = False
    with os.scandir(folder) as entries:
        names = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in names:
        if not is_folder and _is_unlinked(folder, name):
            continue
        if depth == _DEEPEST:
            os.rename(name, f".hac-deep-{os.urandom(8).hex()}", src_dir_fd=folder, dst_dir_fd=top)
            is_left = True
            continue
        below = open_beneath(folder, name, within_mount=True)
        try:
            is_left = _empty(top, below, depth + 1) or is_left
        finally:
            os.close(below)
        os.rmdir(name, dir_fd=folder)
    return is_left


def _is_unlinked(folder: int, name: str) -> bool:
    """Remove what is no folder. Whether there is nothing left of that name."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return True
    except IsADirectoryError:
        return False
    return True
