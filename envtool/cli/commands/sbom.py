"""`envtool sbom`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from envtool.cli.options import OutputOption, PlatformOption, ProjectOption, StoredImageArgument
from envtool.cli.report_format import SbomFormat


def sbom_command(
    reference: StoredImageArgument,
    format: Annotated[SbomFormat, typer.Option("--format", help="How to print it.")] = SbomFormat.JSON,
    output: OutputOption = None,
    platform: PlatformOption = None,
    project: ProjectOption = Path(),
) -> None:
    """Print what is in an image as a CycloneDX 1.6 document, or a page: Debian's, conda's and Python's packages.

    [bold]Examples[/bold]

      envtool sbom my-training:latest -o my-training.cdx.json

      envtool sbom my-training:latest --format html -o my-training.html
    """
    import calendar
    import json
    import time

    from envtool.cli.output import print_report
    from envtool.image.read.layer import FileSelector
    from envtool.image.read.overlay import merge_layers
    from envtool.image.read.reference import read_image
    from envtool.image.sbom.document import SbomSubject, render_sbom
    from envtool.image.sbom.inventory import list_packages, select_for_sbom
    from envtool.image.spec.labels import OCI

    image = read_image(reference, FileSelector(select_for_sbom), project=project, platform=platform)
    created = str(image.configuration.get("created") or image.labels.get(f"{OCI}created") or "")
    try:
        epoch = calendar.timegm(time.strptime(created[:19], "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        epoch = 0
    text = render_sbom(list_packages(merge_layers(image.layers).entries), SbomSubject(reference, image.identity, epoch))
    document = json.loads(text)
    if format is SbomFormat.HTML:
        from envtool.cli.render.html.reports import render_sbom_page

        print_report(render_sbom_page(document), output)
    else:
        from envtool.cli.render.json_text import render_json_text

        print_report(render_json_text(document, indent=1), output)
