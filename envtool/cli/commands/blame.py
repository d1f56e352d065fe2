"""`envtool blame`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from envtool.cli.options import PlatformOption, ProfileOption, ProjectOption
from envtool.cli.report_format import BlameFormat


def blame_command(
    references: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE...",
            help="Images: names in the engine, archives, OCI folders, docker://NAME, docker://HOST/team/*.",
            show_default=False,
        ),
    ],
    format: Annotated[BlameFormat, typer.Option("--format", help="How to print it.")] = BlameFormat.TEXT,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what the base itself did, which is how torch came in.")
    ] = False,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, help="Images at a time.", show_default="the processors, at most 4")
    ] = min(4, os.cpu_count() or 1),
    platform: PlatformOption = None,
    project: ProjectOption = Path(),
    profile: ProfileOption = None,  # noqa: ARG001
) -> None:
    """Say which instruction of an image changed torch, a companion or the guard, and what pulled the intruder in.

    Images are read, layer by layer, and never run; layers that they share in a registry are read once. Several are
    read side by side, and told in their order; their JSON is a document a line.

    Exit status 0: the vendor torch is in place; 1: it is not, in one of them.

    [bold]Examples[/bold]

      envtool blame my-training:latest

      envtool blame image.tar --format json

      envtool blame docker://registry.example.com:5000/team/training@sha256:…

      envtool blame 'docker://registry.example.com:5000/team/*' --jobs 4
    """
    from envtool.cli.output import print_report
    from envtool.cli.render.blame import render_blame
    from envtool.cli.terminal import note
    from envtool.image.blame.blame_image import BlameRequest, blame_images
    from envtool.image.read.registry_listing import expand_references

    names, are_intact = expand_references(references), True
    requests = [BlameRequest(reference=name, project=project, platform=platform) for name in names]
    reports = blame_images(requests, jobs)
    for reference in names:
        note(f"reading the layers of {reference}")
        report = next(reports)
        text = render_blame(report, format, everything=everything, is_one=len(names) == 1)
        print_report(text, None, is_prose=format is BlameFormat.TEXT)
        are_intact = are_intact and report.is_intact
    raise typer.Exit(0 if are_intact else 1)
