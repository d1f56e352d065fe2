"""Files and folders that nobody but this user and root can write: tells which are, and makes such folders."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from functools import cache
from pathlib import Path

from envtool.link_rights import list_link_makers


def is_private(path: str | Path) -> bool:
    """Whether only this user and root can change what is at `path`: it, every folder above it and each link are theirs.

    A folder with the sticky bit, as /tmp has, keeps others from what is this user's in it (inode(7)). What is not there
    is not private.
    """
    user = os.geteuid()
    real = Path(os.path.realpath(path))
    if str(real) != os.path.abspath(path) and list_link_makers(path) - {user}:  # noqa: PTH100
        return False
    for place in (real, *real.parents):
        try:
            status = place.lstat()
        except OSError:
            return False
        if status.st_uid not in {0, user} or _is_open_to_others(status):
            return False
        if stat.S_ISDIR(status.st_mode) and status.st_uid == user and not status.st_mode & 0o077:
            # Nobody else comes any further.
            return True
    return True


def make_private_folder(path: Path) -> bool:
    """Make a folder that only this user can enter, unless it is there. Whether it is this user's own now."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = path.lstat()
    except OSError:
        return False
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        return False
    if status.st_mode & 0o077:
        path.chmod(0o700)
    return True


def _is_open_to_others(status: os.stat_result) -> bool:
    if stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX:
        return False
    if status.st_mode & stat.S_IWOTH:
        return True
    return bool(status.st_mode & stat.S_IWGRP) and not _is_own_group(status.st_gid)


@cache
def _is_own_group(group: int) -> bool:
    """Whether a group is root's, or this user's alone, as distributions make one for each user."""
    if group == 0:
        return True
    try:
        user, found = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except KeyError:
        return False
    return user.pw_gid == group and user.pw_name == found.gr_name and set(found.gr_mem) <= {user.pw_name}
