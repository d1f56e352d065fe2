"""Hashes a stream beside whatever else is done with it."""

from __future__ import annotations

import hashlib
import io
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any

# How many bytes are hashed at once, and how many such blocks there are: smaller ones would be handed over too often,
# and to have new ones each time takes as long as the hashing.
_BLOCK, _BLOCKS = 4 << 20, 3


class Hashing(io.RawIOBase):
    """A stream that is hashed by `worker`, a thread of its own, while what was read from it is looked into.

    That is a third of the time that a layer takes, and hashlib lets go of the interpreter's lock.
    """

    def __init__(self, stream: IO[bytes], worker: ThreadPoolExecutor) -> None:
        self._stream: Any = stream
        self._worker = worker
        self._hash = hashlib.sha256()
        self._blocks = [bytearray(_BLOCK) for _ in range(_BLOCKS)]
        self._number = self._filled = 0
        self._under_way: deque[Future[None]] = deque()

    def readable(self) -> bool:
        """It is only ever read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` with what comes next."""
        count = int(self._stream.readinto(memoryview(buffer)[:_BLOCK]) or 0)
        if self._filled + count > _BLOCK:
            self._hand_over()
        block = self._blocks[self._number]
        block[self._filled : self._filled + count] = memoryview(buffer)[:count]
        self._filled += count
        return count

    def _hand_over(self) -> None:
        """Have the block hashed, and go on with the one that was hashed the longest ago."""
        view = memoryview(self._blocks[self._number])[: self._filled]
        self._under_way.append(self._worker.submit(self._hash.update, view))
        self._number = (self._number + 1) % _BLOCKS
        self._filled = 0
        if len(self._under_way) == _BLOCKS:
            self._under_way.popleft().result()

    def hexdigest(self) -> str:
        """The digest of all that was read, as images spell it."""
        self._hand_over()
        while self._under_way:
            self._under_way.popleft().result()
        return f"sha256:{self._hash.hexdigest()}"
