"""A tree → a tar archive whose bytes depend on the tree's contents only.

Members are sorted by path, all times are the image's epoch, and modes are 755 or 644.
"""

from __future__ import annotations

import io
import shutil
import stat
import tarfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

from envtool.image.layers.layer_diff import LowerLayers, ParentFolders
from envtool.image.layers.tar_stream import END, open_archive_writer, render_header, render_padding
from envtool.image.read.layer import CAPTURE_NOTHING, FileSelector, LayerContents, LayerIndexer

if TYPE_CHECKING:
    from envtool.image.layers.staged_tree import Packed, StagedTree

_BUFFER = 1 << 20


@dataclass(frozen=True)
class LayerOwnership:
    """The numbers of a user and a group, and the paths, relative to the tree, that belong to them with all below."""

    uid: int
    gid: int
    paths: tuple[str, ...]

    def holds(self, name: str) -> bool:
        """Whether a path is one of theirs."""
        return any(name == path or name.startswith(f"{path}/") for path in self.paths)


ROOT_ALONE = LayerOwnership(0, 0, ())


def write_layer(
    tree: StagedTree,
    target: Path,
    epoch: int,
    ownership: LayerOwnership = ROOT_ALONE,
    *,
    known: LowerLayers | None = None,
    interest: FileSelector = CAPTURE_NOTHING,
) -> LayerContents:
    """Archive what a tree has and `known` lacks; what `ownership` does not hold belongs to root.

    Returns what `interest` selects of it. Raises `OSError`, and for damaged packed files `HashError` and `SourceError`.
    """
    parents, listing = ParentFolders(), LayerIndexer(selector=interest)
    with open_archive_writer(target) as archive:
        stream = archive.stream
        for name, entry in tree.entries():
            member = _make_member(name, entry)
            is_held = ownership.holds(name)
            member.uid, member.gid = (ownership.uid, ownership.gid) if is_held else (0, 0)
            member.mtime = epoch
            member.mode = _compute_mode(member)
            if is_held:
                member.mode |= (member.mode & 0o700) >> 3
            if known is not None and known.has(member, partial(_open_content, entry)):
                parents.pass_over(member)
                continue
            for each in (*parents.list_above(member), member):
                listing.add(each, partial(_open_content, entry))
                stream.write(render_header(each))
            if member.isreg():
                _copy_content(entry, stream)
                stream.write(render_padding(member.size))
        stream.write(END)
        digest = archive.digest()
    return listing.contents(digest, digest)


def _make_member(name: str, entry: Path | Packed | None) -> tarfile.TarInfo:
    """An entry without its time and owner; hard links become files of their own."""
    member = tarfile.TarInfo(name)
    if entry is None:
        member.type = tarfile.DIRTYPE
    elif not isinstance(entry, Path):
        member.size, member.mode = entry.size, 0o755 if entry.executable else 0o644
    else:
        status = entry.lstat()
        member.mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISLNK(status.st_mode):
            member.type, member.linkname = tarfile.SYMTYPE, str(entry.readlink())
        elif stat.S_ISDIR(status.st_mode):
            member.type = tarfile.DIRTYPE
        else:
            member.size = status.st_size
    return member


def _copy_content(entry: Path | Packed | None, stream: IO[bytes]) -> None:
    assert entry is not None
    if isinstance(entry, Path):
        with open(entry, "rb") as source:
            shutil.copyfileobj(source, stream, _BUFFER)
    else:
        stream.write(entry.read())


def _open_content(entry: Path | Packed | None) -> IO[bytes]:
    assert entry is not None
    return open(entry, "rb") if isinstance(entry, Path) else io.BytesIO(entry.read())


def _compute_mode(member: tarfile.TarInfo) -> int:
    if member.issym():
        return 0o777
    return 0o755 if member.isdir() or member.mode & 0o100 else 0o644
