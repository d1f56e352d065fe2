"""`envtool blame`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from envtool.cli.options import PlatformOption, ProjectOption, StoredImageArgument


class BlameFormat(StrEnum):
    """How to print the story of an image."""

    TEXT = "text"
    JSON = "json"


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
    from envtool.cli.render.blame import render_blame_json, render_blame_text
    from envtool.cli.terminal import note
    from envtool.image.blame.installed import select_for_blame
    from envtool.image.blame.trace import trace_changes
    from envtool.image.read.layer import FileSelector
    from envtool.image.read.reference import read_image

    note(f"reading the layers of {reference}")
    report = trace_changes(read_image(reference, FileSelector(select_for_blame), project=project, platform=platform))
    typer.echo(render_blame_text(report) if format is BlameFormat.TEXT else render_blame_json(report))
    raise typer.Exit(0 if report.is_intact else 1)
