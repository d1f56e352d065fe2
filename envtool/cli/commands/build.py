"""`envtool build`."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from envtool.cli.image_selection import AllOption, DemoOption, ImagesArgument, resolve_images, select_specs
from envtool.cli.options import ProjectOption, VendorOption
from envtool.cli.terminal import note

if TYPE_CHECKING:
    from envtool.image.build_images import Build, BuiltImage, Prepare
    from envtool.image.engine.client import Engine
    from envtool.image.engine.push import Pushed
    from envtool.image.graph import PlannedImage
    from envtool.progress import Progress


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
    from envtool.image.build_images import build_family
    from envtool.image.engine.client import find_engine

    engine = find_engine(project)
    specs = select_specs(project, images, demo=demo, everything=everything)
    members = resolve_images(specs, vendor, demo=demo, project=project, engine=engine)
    asked = {spec.name for spec in specs}
    results: list[tuple[BuiltImage, Pushed | None]] = []
    for built in build_family(members, *_stages(engine), jobs=jobs):
        is_text = format is BuildFormat.TEXT
        if is_text:
            done = "is up to date, everything reused" if built.reused else f"built from {built.context}"
            typer.echo(f"{built.reference} {built.identity[:19]} {done}")
        pushed = _pushed(engine, built, push_to) if push_to is not None and built.member.name in asked else None
        if is_text and pushed is not None:
            typer.echo(f"pushed {pushed.reference}")
        results.append((built, pushed))
    if any(member.lock.pin.stand_in for member in members):
        note("note: their torch, torchvision, torchaudio and moreh-smi are stand-ins; they compute nothing")
    if format is BuildFormat.JSON:
        typer.echo(json.dumps(_document(results), indent=2))


def _stages(engine: Engine) -> tuple[Prepare, Build]:
    """What is done for each image, with its progress shown."""
    from envtool.cli.progress import counters
    from envtool.image.build_images import build_image, prepare_image
    from envtool.wheel.store import get_default_store

    store = get_default_store()
    # A terminal shows the progress of one thing at a time.
    drawing = threading.Lock()

    @contextmanager
    def shown(member: PlannedImage) -> Iterator[Progress]:
        if not drawing.acquire(blocking=False):
            yield lambda *_counts: None
            return
        try:
            with counters(member.name) as advance:
                yield advance
        finally:
            drawing.release()

    def prepare(member: PlannedImage, parent_prepared: Callable[[], None]) -> BuiltImage | None:
        with shown(member) as advance:
            return prepare_image(member, engine, store, parent_prepared, progress=advance, say=note)

    def build_one(member: PlannedImage) -> BuiltImage:
        with shown(member) as advance:
            return build_image(member, engine, progress=advance, say=note)

    return prepare, build_one


def _pushed(engine: Engine, built: BuiltImage, registry: str) -> Pushed:
    from envtool.image.engine.push import push

    member = built.member
    return push(engine, built.identity, f"{registry.rstrip('/')}/{member.name}", member.spec.release, note)


def _document(results: list[tuple[BuiltImage, Pushed | None]]) -> dict[str, Any]:
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
                "pushed": pushed.reference if pushed is not None else None,
            }
            for item, pushed in results
        ],
    }
