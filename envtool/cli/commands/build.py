"""`envtool build`."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from envtool.cli.image_selection import AllOption, DemoOption, ImagesArgument, resolve_images, select_specs
from envtool.cli.options import ProjectOption, VendorOption
from envtool.cli.render.json_text import render_json_text
from envtool.cli.terminal import note, print_line, print_safely
from envtool.language import phrase
from envtool.release.read_profile import load_service

if TYPE_CHECKING:
    from envtool.image.build_images import BuildResult, BuiltImage


class BuildFormat(StrEnum):
    """How to print what was built."""

    TEXT = "text"
    JSON = "json"


def build_command(
    images: ImagesArgument = None,
    demo: DemoOption = False,
    everything: AllOption = False,
    vendor: VendorOption = None,
    push_to: Annotated[
        str | None,
        typer.Option("--push", help="Push each image to REGISTRY/PATH, under its own name.", show_default=False),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, help="Images at a time.", show_default="the processors, at most 4")
    ] = min(4, os.cpu_count() or 1),
    format: Annotated[BuildFormat, typer.Option("--format", help="How to print what was built.")] = BuildFormat.TEXT,
    project: ProjectOption = Path(),
) -> None:
    """Build images from their locks, without a network once everything is fetched.

    An image's parents are built before it, independent images at once. Beside each image's build context lie its bill
    of materials (CycloneDX) and what it was made from (SLSA provenance).

    [bold]Examples[/bold]

      envtool build --demo

      envtool build --demo --all

      envtool build hac-base-22.8.0-py38 --vendor https://wheels.example.com/simple/

      envtool build --all --push registry.example.com:5000/team --format json
    """
    from envtool.cli.progress import counters
    from envtool.image.build_images import BuildRequest, build_images
    from envtool.image.engine.client import find_engine
    from envtool.wheel.store import get_default_store

    engine = find_engine(project)
    specs = select_specs(project, images, demo=demo, everything=everything)
    planned = resolve_images(specs, vendor, demo=demo, project=project, engine=engine)
    request = BuildRequest(
        images=planned,
        engine=engine,
        store=get_default_store(),
        jobs=jobs,
        registry=push_to,
        pushed_names=frozenset(spec.name for spec in specs),
    )
    report = _print_image if format is BuildFormat.TEXT else _print_nothing
    with counters(phrase("making")) as progress:
        result = build_images(request, progress=progress, say=note, report=report)
    if any(image.lock.pin.stand_in for image in planned):
        note(load_service().words.images_of_stand_ins)
    if format is BuildFormat.JSON:
        print_safely(render_json_text(_make_document(result)))


def _print_image(image: BuiltImage) -> None:
    done = (
        phrase("is up to date, everything reused")
        if image.reused
        else phrase("built from {folder}", folder=image.context)
    )
    print_line(f"{image.reference} {image.identity[:19]} {done}")
    if image.pushed is not None:
        print_line(phrase("pushed {reference}", reference=image.pushed.reference))


def _print_nothing(_image: BuiltImage) -> None:
    """JSON is printed as a whole."""


def _make_document(result: BuildResult) -> dict[str, Any]:
    """What was built, as docs/build.schema.json describes it."""
    return {
        "schema": "hac-envtool/build/1",
        "images": [
            {
                "reference": item.reference,
                "id": item.identity,
                "reused": item.reused,
                "context": str(item.context),
                "sbom": str(item.sbom),
                "provenance": str(item.provenance),
                "pushed": item.pushed.reference if item.pushed is not None else None,
            }
            for item in result.images
        ],
    }
