"""What holds the accelerator, in each of the formats (schema: docs/jobs.schema.json)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from envtool.cli.render.json_text import format_time, render_json_text
from envtool.cli.report_format import JobsFormat
from envtool.cli.terminal import paint
from envtool.driver.jobs import JOB_STATES, AcceleratorJob, JobState
from envtool.language import Message, phrase, tell, translate
from envtool.printable import display_width, join_lines, pad

if TYPE_CHECKING:
    from envtool.cli.render.interface import Metric
    from envtool.driver.inspect_jobs import JobsReport

JSON_SCHEMA = "hac-envtool/jobs/1"
_HEAD = (
    tell("device"),
    tell("job"),
    tell("process"),
    tell("user"),
    tell("since"),
    tell("memory"),
    tell("state"),
    tell("command"),
)
# Characters of a command in a table.
_COMMAND = 100
_COLOURS = {JobState.WORKING: "green", JobState.UNKNOWN: "yellow"}
_CONTAINER = tell(
    "note: this is a container that numbers its processes for itself: a job whose process is not seen here may run "
    "outside, and is unknown; ask on the machine itself"
)


def render_jobs(report: JobsReport, format: JobsFormat, *, is_one_line: bool = False) -> str:
    """The report, without a line's end after it. `is_one_line`: of JSON only, so that one follows another."""
    match format:
        case JobsFormat.TEXT:
            return join_lines(_list_lines(report))
        case JobsFormat.JSON:
            return render_json_text(_make_document(report), indent=None if is_one_line else 2)
        case JobsFormat.PROMETHEUS:
            return render_metrics("envtool jobs", _make_metrics(report))


def render_metrics(tool: str, metrics: tuple[Metric, ...]) -> str:
    """Metrics alone, for the textfile collector."""
    from envtool.cli.render.interface import CheckReport
    from envtool.cli.render.prometheus import render_prometheus

    return render_prometheus(CheckReport(tool=tool, rules=(), suites=(), metrics=metrics))


def render_table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows with their columns below each other, two blanks apart; the last one is as long as it is."""
    widths = [max(display_width(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def format_moment(seconds: float) -> str:
    """A time as the machine's clock has it."""
    return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M:%S}"


def _list_lines(report: JobsReport) -> Iterable[str]:
    program = f"{report.program} {report.release}".rstrip()
    yield phrase("{program} (a stand-in; there is no accelerator)", program=program) if report.is_stand_in else program
    rows = [[phrase("device"), phrase("name"), phrase("flavour"), phrase("memory"), phrase("use")]]
    for device in report.devices:
        memory = device.memory
        if device.total_memory:
            memory = phrase("{used} of {total}", used=device.memory, total=device.total_memory)
        rows.append(
            [
                f"{'*' if device.is_active else ' '} {device.id}",
                device.name,
                device.model,
                memory if device.memory else "-",
                device.utilization or "-",
            ]
        )
    yield from render_table(rows)
    yield ""
    if not report.jobs:
        yield phrase("no job holds an accelerator")
    else:
        yield from _list_jobs(report.jobs)
    for job in report.idle_jobs:
        yield f"{paint(phrase('without work'), 'red', bold=True)}: {translate(describe_job(job))}"
    if report.ending is not None:
        reason = translate(report.ending.reason)
        if report.ending.pid is not None:
            yield f"  {phrase('end process {process}: {reason}', process=report.ending.pid, reason=reason)}"
        else:
            yield f"  {phrase('end the job: {reason}', reason=reason)}"
        yield f"  {phrase('run')}  {report.ending.command}"
    if report.has_own_numbers:
        yield translate(_CONTAINER)


def _list_jobs(jobs: Sequence[AcceleratorJob]) -> list[str]:
    rows = [[*map(translate, _HEAD)]]
    for job in jobs:
        shown = job.process or (job.workers[0] if job.workers else None)
        rows.append(
            [
                f"  {job.device}",
                job.id or "-",
                f"{job.pid}" if job.pid is not None else "-",
                shown.user if shown is not None else "-",
                format_moment(shown.since) if shown is not None else "-",
                job.memory or "-",
                translate(JOB_STATES[job.state]),
                job.command[:_COMMAND],
            ]
        )
    return render_table(rows)


