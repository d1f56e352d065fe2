"""A tree → a tar archive whose bytes depend on the tree's contents only.

Format: POSIX.1-2001 pax. Sorted by path, all times the image's epoch, modes 755 and 644.
"""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from envtool.image.difference import Above, Known
from envtool.image.tree import Packed, Tree


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
    tree: Tree, target: Path, epoch: int, ownership: Ownership = ROOT_ALONE, known: Known | None = None
) -> None:
    """Archive what a tree has and is not `known`; what `ownership` does not hold is root's.

    Raises `OSError`, and `HashError` and `SourceError` for packed files that are damaged.
    """
    incoming = target.with_suffix(".incoming")
    above = Above()
    with tarfile.open(incoming, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, entry in tree.entries():
            member = _member(archive, name, entry)
            is_held = ownership.holds(member.name)
            member.uid, member.gid = (ownership.uid, ownership.gid) if is_held else (0, 0)
            # Names would be looked up in an image that may give them to others.
            member.uname = member.gname = ""
            member.mtime = epoch
            member.mode = _mode(member)
            if known is not None and known.has(member, partial(_opened, entry)):
                above.pass_over(member)
                continue
            for folder in above.of(member):
                archive.addfile(folder)
            if member.isreg():
                with _opened(entry) as stream:
                    archive.addfile(member, stream)
            else:
                archive.addfile(member)
    incoming.replace(target)


def _member(archive: tarfile.TarFile, name: str, entry: Path | Packed | None) -> tarfile.TarInfo:
    if isinstance(entry, Path):
        member = archive.gettarinfo(entry, arcname=name)
        # Two paths of one staged file stay two files; which of them comes first must not matter.
        if member.islnk():
            member.type, member.linkname, member.size = tarfile.REGTYPE, "", entry.stat().st_size
        return member
    member = tarfile.TarInfo(name)
    if entry is None:
        member.type = tarfile.DIRTYPE
    else:
        member.size, member.mode = entry.size, 0o755 if entry.executable else 0o644
    return member


def _opened(entry: Path | Packed | None) -> IO[bytes]:
    assert entry is not None
    return open(entry, "rb") if isinstance(entry, Path) else io.BytesIO(entry.read())


def _mode(member: tarfile.TarInfo) -> int:
    if member.issym():
        return 0o777
    # /tmp and its like carry a sticky bit that an archive of a part of the tree must not take away.
    return 0o755 if member.isdir() or member.mode & 0o100 else 0o644
