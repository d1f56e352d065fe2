"""Reads a tar archive from a stream, front to back.

tarfile's stream mode copies the rest of its buffer for each header, which takes most of the time; its plain mode needs
only a file that can seek forward. Members are not kept, so memory does not grow with the archive.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Protocol, cast

from envtool.image.read.header import FastTarInfo
from envtool.language import tell

_BLOCK = 1 << 20
# Bytes of all headers before one member: tarfile keeps long names, further fields and maps of holes in memory.
_HEADERS_AT_MOST = 4 << 20
# A block of zeros, which is tar's mark of the end, and nothing more at all.
_EndOfArchive: Any = tarfile.EOFHeaderError  # type: ignore[attr-defined]  # not told to type checkers
_EndOfFile: Any = tarfile.EmptyHeaderError  # type: ignore[attr-defined]  # as above


class ForwardStream(Protocol):
    """A stream with a position, which can only be moved forward; as much of a file as tarfile asks for."""

    def read(self, size: int, /) -> bytes:
        """So many of the next bytes, fewer only at the end."""

    def readinto(self, buffer: Any, /) -> int:
        """Fill `buffer` with some of the next bytes, none only at the end."""

    def tell(self) -> int:
        """How many bytes have been read or passed over."""

    def seek(self, offset: int, /) -> int:
        """Pass over bytes, to the end at the most. Raises `tarfile.StreamError` for a way back."""


class ForwardReader:
    """Any stream as one that goes forward."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream: Any = stream
        self._position = 0

    def read(self, size: int) -> bytes:
        """So many of the next bytes, fewer only at the end."""
        data: bytes = self._stream.read(size)
        self._position += len(data)
        return data

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` with some of the next bytes, none only at the end."""
        count = int(self._stream.readinto(buffer))
        self._position += count
        return count

    def tell(self) -> int:
        """How many bytes have been read or passed over."""
        return self._position

    def seek(self, offset: int) -> int:
        """Pass over bytes, to the end at the most. Raises `tarfile.StreamError` for a way back."""
        if offset < self._position:
            raise make_backward_seek_error()
        while self._position < offset and self.read(min(_BLOCK, offset - self._position)):
            pass
        return self._position


def make_backward_seek_error() -> tarfile.StreamError:
    """What is wrong with a seek to where the stream has been."""
    return tarfile.StreamError(tell("a stream cannot be read backwards"))


@contextmanager
def open_archive(stream: ForwardStream) -> Iterator[tarfile.TarFile]:
    """The archive in a stream, to be read with `iterate_members`. Raises `tarfile.TarError` where there is none."""
    guarded = cast("IO[bytes]", _HeaderGuard(stream))
    try:
        with tarfile.open(fileobj=guarded, mode="r:", tarinfo=FastTarInfo) as archive:
            yield archive
    except RecursionError as error:
        # tarfile calls itself for each further header.
        raise _make_header_error() from error


def iterate_members(archive: tarfile.TarFile, *, needs_end_mark: bool = False) -> Iterator[tarfile.TarInfo]:
    """Each member in turn; its data can be read until the next one is asked for. Raises `tarfile.TarError`.

    Unlike in tarfile's own loop, a damaged header is an error, not the end; with `needs_end_mark`, so is a stream that
    just stops.
    """
    stream: Any = archive.fileobj
    stream.limit = None
    member = archive.next()
    while member is not None:
        yield member
        if stream.seek(archive.offset) < archive.offset:
            raise _make_truncation_error()
        try:
            member = _read_header(archive)
        except _EndOfArchive:
            return
        except _EndOfFile:
            if needs_end_mark:
                raise tarfile.ReadError(tell("tar's mark of the end is missing")) from None
            return


def _read_header(archive: tarfile.TarFile) -> tarfile.TarInfo:
    stream: Any = archive.fileobj
    stream.limit = archive.offset + _HEADERS_AT_MOST
    try:
        member = FastTarInfo.fromtarfile(archive)
    finally:
        stream.limit = None
    common = archive.pax_headers
    if common and sum(len(key) + len(value) for key, value in common.items()) > _BLOCK:
        raise _make_header_error()
    return member


def open_member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    """The data of the current member. Reading it raises `tarfile.ReadError` where the archive is cut off."""
    if member.issparse():
        return archive.extractfile(member) or io.BytesIO()
    stream: Any = archive.fileobj
    stream.seek(member.offset_data)
    if member.size > _BLOCK:
        return io.BufferedReader(_MemberStream(stream, member.size))
    data = stream.read(member.size)
    if len(data) < member.size:
        raise _make_truncation_error()
    return io.BytesIO(data)


class _MemberStream(io.RawIOBase):
    """The next `size` bytes of a stream, read right into the reader's buffer; tarfile would copy them twice."""

    def __init__(self, stream: ForwardStream, size: int) -> None:
        self._stream = stream
        self._left = size

    def readable(self) -> bool:
        """It is only ever read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` with what comes next."""
        wanted = memoryview(buffer)[: self._left]
        count = self._stream.readinto(wanted)
        if wanted and not count:
            raise _make_truncation_error()
        self._left -= count
        return count


class _HeaderGuard:
    """A stream that refuses to be read past `limit`, its position after the headers that are read at the time."""

    def __init__(self, stream: ForwardStream) -> None:
        self._read = stream.read
        # The first header is read as the archive is opened.
        self.limit: int | None = stream.tell() + _HEADERS_AT_MOST
        self.readinto, self.tell, self.seek = stream.readinto, stream.tell, stream.seek

    def read(self, size: int) -> bytes:
        """As the stream's. Raises `tarfile.ReadError`."""
        if self.limit is not None and self.tell() + size > self.limit:
            raise _make_header_error()
        return self._read(size)


def _make_header_error() -> tarfile.ReadError:
    return tarfile.ReadError(tell("a member's headers are larger than any that are needed"))


def _make_truncation_error() -> tarfile.ReadError:
    return tarfile.ReadError(tell("unexpected end of data"))
