"""Swaps two entries of a file system in one step.

Source: renameat2(2), RENAME_EXCHANGE. ext4, xfs, btrfs and tmpfs have it; overlayfs refuses it for folders of a lower
layer, as it refuses to rename them.
"""

from __future__ import annotations

import ctypes
import os

_RENAME_EXCHANGE = 2


def atomic_swap(folder: int, name: str, other_folder: int, other_name: str) -> bool:
    """Swap two entries of open folders. `False`, with nothing changed, where the system or file system cannot."""
    # `None` is the program itself, which has the C library loaded already.
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    status: int = rename(folder, os.fsencode(name), other_folder, os.fsencode(other_name), _RENAME_EXCHANGE)
    return status == 0
