"""Looks at the accelerator again and again, and keeps a log of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from envtool.allowed_folder import open_for_append
from envtool.driver.inspect_jobs import JobsReport, JobsRequest, ask_driver, make_query_error, make_report
from envtool.driver.usage import LogReader, UsageTally, format_look, parse_look
from envtool.errors import DriverError
from envtool.language import tell
from envtool.masking import mask_credentials
from envtool.release.read_profile import load_service


@dataclass(frozen=True, kw_only=True)
class WatchRequest:
    """`interval` seconds lie between two looks. `count` is how many there are; by default until somebody stops it."""

    jobs: JobsRequest
    interval: float = 60.0
    count: int | None = None
    log: Path | None = None


@dataclass(frozen=True, kw_only=True)
class WatchedLook:
    """What a look saw: a report, or the problem why there is none; and what the log, where there is one, sums up to.

    `log_problem` is why the log could not be written.
    """

    time: datetime
    report: JobsReport | None
    problem: str
    tally: UsageTally
    log_problem: str = ""


def watch_jobs(request: WatchRequest, show: Callable[[WatchedLook], None]) -> None:
    """Look, and have each look shown. A look that fails is shown as well, and the next one comes in its time.

    Raises `DriverError` before the first look where there is no program to ask, or the log cannot be written.
    """
    log = _UsageLog(request.log) if request.log is not None else None
    tally = log.tally if log is not None else UsageTally()
    looks, due = 0, time.monotonic()
    while request.count is None or looks < request.count:
        result = ask_driver(request.jobs)
        if result.program is None and not looks:
            raise make_query_error(result)
        looks += 1
        moment = datetime.now().astimezone()
        report = make_report(result, result.table) if result.table is not None else None
        problem = "" if report is not None else result.problem or load_service().words.no_driver_on_path
        log_problem = ""
        if log is not None:
            devices = _describe_devices(report) if report is not None else None
            log_problem = log.append(format_look(moment, request.interval, devices, mask_credentials(problem)))
        show(WatchedLook(time=moment, report=report, problem=problem, tally=tally, log_problem=log_problem))
        # Looks that were missed, as while the machine slept, are not made up for.
        due = max(due + request.interval, time.monotonic())
        if request.count is None or looks < request.count:
            time.sleep(max(0.0, due - time.monotonic()))


def _describe_devices(report: JobsReport) -> list[dict[str, Any]]:
    return [
        {
            "id": device.id,
            "flavor": device.model,
            "jobs": [
                {"id": job.id, "pid": job.pid, "state": job.state.value}
                for job in report.jobs
                # One that only waits holds nothing.
                if job.device == device.id and job.id and job.waits_for is None
            ],
        }
        for device in report.devices
    ]


class _UsageLog:
    """The log, and the sums of what is in it: its old lines are read once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader = LogReader(path)
        self.tally = UsageTally()
        problem = self.append("")
        if problem:
            raise DriverError(
                tell("the log {path} cannot be written", path=path),
                why=problem,
                remedy=tell("--log FILE   (in a folder of yours)"),
            )

    def append(self, line: str) -> str:
        """Add a line, count it and what others have added; the problem where that fails."""
        try:
            handle = open_for_append(self._path)
            try:
                if line:
                    _write_line(handle, line)
            finally:
                os.close(handle)
            for row in self._reader.read_new():
                self.tally.add(parse_look(row))
        except OSError as error:
            return str(error.strerror)
        return ""


def _write_line(handle: int, line: str) -> None:
    """The line by itself, also where the one before it was cut off by a kill."""
    size = os.fstat(handle).st_size
    is_open = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
    data = ("\n" if is_open else "").encode() + line.encode() + b"\n"
    while data:
        data = data[os.write(handle, data) :]
