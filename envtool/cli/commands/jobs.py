"""`envtool jobs`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.options import OutputOption
from envtool.cli.report_format import JobsFormat
from envtool.language import phrase

if TYPE_CHECKING:
    from envtool.driver.watch import WatchedLook

_INTERVAL = 60.0


def jobs_command(
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again, until you stop it.")] = False,
    log: Annotated[
        Path | None,
        typer.Option(
            "--log", help="With --watch: add each look to this file; with --usage: read it.", show_default=False
        ),
    ] = None,
    usage: Annotated[
        bool, typer.Option("--usage", help="Sum the minutes of a log by day and flavour: an estimate.")
    ] = False,
    prices: Annotated[
        Path | None,
        typer.Option("--prices", help="With --usage: a TOML file of your prices by flavour.", show_default=False),
    ] = None,
    interval: Annotated[
        float, typer.Option("--interval", min=0.1, max=3600, help="With --watch: seconds between two looks.")
    ] = _INTERVAL,
    count: Annotated[
        int | None, typer.Option("--count", min=1, help="With --watch: end after so many looks.", show_default=False)
    ] = None,
    format: Annotated[JobsFormat, typer.Option("--format", help="How to print it.")] = JobsFormat.TEXT,
    output: OutputOption = None,
) -> None:
    r"""Tell what holds the accelerator: each job's process, user, command and since when, and what is to be ended.

    A job is charged while it holds the accelerator, also where it was stopped, or its main process is gone and workers
    are left. Exit status 1 where there is one of that kind, or a program that waits for another.

    [bold]Examples[/bold]

      envtool jobs

      envtool jobs --watch --log jobs.jsonl

      envtool jobs --usage --log jobs.jsonl --prices prices.toml
    """
    _require_sense(watch=watch, usage=usage, log=log, prices=prices)
    if usage:
        assert log is not None
        _print_usage(log, prices, format, output)
    elif watch:
        _watch(log, interval, count, format, output)
    else:
        from envtool.cli.output import print_report
        from envtool.cli.render.jobs import render_jobs
        from envtool.driver.inspect_jobs import JobsRequest, inspect_jobs

        report = inspect_jobs(JobsRequest())
        print_report(render_jobs(report, format), output)
        raise typer.Exit(1 if report.idle_jobs else 0)


def _require_sense(*, watch: bool, usage: bool, log: Path | None, prices: Path | None) -> None:
    if watch and usage:
        raise typer.BadParameter(phrase("give --watch or --usage, not both"))
    if usage and log is None:
        raise typer.BadParameter(
            phrase("--usage sums a log: add --log FILE, which `envtool jobs --watch --log FILE` writes")
        )
    if log is not None and not (watch or usage):
        raise typer.BadParameter(phrase("--log goes with --watch, which writes it, or with --usage, which reads it"))
    if prices is not None and not usage:
        raise typer.BadParameter(phrase("--prices goes with --usage"))


def _print_usage(log: Path, prices: Path | None, format: JobsFormat, output: Path | None) -> None:
    from envtool.cli.output import print_report
    from envtool.cli.render.usage import render_usage
    from envtool.driver.usage import read_prices, read_usage

    price_list = read_prices(prices) if prices is not None else None
    print_report(render_usage(read_usage(log), price_list, format), output)


def _watch(log: Path | None, interval: float, count: int | None, format: JobsFormat, output: Path | None) -> None:
    from envtool.cli.output import print_report
    from envtool.cli.render.jobs import render_jobs
    from envtool.cli.render.usage import render_look
    from envtool.cli.terminal import note, print_line
    from envtool.driver.inspect_jobs import JobsRequest
    from envtool.driver.watch import WatchRequest, watch_jobs

    def show(look: WatchedLook) -> None:
        if look.log_problem:
            note(phrase("the log could not be written: {problem}", problem=look.log_problem))
        if look.report is None:
            note(
                phrase(
                    "{time:%H:%M:%S} this look failed, the next one comes: {problem}",
                    time=look.time,
                    problem=look.problem,
                )
            )
        elif format is JobsFormat.TEXT and output is None:
            print_line(render_look(look), flush=True)
        else:
            print_report(render_jobs(look.report, format, is_one_line=output is None), output)

    watch_jobs(WatchRequest(jobs=JobsRequest(), interval=interval, count=count, log=log), show)
