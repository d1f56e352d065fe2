"""`envtool bake`: the image table for BuildKit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from envtool.cli.image_selection import AllOption, DemoOption, ImagesArgument, resolve_images, select_specs
from envtool.cli.options import ProjectOption, VendorOption
from envtool.cli.render.json_text import render_json_text
from envtool.cli.terminal import print_safely
from envtool.language import phrase


def bake_command(
    images: ImagesArgument = None,
    demo: DemoOption = False,
    everything: AllOption = False,
    vendor: VendorOption = None,
    registry: Annotated[
        str | None,
        typer.Option("--push", help="Have bake push each image to REGISTRY/PATH.", show_default=False),
    ] = None,
    project: ProjectOption = Path(),
) -> None:
    """Make the build contexts and print a file for `docker buildx bake`; no engine is needed for that.

    The contexts need no network, so that a remote, a docker-container or a kubernetes builder can run them as they are.

    [bold]Examples[/bold]

      envtool bake --demo --all > docker-bake.json && docker buildx bake --file docker-bake.json --load
    """
    from envtool.cli.progress import counters
    from envtool.image.context.bake import render_bake_document
    from envtool.image.context.make_contexts import make_contexts
    from envtool.wheel.store import get_default_store

    specs = select_specs(project, images, demo=demo, everything=everything)
    members = resolve_images(specs, vendor, demo=demo, project=project)
    with counters(phrase("making")) as progress:
        make_contexts(members, get_default_store(), progress=progress)
    print_safely(render_json_text(render_bake_document(members, lambda path: os.path.relpath(path), registry)))
