"""`envtool blame`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from envtool.cli.options import PlatformOption, ProjectOption, StoredImageArgument
from envtool.cli.report_format import BlameFormat


def blame_command(
    reference: StoredImageArgument,
    format: Annotated[BlameFormat, typer.Option("--format", help="How to print it.")] = BlameFormat.TEXT,
    platform: PlatformOption = None,
    project: ProjectOption = Path(),
) -> None:
    """Say which instruction of an image changed torch, a companion or the guard, and what pulled the intruder in.

    The image is read, layer by layer, and never run. Exit status 0: the vendor torch is in place; 1: it is not.

    [bold]Examples[/bold]

      envtool blame my-training:latest

      envtool blame image.tar --format json

      envtool blame docker://registry.example.com:5000/team/training@sha256:…
    """
    from envtool.cli.output import print_report
    from envtool.cli.render.blame import render_blame
    from envtool.cli.terminal import note
    from envtool.image.blame.blame_image import BlameRequest, blame_image

    note(f"reading the layers of {reference}")
    report = blame_image(BlameRequest(reference=reference, project=project, platform=platform))
    print_report(render_blame(report, format), None)
    raise typer.Exit(0 if report.is_intact else 1)
