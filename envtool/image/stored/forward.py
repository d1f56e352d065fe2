"""Reads a tar archive from a stream, front to back.

tarfile's own stream mode copies what is left of its buffer for each header it reads, which takes most of the time; its
plain mode needs only a file that can go forward. Nor are members kept, so memory does not grow with the archive.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

_BLOCK = 1 << 20


@contextmanager
def opened_archive(stream: IO[bytes]) -> Iterator[tarfile.TarFile]:
    """The archive in a stream, to be read with `members`. Raises `tarfile.TarError` where there is none."""
    with tarfile.open(fileobj=cast("IO[bytes]", _Forward(stream)), mode="r:") as archive:
        yield archive


def members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Each member in turn; its data can be read until the next one is asked for. Raises `tarfile.TarError`."""
    kept: list[Any] = archive.members  # type: ignore[attr-defined]  # no public way to let go of them
    while (member := archive.next()) is not None:
        yield member
        # Nothing looks back; hard links are the reader's own business.
        kept.clear()


class _Forward:
    """A stream with a position, which can only be moved forward; as much of a file as tarfile asks for."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._position = 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = self._stream.read(size)
        self._position += len(data)
        return data

    def tell(self) -> int:
        """How many bytes have been read or passed over."""
        return self._position

    def seek(self, offset: int, whence: int = 0) -> int:
        """Pass over bytes. Raises `tarfile.StreamError` for a way back."""
        if whence != 0 or offset < self._position:
            raise tarfile.StreamError("a stream cannot be read backwards")
        while self._position < offset:
            count = len(self._stream.read(min(_BLOCK, offset - self._position)))
            if not count:
                break
            self._position += count
        return self._position
