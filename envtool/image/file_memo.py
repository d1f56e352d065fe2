"""Reads a file once, however many ask for what is in it: children have their parents' layers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class _File:
    """A file, whatever it is called: a context is renamed when it is whole, and has its base from the store."""

    device: int
    number: int
    size: int
    modified: int

    @classmethod
    def at(cls, path: Path) -> _File:
        status = path.stat()
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


class FileMemo(Generic[_Result]):
    """The function `read` of a file, whose answers are kept until the file is another one or was written to.

    Who asks while the same file is being read waits for that.
    """

    def __init__(self, read: Callable[[Path], _Result]) -> None:
        self._read = read
        self._known: dict[_File, _Result] = {}
        self._reading: defaultdict[_File, Lock] = defaultdict(Lock)

    def __call__(self, path: Path) -> _Result:
        """What is in the file. Raises what reading it raises."""
        file = _File.at(path)
        with self._reading[file]:
            if file not in self._known:
                self._known[file] = self._read(path)
            return self._known[file]

    def remember(self, path: Path, result: _Result) -> None:
        """Take over what reading a file would tell, from whoever wrote it."""
        self._known[_File.at(path)] = result
