"""Reads single files of a wheel's archive and checks each against RECORD.

Format: APPNOTE.TXT 4.3.7 for the zip local header.
"""

from __future__ import annotations

import hashlib
import os
import struct
import weakref
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from envtool.errors import HashError, SourceError
from envtool.language import tell

try:
    # Inflates three times as fast as zlib; there are processors that it is not made for.
    from isal import isal_zlib as zlib
except ImportError:
    import zlib  # type: ignore[no-redef]

_NotDeflate: type[Exception] = zlib.error  # type: ignore[assignment]
_LOCAL_HEADER = struct.Struct("<4s22xHH")
# Bytes read at a time of what is too large to be read at once, and the most that one step inflates to.
_BLOCK = 1 << 18
_INFLATED = 4 << 20
_AT_ONCE = 4 << 20
# Below it, a file that this process, or the one that it was forked from, has open: its number is its name (proc(5)).
OPEN_FILES = "/proc/self/fd"


@dataclass(frozen=True, kw_only=True)
class ArchiveMember:
    """One file of the archive: where its data are, and its sha256 in RECORD. Sizes are in bytes."""

    path: str
    offset: int
    compressed: int
    size: int
    method: int
    executable: bool
    sha256: str | None


def _open(path: Path | str) -> int:
    folder, name = os.path.split(path)
    if folder == OPEN_FILES:
        # To open it once more would take the right to read it, which whoever handed it over had.
        return os.dup(int(name))
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)


class Archive:
    """An open archive, called `filename`; it is closed with the last reference to it. May be shared by threads."""

    def __init__(self, path: Path | str, filename: str) -> None:
        self._filename = filename
        self.path = Path(path)
        self._handle = _open(path)
        weakref.finalize(self, os.close, self._handle)

    def read(self, member: ArchiveMember) -> bytes:
        """Read a member as a whole. Raises as `read_blocks` does."""
        return b"".join(self.read_blocks(member))

    def read_blocks(self, member: ArchiveMember) -> Iterator[bytes]:
        """Read a member in blocks of bounded size.

        Raises `SourceError` for a damaged archive and, at the end, `HashError` where RECORD says otherwise.
        """
        digest = hashlib.sha256()
        written = 0
        for block in self._inflate(member):
            written += len(block)
            if written > member.size:
                break
            digest.update(block)
            yield block
        if written != member.size or (member.sha256 is not None and digest.hexdigest() != member.sha256):
            raise HashError(
                tell(
                    "{path} in {filename} is not the file that its RECORD lists",
                    path=member.path,
                    filename=self._filename,
                ),
                why=tell("the wheel is damaged or was tampered with"),
                remedy=tell("get the wheel from the vendor again; nothing was changed"),
            )

    def _inflate(self, member: ArchiveMember) -> Iterator[bytes]:
        """Inflate a member in blocks of bounded size."""
        position = self._find_data(member)
        end = position + member.compressed
        inflater = zlib.decompressobj(-15) if member.method == zipfile.ZIP_DEFLATED else None
        try:
            while position < end:
                whole = member.size <= _AT_ONCE and member.compressed <= _AT_ONCE
                block = os.pread(self._handle, end - position if whole else min(_BLOCK, end - position), position)
                if not block:
                    break
                position += len(block)
                if inflater is None:
                    yield block
                    continue
                # Bounded, so that a small block that inflates to gigabytes does not fill the memory.
                while block:
                    yield inflater.decompress(block, _INFLATED)
                    block = inflater.unconsumed_tail
            if inflater is not None:
                yield inflater.flush()
        except _NotDeflate as error:
            raise self._build_error(member, str(error)) from error

    def _find_data(self, member: ArchiveMember) -> int:
        header = os.pread(self._handle, _LOCAL_HEADER.size, member.offset)
        if len(header) < _LOCAL_HEADER.size or header[:4] != b"PK\x03\x04":
            raise self._build_error(member, tell("no local header"))
        _signature, name_length, extra_length = _LOCAL_HEADER.unpack(header)
        start: int = member.offset + _LOCAL_HEADER.size + name_length + extra_length
        return start

    def _build_error(self, member: ArchiveMember, why: str) -> SourceError:
        return SourceError(
            tell("{filename} is not installed: it is not a sound wheel", filename=self._filename),
            why=tell("the archive is damaged at {path}: {why}", path=member.path, why=why),
            remedy=tell("get the wheel from the vendor again; nothing was changed"),
        )
