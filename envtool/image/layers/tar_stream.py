"""The parts of a tar archive, for writing it from its beginning to its end.

`tarfile` renders the headers, but its writer is not used: it copies and keeps each header, and gives long paths, half
of an environment's, a second one.

Format: POSIX.1-2001, "pax Interchange Format" and "ustar Interchange Format".
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

_BUFFER = 1 << 20
END = bytes(2 * tarfile.BLOCKSIZE)


def render_header(member: tarfile.TarInfo) -> bytes:
    """What comes before a member's data; in the older form, if its names fit there."""
    if member.name.isascii() and member.linkname.isascii():
        try:
            return member.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")
        except ValueError:
            pass
    return member.tobuf(tarfile.PAX_FORMAT)


def render_padding(size: int) -> bytes:
    """What comes after data of `size` bytes."""
    return bytes(-size % tarfile.BLOCKSIZE)


@dataclass(frozen=True)
class ArchiveWriter:
    """An archive that is being written."""

    stream: IO[bytes]
    _raw: _Hashed

    def digest(self) -> str:
        """The sha256 of what was written so far, as images spell it."""
        self.stream.flush()
        return f"sha256:{self._raw.hash.hexdigest()}"


@contextmanager
def open_archive_writer(target: Path) -> Iterator[ArchiveWriter]:
    """Write an archive; `target` appears when it is whole. Raises `OSError`."""
    incoming = target.with_suffix(".incoming")
    with open(incoming, "wb", 0) as file:
        raw = _Hashed(file)
        with io.BufferedWriter(raw, _BUFFER) as stream:
            yield ArchiveWriter(stream, raw)
    incoming.replace(target)


class _Hashed(io.RawIOBase):
    """A file that is hashed as it is written."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.hash = hashlib.sha256()

    def writable(self) -> bool:
        """It is only ever written."""
        return True

    def write(self, data: Any) -> int:
        """Append as much of `data` as the file takes."""
        count = int(self._file.write(data))
        self.hash.update(memoryview(data)[:count])
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """The position, for `tell`. Raises `io.UnsupportedOperation` for a move."""
        if (offset, whence) != (0, os.SEEK_CUR):
            raise io.UnsupportedOperation("an archive is written from its beginning to its end")
        return int(self._file.tell())
