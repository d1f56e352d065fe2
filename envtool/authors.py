"""Who wrote a file: its owner, and everybody who may write to it or put another in its place.

Asked where root is about to run code that a file has, or to put values of root's own into its lines. Permissions are
told from modes, without access control lists.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from envtool.link_rights import list_link_makers

# What CI systems set for their jobs (GitLab documentation, "Predefined CI/CD variables"; GitHub's and others' as well).
CI_VARIABLE = "CI"


@dataclass(frozen=True)
class Authors:
    """The `users` other than root who wrote something; `everybody`: anybody may write to it, and `path` shows how."""

    users: frozenset[int] = frozenset()
    everybody: bool = False
    path: Path | None = None

    def join(self, other: Authors) -> Authors:
        """The authors of two things together."""
        return Authors(self.users | other.users, self.everybody or other.everybody, self.path or other.path)

    def __bool__(self) -> bool:
        """Whether it is anybody else's than root's."""
        return bool(self.users) or self.everybody


def find_authors(paths: Iterable[Path]) -> Authors:
    """Who wrote any of the files and folders that are there, their content left aside.

    Only root asks: nobody else has rights to lose to them that a start of pip would not lose as well.
    """
    found = Authors()
    if os.geteuid() == 0:
        for path in dict.fromkeys(paths):
            for place in {os.path.abspath(path), os.path.realpath(path)}:  # noqa: PTH100
                for entry, above in _list_ways(place):
                    found = found.join(_judge(entry, above))
            found = found.join(Authors(frozenset(list_link_makers(path))))
    return found


def find_tree_authors(entries: Iterable[Path]) -> Authors:
    """Who wrote what is in a folder: `entries` are the files in it, at any depth. Links are not followed."""
    found = Authors()
    folders: set[Path] = set()
    if os.geteuid() == 0:
        for entry in entries:
            for path in (entry, entry.parent):
                if path not in folders:
                    found = found.join(_judge(str(path), None))
            folders.add(entry.parent)
    return found


def _list_ways(path: str) -> Iterator[tuple[str, str | None]]:
    """A path and each folder above it, with the folder that it is in."""
    while True:
        above = os.path.dirname(path)  # noqa: PTH120
        if above == path:
            yield path, None
            return
        yield path, above
        path = above


def _judge(entry: str, above: str | None) -> Authors:
    """Who may change an entry itself. In a sticky folder, such as /tmp, others may exchange nothing."""
    try:
        status = os.lstat(entry)
        folder = os.stat(above) if above is not None else None  # noqa: PTH116
    except OSError:
        return Authors()
    users, everybody = {status.st_uid}, False
    if not stat.S_ISLNK(status.st_mode) and not _is_sticky(status) and not _trusts_modes():
        everybody = bool(status.st_mode & stat.S_IWOTH)
        users |= _list_members(status.st_gid) if status.st_mode & stat.S_IWGRP else set()
    if folder is not None and stat.S_ISLNK(status.st_mode):
        users.add(folder.st_uid)
    users.discard(0)
    return Authors(frozenset(users), everybody, Path(entry) if users or everybody else None)


def _is_sticky(status: os.stat_result) -> bool:
    return stat.S_ISDIR(status.st_mode) and bool(status.st_mode & stat.S_ISVTX)


def _trusts_modes() -> bool:
    """Whether modes are of no account: a job of CI's may have all checked out for everybody to write.

    Nobody else works in such a container; whose a file is counts all the same.
    """
    return os.environ.get(CI_VARIABLE, "").lower() in {"true", "1"}


@cache
def _list_members(gid: int) -> frozenset[int]:
    """The users of a group, root left out; of one that this machine does not know there are none."""
    try:
        import grp
        import pwd

        named = grp.getgrgid(gid).gr_mem
        every = pwd.getpwall()
    except (ImportError, KeyError, OSError):
        return frozenset()
    return frozenset(entry.pw_uid for entry in every if entry.pw_gid == gid or entry.pw_name in named) - {0}
