"""The whole of `envtool doctor`: finds an environment, diagnoses it, asks its driver, and applies the settings."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.doctor.cache import DiagnosisCache, open_cache
from envtool.doctor.diagnose import diagnose
from envtool.doctor.settings import read_settings, validate_ids
from envtool.environment.context import EnvironmentContext
from envtool.environment.effective_pin import find_effective_pin
from envtool.environment.prefix import find_prefix
from envtool.environment.reader import read_environment
from envtool.release.pin import PinOrigin
from envtool.release.read_profile import DEFAULT, load_default_profile

if TYPE_CHECKING:
    from envtool.doctor.findings import Finding, Report
    from envtool.driver.ask import DriverQuery, QueryResult
    from envtool.environment.reader import Environment
    from envtool.progress import Progress

# Seconds; the first use of the accelerator compiles and may take most of a minute.
PROBE_TIME_LIMIT = 120.0


@dataclass(frozen=True, kw_only=True)
class DoctorRequest:
    """What to diagnose, and how.

    `prefix` or `python` name the environment; without them it is the active one. `context` is the file system that it
    is in. `deep` hashes every file. `probe` imports torch, for at most `probe_time_limit` seconds. `driver`: ask its
    program (`True`), do not (`False`), or ask it where there is one (`None`). `ignore` are ids of findings that do not
    count; `strict` lets notes count. Settings of the project at or above `project` are added to these.
    """

    prefix: Path | None = None
    python: Path | None = None
    context: EnvironmentContext = field(default_factory=EnvironmentContext)
    deep: bool = False
    probe: bool = False
    probe_time_limit: float = PROBE_TIME_LIMIT
    driver: bool | None = None
    ignore: tuple[str, ...] = ()
    strict: bool = False
    project: Path = field(default_factory=Path.cwd)


def diagnose_environment(request: DoctorRequest, *, progress: Progress = lambda _name, _bytes, _total: None) -> Report:
    """Diagnose an environment; with `deep`, `progress` gets the bytes hashed.

    Raises `PrefixError` where there is no environment, `ReleaseError` for a pin file and `SettingsError` for settings
    that cannot be read.
    """
    prefix = find_prefix(request.prefix, request.python, request.context)
    environment = read_environment(prefix, request.context)
    pin = find_effective_pin(environment)
    cache = _open_cache(request, environment)
    if pin is not None and pin.profile_id != DEFAULT and pin.origin is PinOrigin.RECORDS and _was_default(cache):
        # Another vendor's torch in an environment that an earlier look found in order is an intruder.
        pin = None
    # Started first and read last: it works beside the checks.
    query = _start_driver_query(request) if pin is None or pin.profile.driver.parser is not None else None
    found = diagnose(environment, pin, deep=request.deep, progress=progress, cache=cache, infer=False)
    report = replace(found, time=time.time())
    cache.save()
    if request.probe:
        from envtool.doctor.probe import probe_environment

        report = _add_findings(report, probe_environment(environment, pin, request.probe_time_limit))
    if query is not None:
        report = _add_driver(report, query, is_asked=bool(request.driver))
    settings = read_settings(request.project)
    if any(finding.id in settings.ignore for finding in report.findings):
        report = replace(report, settings=settings.path)
    ignored = settings.ignore | validate_ids(request.ignore, "--ignore")
    return report.with_ignored(ignored, strict=request.strict or settings.strict)


def _open_cache(request: DoctorRequest, environment: Environment) -> DiagnosisCache:
    is_cached = request.context.is_local and not request.deep
    return open_cache(environment.prefix.path) if is_cached else DiagnosisCache(None)


def _was_default(cache: DiagnosisCache) -> bool:
    label = load_default_profile().label or DEFAULT
    return any(label in subject for subject in cache.subjects)


def _start_driver_query(request: DoctorRequest) -> DriverQuery | QueryResult | None:
    """The driver's program, started, where it is there or was asked for; never for an image or a container."""
    if not request.context.is_local or request.driver is False:
        return None
    folder = load_default_profile().driver.folder
    if not request.driver and not (folder and os.path.isdir(folder)) and not _has_driver():
        return None
    # Only now: it imports subprocess, and most machines have no driver.
    from envtool.driver.ask import start_query

    return start_query(os.environ)


def _has_driver() -> bool:
    folders = os.environ.get("PATH", os.defpath).split(":")
    return any(
        os.path.exists(f"{folder}/{name}") for folder in folders for name in load_default_profile().driver.programs
    )


def _add_driver(report: Report, query: DriverQuery | QueryResult, *, is_asked: bool) -> Report:
    from envtool.doctor.checks import driver
    from envtool.driver.ask import QueryResult

    result = query if isinstance(query, QueryResult) else query.read_result()
    found = driver.check(report.environment, report.pin, result, is_asked=is_asked)
    report = replace(_add_findings(report, found), driver=result.summary)
    if report.pin is None and result.program is not None and result.table is not None and result.table.version:
        from envtool.doctor.lost_torch import add_driver_release

        report = add_driver_release(report, result.program, result.table.version)
    return report


def _add_findings(report: Report, findings: Iterator[Finding]) -> Report:
    return replace(report, findings=(*report.findings, *findings))
