"""One report from the JSON files of any number of machines and images."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from envtool.errors import FleetError
from envtool.fleet.documents import DocumentOrigin, parse_documents
from envtool.fleet.observation import FleetStanding
from envtool.fleet.tally import (
    DayCount,
    FleetTally,
    PackageCause,
    ReleaseUse,
    Subject,
    list_causes_by_package,
    list_releases_in_use,
)
from envtool.language import join_messages, tell
from envtool.regular_file import open_regular_file, read_regular_file

_SUFFIXES = (".json", ".jsonl")


@dataclass(frozen=True, kw_only=True)
class FleetRequest:
    """`paths` are files, and folders in which every `.json` and `.jsonl` counts, at any depth."""

    paths: tuple[Path, ...]


@dataclass(frozen=True)
class SkippedFile:
    """A file that does not count, and why."""

    path: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class FleetReport:
    """What there is, the worst first; how it stood day by day; which releases are in use; which packages did what.

    `looks` counts observations in `files` files; `repeated` of them came more than once and were counted once.
    """

    subjects: tuple[Subject, ...]
    days: tuple[DayCount, ...]
    releases: tuple[ReleaseUse, ...]
    causes: tuple[PackageCause, ...]
    skipped: tuple[SkippedFile, ...]
    files: int
    looks: int
    repeated: int

    @property
    def unwell(self) -> tuple[Subject, ...]:
        """The subjects that are not good, the worst first."""
        return tuple(item for item in self.subjects if item.last.standing is not FleetStanding.GOOD)

    @property
    def exit_status(self) -> int:
        """0 where all is well, 1 where a subject is not, else that of `FleetError` where a file was skipped."""
        return 1 if self.unwell else FleetError.exit_status if self.skipped else 0


def report_fleet(request: FleetRequest, *, progress: Callable[[int], None] = lambda _files: None) -> FleetReport:
    """Read every file and sum up what they say; `progress` gets how many were read.

    A file that cannot be read, is cut off or is no report is skipped and named; of several lines, those before that one
    count. Raises `FleetError` where no
    file is a report.
    """
    tally, files = FleetTally(), 0
    skipped: list[SkippedFile] = []
    for path, name in _list_files(request.paths, skipped):
        looks = tally.looks
        try:
            for item in parse_documents(*_read(path, name)):
                tally.add(item)
        except (OSError, ValueError) as error:
            skipped.append(SkippedFile(path, str(getattr(error, "strerror", None) or error)))
            if tally.looks == looks:
                continue
        files += 1
        progress(files)
    if not files:
        raise _make_error(request, skipped)
    subjects = tally.list_subjects()
    return FleetReport(
        subjects=subjects,
        days=tally.list_days(),
        releases=list_releases_in_use(subjects),
        causes=list_causes_by_package(subjects),
        skipped=tuple(skipped),
        files=files,
        looks=tally.looks,
        repeated=tally.repeated,
    )


def _list_files(paths: tuple[Path, ...], skipped: list[SkippedFile]) -> Iterator[tuple[str, str]]:
    """Each file once, with what it is called where its document names no machine."""
    seen: set[str] = set()
    for path in paths:
        found = _walk(path, skipped) if path.is_dir() else iter([(str(path), path.stem)])
        for file, name in found:
            real = os.path.realpath(file)
            if real not in seen:
                seen.add(real)
                yield file, name


def _walk(folder: Path, skipped: list[SkippedFile]) -> Iterator[tuple[str, str]]:
    def note_unreadable(error: OSError) -> None:
        skipped.append(SkippedFile(str(error.filename), error.strerror or str(error)))

    for place, folders, names in os.walk(folder, onerror=note_unreadable):
        # A name that begins with a dot is a file that is being written, or somebody's own.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            stem, dot, suffix = name.rpartition(".")
            if dot + suffix in _SUFFIXES and not name.startswith("."):
                yield f"{place}/{name}", os.path.relpath(f"{place}/{stem}", folder)


def _read(path: str, name: str) -> tuple[bytes, DocumentOrigin]:
    handle = open_regular_file(path)
    try:
        written = os.fstat(handle).st_mtime
    finally:
        os.close(handle)
    return read_regular_file(path), DocumentOrigin(name, written)


def _make_error(request: FleetRequest, skipped: list[SkippedFile]) -> FleetError:
    named = ", ".join(map(str, request.paths))
    why = (
        join_messages(": ", (str(skipped[0].path), skipped[0].reason))
        if skipped
        else tell("there is no file that ends in .json or .jsonl")
    )
    more = [tell("and {count} more", count=len(skipped) - 1)] if len(skipped) > 1 else []
    return FleetError(
        tell("no report could be read from {named}", named=named),
        why=join_messages("; ", (why, *more)),
        remedy=tell("envtool doctor --format json --output reports/HOST.json   (on each machine)"),
    )
