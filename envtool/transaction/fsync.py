"""Brings files and folders to the disk, so that a change survives a loss of power.

`HAC_FSYNC=off` turns it off, as in image builds: a build that loses its power starts again.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable

ENVIRONMENT_VARIABLE = "HAC_FSYNC"
# Folders to sync one by one; for more the whole file system takes less time.
_FEW = 32


def is_enabled() -> bool:
    """Whether `HAC_FSYNC` is not off."""
    return os.environ.get(ENVIRONMENT_VARIABLE, "on") != "off"


def sync_file_system(folder: int) -> None:
    """Bring everything on the file system of an open folder to the disk (syncfs(2)).

    One call for a whole tree: `fsync` of each of 14,000 files takes many times as long.
    """
    if not is_enabled():
        return
    call = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if call is None:
        os.sync()
    elif call(folder) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def sync_folders(folders: Iterable[int]) -> None:
    """Bring the entries of open folders to the disk: what was renamed into or out of them."""
    if not is_enabled():
        return
    for number, folder in enumerate(folders):
        if number == _FEW:
            sync_file_system(folder)
            return
        os.fsync(folder)


def sync_folder(folder: int) -> None:
    """Bring the entries of one open folder to the disk."""
    sync_folders((folder,))
