"""Whether somebody's link may lead root to a file: only where that somebody may read the file without root.

Root follows every link. In a folder that another user may write, a link could so lead to what only root may read, and
its content into a report. The kernel has the same rule for sticky folders only (proc(5), protected_symlinks).
Permissions are told from modes: of a file that only an access control list opens, a link is not followed.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from functools import cache

from envtool.language import tell

# As many links on the way to a file as the kernel follows (path_resolution(7)).
_MOST_LINKS = 40
# Rights as a mode has them (inode(7)); for a folder the second is to make files in it.
_READ, WRITE, MAKE_FILES = 0o4, 0o2, 0o3
_Path = str | os.PathLike[str]


def require_allowed_way(handle: int, path: _Path, *, right: int = _READ) -> None:
    """Raise `PermissionError` where root opened a file by a link of a user who has not the `right` to it himself."""
    if os.geteuid() != 0:
        return
    named = os.path.abspath(path)  # noqa: PTH100  # hundreds of times
    try:
        real = os.readlink(f"/proc/self/fd/{handle}")  # noqa: PTH115
    except OSError:
        real = os.path.realpath(named)
    if real == named:
        return
    # Not `named`: what is above a link is not what is above the folder that it leads to.
    found, makers = _follow(os.path.join(os.getcwd(), os.fsdecode(path)))  # noqa: PTH109, PTH118
    if found != real:
        raise PermissionError(errno.EACCES, tell("it was exchanged while it was opened"), os.fspath(path))
    if not all(_may_reach(uid, os.fstat(handle), real, right) for uid in makers):
        reads = tell("a link leads to what its owner may not read")
        writes = tell("a link leads to where its owner may not write")
        raise PermissionError(errno.EACCES, reads if right == _READ else writes, os.fspath(path))


def may_name(file: _Path, folder: _Path) -> bool:
    """Whether what `file` says may lead root to `folder`: where those who may write the file may enter it."""
    if os.geteuid() != 0:
        return True
    try:
        makers = list_makers(file)
        return all(may_enter(uid, list_groups(uid), os.path.realpath(folder)) for uid in makers)
    except (FileNotFoundError, NotADirectoryError):
        # There is nothing to be read.
        return True
    except (OSError, ValueError):
        return False


def may_name_file(file: _Path, target: _Path) -> bool:
    """The same for a file that `file` names: where those who may write `file` may read it."""
    if os.geteuid() != 0:
        return True
    try:
        status, makers = os.stat(target), list_makers(file)  # noqa: PTH116
        return all(_may_reach(uid, status, os.path.realpath(target), _READ) for uid in makers)
    except (FileNotFoundError, NotADirectoryError):
        # There is nothing to be read.
        return True
    except (OSError, ValueError):
        return False


def list_makers(file: _Path) -> set[int]:
    """The users other than root who wrote a file, or may put another in its place. Raises `OSError`."""
    folder = os.path.dirname(os.path.abspath(file))  # noqa: PTH100, PTH120
    return _list_makers(os.lstat(file), folder) | _list_makers(os.stat(file), folder)  # noqa: PTH116


def list_link_makers(path: _Path) -> set[int]:
    """The users other than root who made a link on the way to a file, or may put another in its place."""
    return _follow(os.path.abspath(path))[1]  # noqa: PTH100


def may_enter(uid: int, groups: Sequence[int], folder: str) -> bool:
    """Whether a user may pass through every folder on a way without links, the last one included."""
    while True:
        if not _has_right(uid, groups, os.stat(folder), 0o1):  # noqa: PTH116  # as above
            return False
        above = os.path.dirname(folder)  # noqa: PTH120
        if above == folder:
            return True
        folder = above


def name_user(uid: int) -> str:
    """The user's name, or the number where there is none."""
    try:
        import pwd

        return pwd.getpwuid(uid).pw_name
    except (ImportError, KeyError):
        return str(uid)


@cache
def list_groups(uid: int, gid: int | None = None) -> list[int]:
    """All groups of a user: `gid`, by default that of the user's entry, and those that name the user."""
    # Takes a while to import, and some containers have no such table.
    try:
        import pwd

        entry = pwd.getpwuid(uid)
    except (ImportError, KeyError):
        return [] if gid is None else [gid]
    return os.getgrouplist(entry.pw_name, entry.pw_gid if gid is None else gid)


def _may_reach(uid: int, status: os.stat_result, real: str, right: int) -> bool:
    groups = list_groups(uid)
    if not _has_right(uid, groups, status, right):
        return False
    try:
        return may_enter(uid, groups, os.path.dirname(real))  # noqa: PTH120
    except OSError:
        return False


def _has_right(uid: int, groups: Sequence[int], status: os.stat_result, right: int) -> bool:
    shift = 6 if status.st_uid == uid else 3 if status.st_gid in groups else 0
    return status.st_mode >> shift & right == right


def _follow(path: str) -> tuple[str, set[int]]:
    """Where a path leads, and the users other than root who made a link on the way or may put another in its place."""
    left, at, makers, links = path.split("/")[::-1], "/", set[int](), 0
    while left:
        name = left.pop()
        if name in {"", "."}:
            continue
        if name == "..":
            at = os.path.dirname(at)  # noqa: PTH120
            continue
        below = f"{at.rstrip('/')}/{name}"
        try:
            status = os.lstat(below)
        except OSError:
            return "", makers
        if not stat.S_ISLNK(status.st_mode):
            at = below
            continue
        links += 1
        if links > _MOST_LINKS:
            return "", makers
        makers |= _list_makers(status, at)
        target = os.readlink(below)  # noqa: PTH115
        left += target.split("/")[::-1]
        at = "/" if target.startswith("/") else at
    return at, makers


def _list_makers(status: os.stat_result, folder: str) -> set[int]:
    """The users other than root who made a file or a link, or may put another in its place."""
    above = os.stat(folder or ".")  # noqa: PTH116
    # In a sticky folder, such as /tmp, only its owner may exchange it.
    return ({status.st_uid} | (set() if above.st_mode & stat.S_ISVTX else {above.st_uid})) - {0}
