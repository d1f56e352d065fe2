"""Brings files and folders to the disk, so that a change survives a loss of power.

`HAC_FSYNC=off` turns it off, as in image builds: a build that loses its power starts again.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

ENVIRONMENT_VARIABLE = "HAC_FSYNC"
# Folders to sync one by one; for more the whole file system takes less time.
_FEW = 32


def is_enabled() -> bool:
    """Whether `HAC_FSYNC` is not off."""
    return os.environ.get(ENVIRONMENT_VARIABLE, "on") != "off"


def sync_file_system(folder: Path) -> None:
    """Bring everything on the file system of `folder` to the disk (syncfs(2)).

    One call for a whole tree: `fsync` of each of 14,000 files takes many times as long.
    """
    if not is_enabled():
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        call = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
        if call is None:
            os.sync()
        elif call(handle) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(handle)


def sync_folders(folders: Iterable[Path]) -> None:
    """Bring the entries of folders to the disk: what was renamed into or out of them."""
    if not is_enabled():
        return
    touched = tuple(dict.fromkeys(folders))
    if len(touched) > _FEW:
        sync_file_system(touched[0])
        return
    for folder in touched:
        sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Bring the entries of one folder to the disk; pass over a folder that is gone."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
