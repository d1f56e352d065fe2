"""Writes the files of an archive in several processes, and checks each against RECORD.

Threads would wait for each other: thousands of small files keep the interpreter's lock busy.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from envtool.transaction import fsync
from envtool.transaction.worker import die_with_parent, translate_worker_death
from envtool.wheel.archive import Archive, ArchiveMember

# Bytes from which further processes are worth their start, and bytes and files that one is given at a time.
_WORTH_PROCESSES = 16 << 20
_SHARE_BYTES, _SHARE_FILES = 4 << 20, 128
# Bytes that are handed to the disk at a time, so that it works beside the processors and not after them.
_WRITE_BACK = 4 << 20


@dataclass(frozen=True)
class ExtractJob:
    """The archive at `path`, called `filename`, and the members to write below the folder `target`.

    Without a target they are only checked.
    """

    path: str
    filename: str
    target: str | None
    members: tuple[ArchiveMember, ...]


def extract_all(job: ExtractJob, progress: Callable[[int], None]) -> None:
    """Write every member, or check it. `progress` gets the bytes.

    Raises `HashError`, `SourceError`, `OSError`, and `RestoreError` where a process was killed from outside.
    """
    cores = os.cpu_count() or 1
    if cores == 1 or sum(member.size for member in job.members) < _WORTH_PROCESSES:
        writer = _Writer(job)
        for member in job.members:
            progress(writer.write(member))
        return
    # A fork knows all that it needs, and is there in a millisecond.
    context = multiprocessing.get_context("fork")
    with (
        translate_worker_death(),
        ProcessPoolExecutor(cores, context, initializer=_start_worker, initargs=(job, os.getpid())) as pool,
    ):
        for count in pool.map(_write_share, list(_divide(job))):
            progress(count)


def _divide(job: ExtractJob) -> Iterator[list[int]]:
    """Divide the members into what one process is given at a time: lists of their numbers.

    Large ones come first, as one library is half of torch; the others by folder, which one process then makes.
    """
    members = job.members
    by_folder = sorted(range(len(members)), key=lambda number: members[number].path)
    large = [number for number in by_folder if members[number].size >= _SHARE_BYTES]
    yield from ([number] for number in sorted(large, key=lambda number: members[number].size, reverse=True))
    share: list[int] = []
    size = 0
    for number in (number for number in by_folder if members[number].size < _SHARE_BYTES):
        share.append(number)
        size += members[number].size
        if size >= _SHARE_BYTES or len(share) >= _SHARE_FILES:
            yield share
            share, size = [], 0
    if share:
        yield share


_open: _Writer | None = None


def _start_worker(job: ExtractJob, parent: int) -> None:
    """Prepare a process of the pool."""
    global _open
    die_with_parent(parent)
    _open = _Writer(job)


def _write_share(numbers: list[int]) -> int:
    assert _open is not None
    return sum(_open.write(_open.job.members[number]) for number in numbers)


class _Writer:
    """Writes members of an archive, one after the other."""

    def __init__(self, job: ExtractJob) -> None:
        self.job = job
        self._archive = Archive(job.path, job.filename)
        self._made = {""}

    def write(self, member: ArchiveMember) -> int:
        """Write one member and the folders above it, or check it, and return its size."""
        blocks = self._archive.read_blocks(member)
        if self.job.target is None:
            for _block in blocks:
                pass
            return member.size
        self._require_folder(member.path.rpartition("/")[0])
        mode = 0o777 if member.executable else 0o666
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        handle = os.open(f"{self.job.target}/{member.path}", flags, mode)
        try:
            _write_blocks(handle, blocks)
        finally:
            os.close(handle)
        return member.size

    def _require_folder(self, folder: str) -> None:
        if folder not in self._made:
            # Another process may make the same one at the same time.
            os.makedirs(f"{self.job.target}/{folder}", exist_ok=True)  # noqa: PTH103  # 700 times; Path takes longer
            self._made.add(folder)


def _write_blocks(handle: int, blocks: Iterator[bytes]) -> None:
    written = handed = 0
    for block in blocks:
        view = memoryview(block)
        while view:
            # A write may take less than it is given, as on a disk that is nearly full (write(2)).
            count = os.write(handle, view)
            view = view[count:]
            written += count
        if written - handed >= _WRITE_BACK and fsync.is_enabled():
            # Starts to write these pages back, and gives back those that are on the disk (posix_fadvise(2)).
            os.posix_fadvise(handle, 0, written, os.POSIX_FADV_DONTNEED)
            handed = written
