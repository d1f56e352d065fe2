"""`envtool doctor`."""

from __future__ import annotations

from typing import Annotated

import typer

from envtool.cli.options import Format, FormatOption, PrefixOption, PythonOption


def doctor(
    prefix: PrefixOption = None,
    python: PythonOption = None,
    deep: Annotated[bool, typer.Option("--deep", help="Hash every file of torch, not only look for it.")] = False,
    format: FormatOption = Format.TEXT,
) -> None:
    """Tell whether the vendor torch is in place and, where it is not, by whom, why and what to type.

    Exit status 0: healthy; 1: damaged or degraded.

    [bold]Examples[/bold]

      envtool doctor

      envtool doctor --prefix /opt/conda/envs/pytorch --deep

      envtool doctor --format json
    """
    from envtool.cli.report import render_json, render_text
    from envtool.cli.terminal import progress_bars
    from envtool.doctor.diagnose import bytes_to_hash, diagnose
    from envtool.doctor.findings import Status
    from envtool.environment.prefix import find_prefix
    from envtool.environment.reader import read_environment

    environment = read_environment(find_prefix(prefix, python))
    if deep:
        with progress_bars("hashing") as advance:
            size = bytes_to_hash(environment)
            report = diagnose(environment, deep=True, progress=lambda count: advance("files", count, size))
    else:
        report = diagnose(environment)
    typer.echo(render_json(report) if format is Format.JSON else render_text(report))
    raise typer.Exit(0 if report.status is Status.HEALTHY else 1)
