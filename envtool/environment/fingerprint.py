"""What tells one state of a file or a folder from another, cheaply. Imports next to nothing: see `cli.again`."""

from __future__ import annotations

import os
import time

# Inode, size, modification time and change time, the times in nanoseconds. The change time cannot be set back.
Fingerprint = tuple[int, int, int, int]
# A distribution's folders below site-packages: both times, and of the code in them each file's size.
TreeFingerprint = dict[str, tuple[int, int, dict[str, int]]]
# What changed this shortly (nanoseconds) before it was looked at may have changed again within one tick of its clock.
RECENT = 1_000_000_000
_CODE = (".py", ".so", ".pyd")


def fingerprint(path: str) -> Fingerprint | None:
    """The identity of what is at `path`, links followed, or `None` where nothing can be seen."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def is_recent(found: Fingerprint | None) -> bool:
    """Whether it changed so recently that it may be changing still."""
    return found is not None and time.time_ns() - found[3] < RECENT


def fingerprint_tree(base: str, files: list[tuple[str, int]]) -> TreeFingerprint | None:
    """What to keep of a distribution that is in order: its folders and, of its code and its records, each file's size.

    `files` are paths below `base`. `None` where a folder cannot be seen or is still changing.
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
    """Whether what `traces` kept is still so."""
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


def doctor_cache_dir() -> str | None:
    """Where this user keeps what is remembered of environments; `None` where there is no home or it is not wanted."""
    if os.environ.get("HAC_CACHE") == "off":
        return None
    cache = os.environ.get("XDG_CACHE_HOME") or f"{os.environ.get('HOME', '')}/.cache"
    return f"{cache}/hac/doctor" if cache.startswith("/") and cache != "/.cache" else None
