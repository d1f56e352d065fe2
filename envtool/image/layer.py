"""A staging tree → a tar archive whose bytes depend on the tree's contents only.

Format: POSIX.1-2001 pax. Sorted by path, all times the image's epoch, modes 755 and 644.
"""

from __future__ import annotations

import os
import tarfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from envtool.image.difference import Above, Known


@dataclass(frozen=True)
class Ownership:
    """The numbers of a user and a group, and the paths, relative to the tree, that belong to them with all below."""

    uid: int
    gid: int
    paths: tuple[str, ...]

    def holds(self, name: str) -> bool:
        """Whether a path is one of theirs."""
        return any(name == path or name.startswith(f"{path}/") for path in self.paths)


ROOT_ALONE = Ownership(0, 0, ())


def write_layer(
    root: Path, target: Path, epoch: int, ownership: Ownership = ROOT_ALONE, known: Known | None = None
) -> None:
    """Archive what is below `root` and not `known`; what `ownership` does not hold is root's. Raises `OSError`."""
    incoming = target.with_suffix(".incoming")
    above = Above()
    with tarfile.open(incoming, "w", format=tarfile.PAX_FORMAT) as archive:
        for path in _entries(root):
            member = archive.gettarinfo(path, arcname=str(path.relative_to(root)))
            # Two paths of one staged file stay two files; which of them comes first must not matter.
            if member.islnk():
                member.type, member.linkname, member.size = tarfile.REGTYPE, "", path.stat().st_size
            is_held = ownership.holds(member.name)
            member.uid, member.gid = (ownership.uid, ownership.gid) if is_held else (0, 0)
            # Names would be looked up in an image that may give them to others.
            member.uname = member.gname = ""
            member.mtime = epoch
            member.mode = _mode(member)
            if known is not None and known.has(member, partial(_opened, path)):
                above.pass_over(member)
                continue
            for folder in above.of(member):
                archive.addfile(folder)
            if member.isreg():
                with _opened(path) as stream:
                    archive.addfile(member, stream)
            else:
                archive.addfile(member)
    incoming.replace(target)


def _opened(path: Path) -> IO[bytes]:
    return open(path, "rb")


def _entries(root: Path) -> list[Path]:
    found = []
    for folder, folders, files in os.walk(root):
        folders.sort()
        found += [Path(folder) / name for name in (*folders, *files)]
    return sorted(found)


def _mode(member: tarfile.TarInfo) -> int:
    if member.issym():
        return 0o777
    # /tmp and its like carry a sticky bit that an archive of a part of the tree must not take away.
    return 0o755 if member.isdir() or member.mode & 0o100 else 0o644
