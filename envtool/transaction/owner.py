"""Who owns an environment, so that root works in it as that user.

What a user may write may have links in it by the time that root follows them. As the user it gains nothing.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envtool.errors import RestoreError
from envtool.language import tell
from envtool.link_rights import list_groups, may_enter, name_user
from envtool.masking import mask_credentials

if TYPE_CHECKING:
    import pwd

_NOBODY = 65534
# CAP_SETGID and CAP_SETUID.
_CHANGE_OF_USER = (6, 7)
# What tells a program where root keeps its own, or how root came to be root.
_ROOTS_OWN = ("XDG_", "SUDO_", "HAC_VENDOR_")
# Names of variables that hold a secret; pip's and uv's are for the indexes that they are to read.
_SECRET = ("TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "API_KEY", "ACCESS_KEY", "PRIVATE_KEY")
_FOR_INDEXES = ("PIP_", "UV_")


@dataclass(frozen=True)
class Owner:
    """A user other than root, the group that new files get, and a folder that is this user's."""

    uid: int
    gid: int
    folder: Path

    @property
    def name(self) -> str:
        """The user's name, or the number where there is none."""
        return name_user(self.uid)

    def list_groups(self) -> list[int]:
        """All groups of the user."""
        return list_groups(self.uid, self.gid)

    def adapt_variables(self, variables: Mapping[str, str]) -> dict[str, str]:
        """The environment variables for a program of this user, without root's folders and without secrets."""
        kept = {key: value for key, value in variables.items() if not _is_roots_own(key, value)}
        entry = _find_entry(self.uid)
        home = entry.pw_dir if entry is not None else ""
        if not self._may_write(home):
            # uv then keeps nothing, in a folder for the time of its run.
            home, kept["UV_NO_CACHE"] = "/nonexistent", "1"
        for name in ("UV_CACHE_DIR", "PIP_CACHE_DIR", "TMPDIR"):
            if name in kept and not self._may_write(kept[name]):
                del kept[name]
        return {**kept, "HOME": home, "USER": self.name, "LOGNAME": self.name}

    def may_enter(self, folder: Path) -> bool:
        """Whether the user may pass through every folder on the way to one, and into it."""
        return may_enter(self.uid, self.list_groups(), os.path.realpath(folder))

    def is_usable(self) -> bool:
        """Whether this process may run programs as the user: not in each container (capabilities(7), namespaces(7))."""
        try:
            rows = Path("/proc/self/status").read_text().splitlines()
            rights = next(int(row.split()[1], 16) for row in rows if row.startswith("CapEff:"))
            has_rights = all(rights >> number & 1 for number in _CHANGE_OF_USER)
            return has_rights and _is_mapped("uid", self.uid) and _is_mapped("gid", self.gid)
        except (OSError, ValueError, IndexError, StopIteration):
            return False

    def _may_write(self, folder: str) -> bool:
        try:
            status = Path(folder).stat()
        except OSError:
            return False
        return (status.st_uid == self.uid and bool(status.st_mode & 0o200)) or bool(status.st_mode & 0o002)


def find_owner(folders: Iterable[Path]) -> Owner | None:
    """The one user other than root that owns any of the folders, or a link on the way, where root runs this.

    `None`: there is no such user, or this process is not root's. Raises `RestoreError` where there are two.
    """
    if os.geteuid() != 0:
        return None
    first: Owner | None = None
    for folder, status in _list_states(folders):
        if status.st_uid == 0:
            continue
        if first is None:
            first = Owner(status.st_uid, _find_group(status), folder)
        elif first.uid != status.st_uid:
            other = Owner(status.st_uid, 0, folder)
            raise RestoreError(
                tell("the environment belongs to two users, so nothing is changed"),
                why=tell(
                    "{folder} is {name}'s, {other_folder} is {other_name}'s; root would work for either",
                    folder=first.folder,
                    name=first.name,
                    other_folder=folder,
                    other_name=other.name,
                ),
                remedy=tell(
                    "ls -ld {folder} {other_folder}   and give both to one: chown -hR {name} DIRECTORY",
                    folder=shlex.quote(str(first.folder)),
                    other_folder=shlex.quote(str(folder)),
                    name=shlex.quote(first.name),
                ),
            )
    return first


def make_owner(uid: int, folder: Path) -> Owner:
    """A user by number, with the group of the user's entry; `folder` is the user's."""
    entry = _find_entry(uid)
    return Owner(uid, entry.pw_gid if entry is not None else _NOBODY, folder)


def make_process_options(owner: Owner | None) -> dict[str, Any]:
    """What `subprocess.Popen` takes for a program that runs as `owner`."""
    if owner is None or os.geteuid() == owner.uid:
        return {}
    # A session of its own: what the owner's programs type into root's terminal would be root's commands.
    return {
        "user": owner.uid,
        "group": owner.gid,
        "extra_groups": owner.list_groups(),
        "process_group": None,
        "start_new_session": True,
    }


def lend(owner: Owner | None, path: Path) -> None:
    """Give a temporary file or folder of this process's to the owner, for a program that runs as that user."""
    if owner is None or os.geteuid() != 0:
        return
    # The folder last: until then nobody else can put anything into it.
    for entry in (*(path.iterdir() if path.is_dir() else ()), path):
        os.lchown(entry, owner.uid, owner.gid)


def lend_tree(owner: Owner | None, path: Path) -> None:
    """The same for a folder of this process's with all that is below it."""
    if owner is None or os.geteuid() != 0:
        return
    for place, folders, files in os.walk(path, topdown=False):
        for name in (*files, *folders):
            os.lchown(Path(place, name), owner.uid, owner.gid)
    os.lchown(path, owner.uid, owner.gid)


def _list_states(folders: Iterable[Path]) -> Iterator[tuple[Path, os.stat_result]]:
    """The folders that are there, and the links that lead to them."""
    for folder in dict.fromkeys(folders):
        try:
            link = os.lstat(folder)
            yield folder, link
            target = folder.stat()
        except OSError:
            continue
        if (target.st_dev, target.st_ino) != (link.st_dev, link.st_ino):
            yield folder, target


def _is_mapped(kind: str, number: int) -> bool:
    """Whether there is such a user or group in this process's namespace (user_namespaces(7))."""
    rows = Path(f"/proc/self/{kind}_map").read_text().splitlines()
    ranges = [(int(row.split()[0]), int(row.split()[2])) for row in rows]
    return any(first <= number < first + count for first, count in ranges)


def _find_group(status: os.stat_result) -> int:
    entry = _find_entry(status.st_uid)
    if entry is not None:
        return entry.pw_gid
    # A folder's group may be one that its owner is not in, where the folder above hands its own down.
    return status.st_gid if status.st_gid == status.st_uid else _NOBODY


def _find_entry(uid: int) -> pwd.struct_passwd | None:
    # Takes a while to import, and some containers have no such table.
    try:
        import pwd

        return pwd.getpwuid(uid)
    except (ImportError, KeyError):
        return None


def _is_roots_own(name: str, value: str) -> bool:
    if name.startswith(_ROOTS_OWN):
        return True
    if name.startswith(_FOR_INDEXES):
        return False
    assigned = f"{name}={value}"
    return any(word in name.upper() for word in _SECRET) or mask_credentials(assigned) != assigned
