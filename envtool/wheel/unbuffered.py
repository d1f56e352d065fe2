"""Writes a large file past the page cache.

What is to be on the disk before the swap need not take up memory for a second time: on a machine whose memory is lent
to it page by page, finding 400 MB of pages takes four times as long as bringing the bytes to the disk. Format of the
calls: open(2), O_DIRECT, and its "Notes": buffer, length and offset are multiples of the disk's block.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
from concurrent.futures import Future, ThreadPoolExecutor

# Bytes: no disk has larger blocks than a page. And what is gathered for one call.
_BLOCK = 4096
_GATHERED = 4 << 20


def write_unbuffered(handle: int, block: bytes | memoryview) -> None:
    """Write all of a block; a write may take less than it is given, as on a disk that is nearly full (write(2))."""
    view = memoryview(block)
    while view:
        view = view[os.write(handle, view) :]


class Unbuffered:
    """A new file, open for writing. Where the file system does not offer it, it is written as any other."""

    def __init__(self, path: str, mode: int) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            self._handle = os.open(path, flags | os.O_DIRECT, mode)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            # A file system that refuses may have made the file before it did.
            self._handle = os.open(path, flags & ~os.O_EXCL, mode)
        # Mapped memory begins at a page. While the disk takes one, the other is filled.
        self._gathered, self._spare = mmap.mmap(-1, _GATHERED), mmap.mmap(-1, _GATHERED)
        self._count = 0
        self._writer = ThreadPoolExecutor(1)
        self._under_way: Future[None] | None = None

    def write(self, block: bytes) -> None:
        """Add bytes. Raises `OSError`."""
        view = memoryview(block)
        while view:
            taken = min(len(view), _GATHERED - self._count)
            self._gathered[self._count : self._count + taken] = view[:taken]
            self._count += taken
            view = view[taken:]
            if self._count == _GATHERED:
                self._settle()
                self._under_way = self._writer.submit(self._bring, self._gathered, _GATHERED)
                self._gathered, self._spare = self._spare, self._gathered
                self._count = 0

    def finish(self) -> None:
        """Write what is left. Raises `OSError`."""
        self._settle()
        whole = self._count - self._count % _BLOCK
        self._bring(self._gathered, whole)
        self._buffer_from_here()
        write_unbuffered(self._handle, memoryview(self._gathered)[whole : self._count])
        self._count = 0

    def close(self) -> None:
        """Close the file, finished or not."""
        self._writer.shutdown()
        os.close(self._handle)

    def _settle(self) -> None:
        if self._under_way is not None:
            self._under_way.result()
        self._under_way = None

    def _bring(self, buffer: mmap.mmap, count: int) -> None:
        with memoryview(buffer) as gathered:
            done = 0
            try:
                while done < count and done % _BLOCK == 0:
                    done += os.write(self._handle, gathered[done:count])
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
            if done < count:
                self._buffer_from_here()
                write_unbuffered(self._handle, gathered[done:count])

    def _buffer_from_here(self) -> None:
        flags = fcntl.fcntl(self._handle, fcntl.F_GETFL)
        fcntl.fcntl(self._handle, fcntl.F_SETFL, flags & ~os.O_DIRECT)
