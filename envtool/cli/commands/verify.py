"""`envtool verify`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from envtool.cli.options import (
    FormatOption,
    ModelTimeLimitOption,
    OutputOption,
    PlatformOption,
    ProjectOption,
    RunModelOption,
)
from envtool.cli.report_format import Format
from envtool.cli.terminal import note


def verify_command(
    references: Annotated[
        list[str],
        typer.Argument(
            help="Images: names in the engine; with --static also archives, OCI folders and docker://NAME.",
            show_default=False,
        ),
    ],
    static: Annotated[
        bool, typer.Option("--static", help="Read files and configuration only; run nothing, need no engine.")
    ] = False,
    model: RunModelOption = None,
    time_limit: ModelTimeLimitOption = None,
    format: FormatOption = Format.TEXT,
    output: OutputOption = None,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, help="Images at a time.", show_default="the processors, at most 4")
    ] = min(4, os.cpu_count() or 1),
    platform: PlatformOption = None,
    project: ProjectOption = Path(),
) -> None:
    """Verify images: run their checks inside of them, without a network; or, with --static, without running them.

    Exit status 0: every check of every image passed; 1: one failed.

    [bold]Examples[/bold]

      envtool verify hac-base

      envtool verify hac-base-22.8.0-py38 --run-model resnet

      envtool verify --static my-training:latest image.tar

      envtool verify --static docker://registry.example.com:5000/team/training@sha256:… --format sarif -o verify.sarif

      envtool verify --static 'docker://registry.example.com:5000/team/*' --jobs 4
    """
    from envtool.cli.output import print_report
    from envtool.cli.render.verify import render_results
    from envtool.verify.verify_images import MODEL_TIME_LIMIT, VerifyRequest, select_exit_status, verify_images

    if static and model is not None:
        raise typer.BadParameter("--run-model runs something, --static nothing: give one of them")
    request = VerifyRequest(
        references=tuple(references),
        project=project,
        static=static,
        platform=platform,
        jobs=jobs,
        model=model,
        model_time_limit=time_limit or MODEL_TIME_LIMIT,
    )
    results = verify_images(request, done=lambda name: note(f"verified {name}") if len(references) > 1 else None)
    text = render_results(results, format)
    print_report(text, output, has_commands=format is Format.GITHUB, is_prose=format is Format.TEXT)
    raise typer.Exit(select_exit_status(results))
