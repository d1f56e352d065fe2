"""Reads a file once, however many ask for what is in it: children have their parents' layers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TypeVar

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class _File:
    """A file, whatever it is called: a context is renamed when it is whole, and has its base from the store."""

    path: Path = field(compare=False)
    device: int
    number: int
    size: int
    modified: int

    @classmethod
    def at(cls, path: Path) -> _File:
        status = path.stat()
        return cls(path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def once_per_file(read: Callable[[Path], _Result]) -> Callable[[Path], _Result]:
    """The function `read` of a file, whose answers are kept until the file is another one or was written to.

    Who asks while the same file is being read waits for that.
    """
    reading: defaultdict[_File, Lock] = defaultdict(Lock)

    @lru_cache(maxsize=64)
    def kept(file: _File) -> _Result:
        return read(file.path)

    def found(path: Path) -> _Result:
        file = _File.at(path)
        with reading[file]:
            return kept(file)

    return found
