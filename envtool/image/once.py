"""Reads a file once, however many ask for what is in it: children have their parents' layers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TypeVar

_Result = TypeVar("_Result")


def once_per_file(read: Callable[[Path], _Result]) -> Callable[[Path], _Result]:
    """The function `read` of a file, whose answers are kept until the file is another one or was written to.

    Who asks while the same file is being read waits for that.
    """
    reading: defaultdict[Path, Lock] = defaultdict(Lock)

    @lru_cache(maxsize=64)
    def kept(path: Path, _identity: tuple[int, int, int]) -> _Result:
        return read(path)

    def found(path: Path) -> _Result:
        status = path.stat()
        with reading[path]:
            return kept(path, (status.st_ino, status.st_size, status.st_mtime_ns))

    return found
