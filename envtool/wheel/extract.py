"""Writes the files of an archive, in several processes where that is worth it, each checked as it is written.

Threads would wait for each other: with thousands of small files the interpreter's lock is what is short."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from envtool.transaction import fsync
from envtool.transaction.worker import die_with_parent, translate_worker_death
from envtool.wheel.archive import Archive, ArchiveMember
from envtool.wheel.unbuffered import Unbuffered, write_unbuffered

# Bytes from which further processes are worth their start, and bytes and files that one is given at a time.
_WORTH_PROCESSES = 16 << 20
_SHARE_BYTES, _SHARE_FILES = 4 << 20, 128
# Bytes from which a file that is to be on the disk at once is written past the page cache.
_LARGE = 4 << 20
# Seconds between two goes at the disk.
_SYNC_EVERY = 0.3


@dataclass(frozen=True)
class ExtractJob:
    """The archive at `path`, called `filename`, and the members to write below the folder `target`.

    Without a target they are only checked.
    """

    path: str
    filename: str
    target: str | None
    members: tuple[ArchiveMember, ...]


def extract_all(wanted: ExtractJob, progress: Callable[[int], None]) -> None:
    """Write every member, or check it. `progress` is told of the bytes.

    Raises `HashError`, `SourceError`, `OSError`, and `RestoreError` where a process was killed from outside.
    """
    cores = os.cpu_count() or 1
    if cores == 1 or sum(member.size for member in wanted.members) < _WORTH_PROCESSES:
        writer = _Writer(wanted)
        for member in wanted.members:
            progress(writer.write(member))
        return
    # A fork knows all that it needs, and is there in a millisecond.
    context = multiprocessing.get_context("fork")
    with (
        translate_worker_death(),
        ProcessPoolExecutor(cores, context, initializer=_start, initargs=(wanted, os.getpid())) as pool,
    ):
        counts = pool.map(_write_share, list(_shares(wanted)))
        with _disk_kept_busy(wanted.target) if wanted.target is not None else nullcontext():
            for count in counts:
                progress(count)


@contextmanager
def _disk_kept_busy(folder: str) -> Iterator[None]:
    """Bring to the disk what is written meanwhile: the disk works beside the processors, not after them."""
    ended = Event()

    def work() -> None:
        # What goes wrong here goes wrong again at the end, where it is reported.
        with suppress(OSError):
            while not ended.wait(_SYNC_EVERY):
                fsync.sync_file_system(Path(folder))

    thread = Thread(target=work, daemon=True)
    if fsync.is_enabled():
        thread.start()
    try:
        yield
    finally:
        ended.set()
        if fsync.is_enabled():
            thread.join()


def _shares(wanted: ExtractJob) -> Iterator[list[int]]:
    """Numbers of members that one process is given at a time.

    Large ones come first, as one library is half of torch; the others by folder, which one process then makes.
    """
    members = wanted.members
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


def _start(wanted: ExtractJob, parent: int) -> None:
    """What a process does first."""
    global _open
    die_with_parent(parent)
    _open = _Writer(wanted)


def _write_share(numbers: list[int]) -> int:
    assert _open is not None
    return sum(_open.write(_open.wanted.members[number]) for number in numbers)


class _Writer:
    """Writes members of an archive, one after the other."""

    def __init__(self, wanted: ExtractJob) -> None:
        self.wanted = wanted
        self._archive = Archive(wanted.path, wanted.filename)
        self._made = {""}

    def write(self, member: ArchiveMember) -> int:
        """Write one member and the folders above it, or check it, and return its size."""
        self._require_folder(member.path.rpartition("/")[0])
        with self._opened(member) as write:
            for block in self._archive.read_blocks(member):
                write(block)
        return member.size

    def _require_folder(self, folder: str) -> None:
        if folder not in self._made and self.wanted.target is not None:
            # Another process may make the same one at the same time.
            os.makedirs(f"{self.wanted.target}/{folder}", exist_ok=True)  # noqa: PTH103  # 700 times; Path takes longer
            self._made.add(folder)

    @contextmanager
    def _opened(self, member: ArchiveMember) -> Iterator[Callable[[bytes], None]]:
        """What writes the blocks of a member, in their order."""
        if self.wanted.target is None:
            yield lambda _block: None
            return
        path = f"{self.wanted.target}/{member.path}"
        mode = 0o777 if member.executable else 0o666
        if member.size >= _LARGE and fsync.is_enabled():
            file = Unbuffered(path, mode)
            try:
                yield file.write
                file.finish()
            finally:
                file.close()
            return
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            yield lambda block: write_unbuffered(handle, block)
        finally:
            os.close(handle)
