"""Hashes a stream in a thread of its own, while it is read."""

from __future__ import annotations

import hashlib
import io
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any

from envtool.image.read.forward import make_backward_seek_error

# Bytes that are hashed at once, and the number of blocks. Smaller blocks cost more hand-overs; blocks are used again
# because allocating them takes as long as hashing.
_BLOCK, _BLOCKS = 4 << 20, 3


class HashingReader(io.BufferedIOBase):
    """A stream that `worker`, a thread of its own, hashes while somebody reads it.

    Hashing is a third of the time that a layer takes, and hashlib releases the interpreter's lock. Blocks are hashed
    where the stream was read into, so bytes that nobody reads are never copied. `limit` is told how many bytes there
    were so far, and may raise.
    """

    def __init__(
        self, stream: IO[bytes], worker: ThreadPoolExecutor, limit: Callable[[int], None] = lambda _size: None
    ) -> None:
        self._stream: Any = stream
        self._worker = worker
        self._limit = limit
        self._hash = hashlib.sha256()
        self._blocks = [memoryview(bytearray(_BLOCK)) for _ in range(_BLOCKS)]
        self._number = self._next = self._filled = 0
        self._block = self._blocks[0][:0]
        self._under_way: deque[Future[None]] = deque()

    def readable(self) -> bool:
        """It is only ever read."""
        return True

    def peek(self, size: int) -> bytes:
        """So many of the next bytes at the most, which are still to be read."""
        return bytes(self._block[self._next : self._next + size]) if self._has_more() else b""

    def read(self, size: int | None = -1) -> bytes:
        """So many of the next bytes, or all, fewer only at the end."""
        end = self._next + size if size is not None and size >= 0 else -1
        if self._next <= end <= len(self._block):
            start, self._next = self._next, end
            return bytes(self._block[start:end])
        parts, left = [], size if end >= 0 else None
        while left != 0 and self._has_more():
            part = bytes(self._block[self._next :] if left is None else self._block[self._next : self._next + left])
            self._next += len(part)
            left = None if left is None else left - len(part)
            parts.append(part)
        return b"".join(parts)

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` with some of what comes next."""
        if not self._has_more():
            return 0
        target = memoryview(buffer)
        count = min(len(target), len(self._block) - self._next)
        target[:count] = self._block[self._next : self._next + count]
        self._next += count
        return count

    def tell(self) -> int:
        """How many bytes have been read or passed over."""
        return self._filled - len(self._block) + self._next

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Pass over bytes, to the end at the most. Raises `tarfile.StreamError` for a way back."""
        ahead = offset - self.tell()
        if ahead < 0 or whence != io.SEEK_SET:
            raise make_backward_seek_error()
        while ahead and self._has_more():
            step = min(ahead, len(self._block) - self._next)
            self._next += step
            ahead -= step
        return self.tell()

    def _has_more(self) -> bool:
        """Whether bytes are left in the current block, or else in the next one, which becomes the current one."""
        if self._next < len(self._block):
            return True
        if len(self._under_way) == _BLOCKS:
            # The block to be filled next is the one whose hashing began first.
            self._under_way.popleft().result()
        block, count = self._blocks[self._number], 0
        while count < _BLOCK and (more := self._stream.readinto(block[count:])):
            count += more
        self._block, self._next = block[:count], 0
        self._filled += count
        self._limit(self._filled)
        if count:
            self._under_way.append(self._worker.submit(self._hash.update, self._block))
            self._number = (self._number + 1) % _BLOCKS
        return count > 0

    def hexdigest(self) -> str:
        """The digest of the whole stream, read to its end, as images spell it."""
        while self._has_more():
            self._next = len(self._block)
        while self._under_way:
            self._under_way.popleft().result()
        return f"sha256:{self._hash.hexdigest()}"
