"""Scans a program: every stage of `envtool scan`, in order."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from envtool.errors import EnvtoolError, UsageError
from envtool.language import tell
from envtool.scan.files import ProgramFile, list_files
from envtool.scan.findings import ProgramFinding, ScanReport
from envtool.scan.local_imports import follow_imports
from envtool.scan.read_file import ReadResult, read_program_file
from envtool.scan.torch_api import OLDEST

if TYPE_CHECKING:
    from envtool.scan.dependencies import DependencyResult

# Fewer files are read sooner than another process starts.
_FEW = 48
_CHUNK = 24


@dataclass(frozen=True, kw_only=True)
class ScanRequest:
    """What to scan: folders, or files. `torch` is the vendor torch to judge for, with or without its label.

    `dependency_files` are such whose wheels are looked at, as they would be installed. `changed` is a commit: only
    files that were changed since are judged. `exclude` are patterns of paths.
    """

    paths: tuple[Path, ...]
    dependency_files: tuple[Path, ...] = ()
    torch: str = OLDEST
    changed: str | None = None
    exclude: tuple[str, ...] = ()
    ignore: frozenset[str] = frozenset()
    strict: bool = False


def scan_program(request: ScanRequest) -> ScanReport:
    """List the files, read and judge each, follow imports between them. Raises `EnvtoolError`."""
    torch = parse_torch(request.torch)
    files = list_files(request.paths, request.exclude, request.changed)
    results = _read_all(files, torch)
    findings = sorted(_collect(results), key=lambda item: (item.path, item.line, item.kind.id, item.identifier))
    dependencies = _scan_dependencies(request)
    findings += dependencies.findings
    report = ScanReport(
        torch=torch,
        files=len(files) + len(request.dependency_files),
        findings=tuple(findings),
        ignored=tuple(item for result in results for item in result.ignored),
        unread=(*(item for result in results for item in result.unread), *dependencies.unread),
    )
    return report.with_ignored(request.ignore, strict=request.strict)


def _scan_dependencies(request: ScanRequest) -> DependencyResult:
    from envtool.scan.dependencies import DependencyResult, scan_dependencies

    if not request.dependency_files:
        return DependencyResult((), ())
    return scan_dependencies(request.dependency_files, request.torch)


def parse_torch(text: str) -> str:
    """The torch that a version is a build of: its version without a label. Raises `UsageError`."""
    try:
        version = Version(text.partition("+")[0])
    except InvalidVersion:
        raise UsageError(
            tell("{text!r} is no version of torch", text=text),
            remedy=tell("envtool scan --torch 1.7.1   (or 1.10.0, 1.13.1, 2.1.0)"),
        ) from None
    return version.public


def _read_all(files: Sequence[ProgramFile], torch: str) -> list[ReadResult]:
    workers = min(len(os.sched_getaffinity(0)), 4)
    if len(files) <= _FEW or workers < 2:
        return [read_program_file(file, torch) for file in files]
    try:
        # Nothing else runs in this process yet, and a copy of it has everything imported.
        with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
            return list(pool.map(partial(read_program_file, torch=torch), files, chunksize=_CHUNK))
    except BrokenProcessPool as error:
        raise EnvtoolError(
            tell("the scan was ended by somebody else"),
            why=tell("one of its processes went away, as the kernel does where memory is short"),
            remedy=tell("envtool scan FOLDER   (a part of the project)"),
        ) from error


def _collect(results: Iterable[ReadResult]) -> Iterator[ProgramFinding]:
    results = list(results)
    seen: set[tuple[str, int, str, str]] = set()
    for finding in [item for result in results for item in result.findings]:
        key = (finding.path, finding.line, finding.kind.id, finding.identifier)
        if key not in seen:
            seen.add(key)
            yield finding
    told = {(path, line) for path, line, kind, _ in seen if kind == "cuda-library"}
    yield from (item for item in follow_imports(results) if (item.path, item.line) not in told)
