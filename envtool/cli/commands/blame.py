"""`envtool blame`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.options import OutputOption, PlatformOption, ProfileOption, ProjectOption
from envtool.cli.report_format import BlameFormat
from envtool.language import phrase

if TYPE_CHECKING:
    from envtool.image.blame.trace import BlameReport


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
    output: OutputOption = None,
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
    read side by side, and told in their order; their JSON is a document a line, their HTML one page.

    Exit status 0: the vendor torch is in place; 1: it is not, in one of them.

    [bold]Examples[/bold]

      envtool blame my-training:latest

      envtool blame image.tar --format html -o blame.html

      envtool blame docker://registry.example.com:5000/team/training@sha256:…

      envtool blame 'docker://registry.example.com:5000/team/*' --jobs 4
    """
    from envtool.cli.terminal import note
    from envtool.image.blame.blame_image import BlameRequest, blame_images
    from envtool.image.read.registry_listing import expand_references

    names = expand_references(references)
    requests = [BlameRequest(reference=name, project=project, platform=platform) for name in names]
    reports = blame_images(requests, jobs)

    def read() -> Iterator[BlameReport]:
        for name in names:
            note(phrase("reading the layers of {name}", name=name))
            yield next(reports)

    if format is BlameFormat.HTML:
        are_intact = _print_page(read(), output)
    else:
        are_intact = _print_reports(read(), format, output, everything=everything, is_one=len(names) == 1)
    raise typer.Exit(0 if are_intact else 1)


def _print_page(reports: Iterator[BlameReport], output: Path | None) -> bool:
    """Print all reports as one page; whether every image has its torch."""
    from envtool.cli.output import print_report
    from envtool.cli.render.blame import render_blame_html

    found = list(reports)
    print_report(render_blame_html(found), output)
    return all(report.is_intact for report in found)


def _print_reports(
    reports: Iterator[BlameReport], format: BlameFormat, output: Path | None, *, everything: bool, is_one: bool
) -> bool:
    """Print each report as soon as it is there, or write all to a file; whether every image has its torch."""
    from envtool.cli.output import print_report
    from envtool.cli.render.blame import render_blame
    from envtool.masking import join_texts

    are_intact, texts = True, []
    for report in reports:
        are_intact = are_intact and report.is_intact
        text = render_blame(report, format, everything=everything, is_one=is_one)
        if output is None:
            print_report(text, None, is_prose=format is BlameFormat.TEXT)
        texts.append(text)
    if output is not None:
        print_report(join_texts(texts), output)
    return are_intact
