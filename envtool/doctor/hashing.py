"""Hashes many files at once, on all cores."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from envtool.language import tell
from envtool.regular_file import open_regular_file

if TYPE_CHECKING:
    from envtool.wheel.record import RecordRow

FORBIDDEN = tell("this user may not read it")
# Files up to this size are read at once; a buffer for each would cost more than the file.
_AT_ONCE = 1 << 20


def find_wrong_digests(
    name: str, files: list[tuple[str, RecordRow]], progress: Callable[[str, int, int], None]
) -> list[tuple[str, str, str]]:
    """Hash files and return those whose sha256 is not their row's: path, expected, found; sorted by path.

    `progress` gets `name`, the bytes newly hashed and all bytes.
    """
    from concurrent.futures import ThreadPoolExecutor

    total = sum(row.size or 0 for _path, row in files)
    # Workers take from the end: the largest first, so that no worker ends long after the others.
    waiting = sorted(files, key=lambda entry: entry[1].size or 0)
    found: list[tuple[str, str, str]] = []

    def work() -> None:
        while True:
            try:
                # Atomic: one operation of the interpreter.
                path, row = waiting.pop()
            except IndexError:
                return
            expected = f"sha256 {row.sha256}"
            digest = _hash(path, row.size or 0)
            if digest != expected:
                found.append((path, expected, digest))
            progress(name, row.size or 0, total)

    # hashlib releases the interpreter's lock, so threads use all cores. One task a core: a task a file costs more.
    count = os.cpu_count() or 1
    with ThreadPoolExecutor(count) as pool:
        for task in [pool.submit(work) for _ in range(count)]:
            task.result()
    return sorted(found)


def _hash(path: str, size: int) -> str:
    try:
        descriptor = open_regular_file(path)
        try:
            if size <= _AT_ONCE:
                digest = hashlib.sha256(os.read(descriptor, size + 1)).hexdigest()
            else:
                with open(descriptor, "rb", buffering=0, closefd=False) as stream:
                    digest = hashlib.file_digest(stream, "sha256").hexdigest()
        finally:
            os.close(descriptor)
    except PermissionError:
        return FORBIDDEN
    except OSError as error:
        return f"unreadable: {error.strerror}"
    return f"sha256 {digest}"
