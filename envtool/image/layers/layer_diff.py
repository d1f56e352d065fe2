"""The difference between archives as a layer: what is new or changed in the upper one.

So the same steps make a whole image and a child's layers. What only the lower archives have stays in the child: a layer
that is unpacked cannot delete, and a file that no package names does no harm.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

from envtool.image.layers.tar_stream import open_archive_writer
from envtool.image.read.layer import FileSelector, LayerContents, LayerIndexer

_BLOCK = 1 << 20


@dataclass(frozen=True)
class LowerLayers:
    """The members of archives that are unpacked one over the other. They are open for as long as `opened` lasts."""

    _members: dict[str, tuple[tarfile.TarFile, tarfile.TarInfo]] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def opened(cls, archives: Sequence[Path]) -> Iterator[LowerLayers]:
        """Open the archives and read their headers. Raises `OSError` and `tarfile.TarError`."""
        known = cls()
        with ExitStack() as stack:
            for path in archives:
                archive = stack.enter_context(tarfile.open(path))
                known._members.update((_get_name(member), (archive, member)) for member in archive)
            yield known

    def has(self, member: tarfile.TarInfo, data: Callable[[], IO[bytes]]) -> bool:
        """Whether the same member is there, whatever its time; `data` opens its content, if it is a file."""
        archive, there = self._members.get(_get_name(member), (None, None))
        if archive is None or there is None or _get_traits(member) != _get_traits(there):
            return False
        if not _is_file(member):
            return True
        with _read_data(archive, there) as found, data() as wanted:
            return _has_same_bytes(found, wanted)


class ParentFolders:
    """Folders that do not differ from those below, but that a layer needs above its own files.

    An engine would make them anew, owned by root.
    """

    def __init__(self) -> None:
        self._folders: dict[str, tarfile.TarInfo] = {}

    def pass_over(self, member: tarfile.TarInfo) -> None:
        """Note a member that does not differ."""
        if member.isdir():
            self._folders[_get_name(member)] = member

    def list_above(self, member: tarfile.TarInfo) -> Iterator[tarfile.TarInfo]:
        """The folders above a member that have to be written before it, the uppermost first."""
        name = _get_name(member)
        # Once a folder is written, so is everything above it.
        if name.rpartition("/")[0] not in self._folders:
            return
        for end in (number for number, letter in enumerate(name) if letter == "/"):
            folder = self._folders.pop(name[:end], None)
            if folder is not None:
                yield folder


def write_layer_diff(before: Path, after: Path, target: Path, interest: FileSelector) -> LayerContents:
    """Write the members of `after` that `before` lacks or has otherwise; returns what `interest` selects of them.

    Raises `OSError`.
    """
    listing = LayerIndexer(selector=interest)
    with (
        LowerLayers.opened([before]) as known,
        tarfile.open(after) as source,
        open_archive_writer(target) as archive,
    ):
        with tarfile.open(fileobj=archive.stream, mode="w", format=tarfile.PAX_FORMAT) as result:
            names: set[str] = set()
            parents = ParentFolders()
            for member in source:
                name = _get_name(member)
                opened = partial(_read_data, source, member)
                if name == "." or known.has(member, opened):
                    parents.pass_over(member)
                    continue
                names.add(name)
                if member.islnk():
                    # Resolved now: `_add` may turn the link into a file.
                    opened = partial(_read_data, source, source.getmember(member.linkname))
                for each in (*parents.list_above(member), member):
                    _add(source, each, result, names)
                    listing.add(each, opened)
        digest = archive.digest()
    return listing.contents(digest, digest)


def _add(source: tarfile.TarFile, member: tarfile.TarInfo, result: tarfile.TarFile, written: set[str]) -> None:
    stream = _read_data(source, member) if _is_file(member) else None
    if member.islnk():
        if os.path.normpath(member.linkname) in written:
            stream = None
        else:
            # A link into a lower layer becomes a file: the builder would have to copy that one up.
            original = source.getmember(member.linkname)
            member.type, member.size, member.linkname = tarfile.REGTYPE, original.size, ""
    result.addfile(member, stream)


def _is_file(member: tarfile.TarInfo) -> bool:
    """Whether it has content. Which of two hard-linked paths is listed as the file does not matter."""
    return member.isreg() or member.islnk()


def _get_traits(member: tarfile.TarInfo) -> tuple[bytes, int, int, int, str]:
    kind, target = (tarfile.REGTYPE, "") if _is_file(member) else (member.type, member.linkname)
    return kind, member.mode, member.uid, member.gid, target


def _read_data(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(member)
    assert stream is not None
    return stream


def _has_same_bytes(one: IO[bytes], other: IO[bytes]) -> bool:
    while True:
        block = one.read(_BLOCK)
        if block != other.read(_BLOCK):
            return False
        if not block:
            return True


def _get_name(member: tarfile.TarInfo) -> str:
    return os.path.normpath(member.name)
