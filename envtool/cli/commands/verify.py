"""`envtool verify`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.options import (
    FormatOption,
    ModelTimeLimitOption,
    OutputOption,
    PlatformOption,
    ProfileOption,
    ProjectOption,
    RunModelOption,
)
from envtool.cli.report_format import Format
from envtool.cli.terminal import note
from envtool.language import phrase, translate

if TYPE_CHECKING:
    from envtool.verify.shard import Shard


_JOBS = min(4, os.cpu_count() or 1)
ReferencesArgument = Annotated[
    list[str],
    typer.Argument(
        help="Images: names in the engine; with --static also archives, OCI folders and docker://NAME.",
        show_default=False,
    ),
]
StaticOption = Annotated[
    bool, typer.Option("--static", help="Read files and configuration only; run nothing, need no engine.")
]
JobsOption = Annotated[
    int, typer.Option("--jobs", "-j", min=1, help="Images at a time.", show_default="the processors, at most 4")
]
ShardOption = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="INDEX/COUNT",
        help="Only that part of the images, counted from 0; the parts together are all, each once.",
        show_default=False,
    ),
]


def verify_command(
    references: ReferencesArgument,
    static: StaticOption = False,
    model: RunModelOption = None,
    time_limit: ModelTimeLimitOption = None,
    format: FormatOption = Format.TEXT,
    output: OutputOption = None,
    jobs: JobsOption = _JOBS,
    shard: ShardOption = None,
    platform: PlatformOption = None,
    project: ProjectOption = Path(),
    profile: ProfileOption = None,  # noqa: ARG001
) -> None:
    """Verify images: run their checks inside of them, without a network; or, with --static, without running them.

    Exit status 0: every check of every image passed; 1: one failed.

    [bold]Examples[/bold]

      envtool verify hac-base

      envtool verify hac-base-22.8.0-py38 --run-model resnet

      envtool verify --static my-training:latest image.tar

      envtool verify --static docker://registry.example.com:5000/team/training@sha256:… --format sarif -o verify.sarif

      envtool verify --static 'docker://registry.example.com:5000/team/*' --jobs 4

      envtool verify --static 'docker://registry.example.com:5000/team/*' --shard 3/20 --format json -o 3.json
    """
    from envtool.cli.output import print_report
    from envtool.cli.render.verify import render_results
    from envtool.verify.verify_images import MODEL_TIME_LIMIT, VerifyRequest, select_exit_status, verify_images

    if static and model is not None:
        raise typer.BadParameter(phrase("--run-model runs something, --static nothing: give one of them"))
    part = _parse_shard(shard) if shard is not None else None
    request = VerifyRequest(
        references=tuple(references),
        project=project,
        static=static,
        platform=platform,
        jobs=jobs,
        model=model,
        model_time_limit=time_limit or MODEL_TIME_LIMIT,
        shard=part,
    )
    several = len(references) > 1 or part is not None
    results = verify_images(request, done=lambda name: note(phrase("verified {name}", name=name)) if several else None)
    if not results:
        note(phrase("no image is in part {shard} of them", shard=shard))
    text = render_results(results, format)
    print_report(text, output, has_commands=format is Format.GITHUB, is_prose=format is Format.TEXT)
    raise typer.Exit(select_exit_status(results))


def _parse_shard(text: str) -> Shard:
    from envtool.verify.shard import parse_shard

    try:
        return parse_shard(text)
    except ValueError as error:
        raise typer.BadParameter(f"--shard {text}: {translate(str(error))}") from None
