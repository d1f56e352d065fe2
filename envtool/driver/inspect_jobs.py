"""Asks the driver what holds the accelerator, and looks at the processes that are there."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from envtool.driver.ask import TIME_LIMIT, DriverQuery, QueryResult, start_query
from envtool.driver.jobs import AcceleratorJob, JobEnding, assess_jobs, assess_unlisted, choose_ending, list_pids
from envtool.driver.processes import read_machine
from envtool.driver.waiting import find_unlisted
from envtool.errors import DriverError
from envtool.language import tell
from envtool.release.read_profile import load_service

if TYPE_CHECKING:
    from envtool.driver.table import Device, DriverTable


@dataclass(frozen=True, kw_only=True)
class JobsRequest:
    """`variables` are the environment's, whose PATH has the driver's program; `time_limit` is for its answer."""

    variables: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    time_limit: float = TIME_LIMIT


@dataclass(frozen=True, kw_only=True)
class JobsReport:
    """What holds which accelerator, at a time in seconds since 1970. `ending` is what to end, where something is to."""

    time: float
    program: str
    release: str
    is_stand_in: bool
    has_own_numbers: bool
    devices: tuple[Device, ...]
    jobs: tuple[AcceleratorJob, ...]
    ending: JobEnding | None

    @property
    def idle_jobs(self) -> tuple[AcceleratorJob, ...]:
        """The jobs that hold an accelerator, or their place in the queue, without working."""
        return tuple(job for job in self.jobs if job.is_idle)


def inspect_jobs(request: JobsRequest) -> JobsReport:
    """Ask once. Raises `DriverError` where there is no program of the driver's, or it does not tell."""
    result = ask_driver(request)
    if result.table is None:
        raise make_query_error(result)
    return make_report(result, result.table)


def ask_driver(request: JobsRequest) -> QueryResult:
    """What the driver's program said, or why it did not."""
    started = start_query(request.variables)
    return started.read_result(request.time_limit) if isinstance(started, DriverQuery) else started


def make_query_error(result: QueryResult) -> DriverError:
    """The error that a failed question is."""
    if result.program is None:
        return DriverError(
            tell("nothing here tells of the accelerator"),
            why=load_service().words.no_driver_on_path,
            remedy=load_service().words.update,
        )
    name = result.program.rsplit("/", 1)[-1]
    return DriverError(
        tell("{name} does not tell of the accelerator", name=name), why=result.problem, remedy=result.program
    )


def make_report(result: QueryResult, table: DriverTable) -> JobsReport:
    """What was said, against the processes that are there now."""
    machine = read_machine()
    name = (result.program or "").rsplit("/", 1)[-1]
    jobs = assess_jobs(table, machine)
    if jobs:
        jobs += assess_unlisted(find_unlisted(machine, list_pids(jobs)), jobs, table, machine)
    return JobsReport(
        time=time.time(),
        program=name,
        release=table.version or "",
        is_stand_in=result.is_stand_in,
        has_own_numbers=machine.has_own_numbers,
        devices=table.devices,
        jobs=jobs,
        ending=choose_ending(jobs, table, name, os.geteuid()),
    )