def describe_job(job: AcceleratorJob) -> Message:
    """One sentence of what a job does, or does not."""
    if job.id:
        name = tell("job {job} on device {device}", job=job.id, device=job.device)
    else:
        name = tell("process {process}, which the driver does not list,", process=job.pid)
    match job.state:
        case JobState.WORKING:
            return tell("{name} works", name=name)
        case JobState.STOPPED:
            return tell("{name} is stopped (Ctrl-Z, or kill -STOP) and holds the accelerator", name=name)
        case JobState.WORKERS_LEFT:
            numbers = ", ".join(f"{worker.pid}" for worker in job.workers)
            return tell("{name} is held by what its main process left: {numbers}", name=name, numbers=numbers)
        case JobState.GONE:
            return tell("{name} is held by nobody: process {process} is gone", name=name, process=job.pid)
        case JobState.WAITING:
            return tell("{name} waits until process {process} ends", name=name, process=job.waits_for)
        case JobState.UNKNOWN:
            return tell("{name}: not known, its process is not seen here, or not seen to wait", name=name)


def _make_document(report: JobsReport) -> dict[str, Any]:
    return {
        "schema": JSON_SCHEMA,
        "status": "idle-jobs" if report.idle_jobs else "working" if report.jobs else "free",
        "host": os.uname().nodename,
        "time": format_time(report.time),
        "program": report.program,
        "release": report.release or None,
        "stand_in": report.is_stand_in,
        "own_process_numbers": report.has_own_numbers,
        "devices": [
            {
                "id": device.id,
                "name": device.name,
                "flavor": device.model,
                "active": device.is_active,
                "memory": device.memory or None,
                "total_memory": device.total_memory or None,
                "utilization": device.utilization or None,
            }
            for device in report.devices
        ],
        "jobs": [_make_job_row(job) for job in report.jobs],
        "ending": None
        if report.ending is None
        else {"pid": report.ending.pid, "command": report.ending.command, "reason": report.ending.reason},
    }


def _make_job_row(job: AcceleratorJob) -> dict[str, Any]:
    shown = job.process or (job.workers[0] if job.workers else None)
    return {
        "device": job.device,
        "flavor": job.flavor,
        "job": job.id or None,
        "pid": job.pid,
        "state": job.state.value,
        "user": shown.user if shown is not None else None,
        "command": job.command,
        "since": format_time(shown.since) if shown is not None else None,
        "memory": job.memory or None,
        "workers": [worker.pid for worker in job.workers],
        "waits_for": job.waits_for,
    }


def _make_metrics(report: JobsReport) -> tuple[Metric, ...]:
    from envtool.cli.render.interface import Metric

    held, idle, jobs, since = [], [], [], []
    for device in report.devices:
        labels = {"device": device.id, "flavor": device.model}
        of_device = [job for job in report.jobs if job.device == device.id]
        held.append((labels, int(any(job.id for job in of_device))))
        idle.append((labels, sum(job.is_idle for job in of_device)))
    for job in report.jobs:
        labels = {"device": job.device, "flavor": job.flavor, "job": job.id, "pid": str(job.pid or "")}
        jobs.append(({**labels, "state": job.state.value}, 1))
        if job.process is not None:
            since.append((labels, int(job.process.since)))
    return (
        Metric("hac_accelerator_held", "Whether a job holds the accelerator.", tuple(held)),
        Metric("hac_accelerator_idle_jobs", "Jobs that hold it, or wait for it, without working.", tuple(idle)),
        Metric("hac_accelerator_job", "Jobs, each with its state.", tuple(jobs)),
        Metric("hac_accelerator_job_start_time_seconds", "When a job's process began, since 1970.", tuple(since)),
    )
