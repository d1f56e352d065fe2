"""Tells cheaply whether a file, or a distribution's folders, are still as they were."""

from __future__ import annotations

import os
import time

# Inode, size, modification time and change time, the times in nanoseconds. The change time cannot be set back.
Fingerprint = tuple[int, int, int, int]
# By folder below site-packages: modification time, change time, and the size of each file of code in it.
TreeFingerprint = dict[str, tuple[int, int, dict[str, int]]]
# Nanoseconds. What changed this shortly before it was looked at may change again within one tick of its clock.
_RECENT = 1_000_000_000
_CODE = (".py", ".so", ".pyd")


def fingerprint(path: str) -> Fingerprint | None:
    """The state of what is at `path`, links followed, or `None` where nothing can be seen."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def is_recent(found: Fingerprint) -> bool:
    """Whether it changed within the last second, so that it may be changing still."""
    return time.time_ns() - found[3] < _RECENT


def fingerprint_tree(base: str, files: list[tuple[str, int]]) -> TreeFingerprint | None:
    """The state of a distribution that is intact: its folders, and the size of each of its records and files of code.

    `files` are paths below `base`, with their sizes. `None` where a folder cannot be seen or is still changing.
    """
    folders: TreeFingerprint = {}
    for path, size in files:
        folder, _, name = path.rpartition("/")
        if folder not in folders:
            found = fingerprint(f"{base}/{folder}")
            if found is None or is_recent(found):
                return None
            folders[folder] = (found[2], found[3], {})
        if name.endswith(_CODE) or ".so." in name or folder.endswith(".dist-info"):
            folders[folder][2][name] = size
    return folders


def is_unchanged(base: str, kept: TreeFingerprint) -> bool:
    """Whether the folders below `base` are as `fingerprint_tree` found them."""
    stat = os.stat
    try:
        for folder, (modified, changed, code) in kept.items():
            if folder:
                # Other distributions come and go in site-packages itself; of it, only the files count.
                found = stat(f"{base}/{folder}")
                if (found.st_mtime_ns, found.st_ctime_ns) != (modified, changed):
                    return False
            for name, size in code.items():
                if stat(f"{base}/{folder}/{name}").st_size != size:
                    return False
    except (OSError, ValueError):
        return False
    return True
