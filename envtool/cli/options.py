"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

PrefixOption = Annotated[
    Path | None,
    typer.Option(
        "--prefix",
        "-p",
        help="The environment's folder. Default: CONDA_PREFIX, VIRTUAL_ENV, or the python on PATH.",
        show_default=False,
    ),
]
PythonOption = Annotated[
    Path | None,
    typer.Option("--python", help="An interpreter of the environment, instead of its folder.", show_default=False),
]
VendorOption = Annotated[
    list[str] | None,
    typer.Option(
        "--vendor",
        help="A folder of vendor wheels or the address of a wheel index; may be repeated. "
        "Default: HAC_VENDOR, then what `envtool vendor add` kept.",
        show_default=False,
    ),
]
ProjectOption = Annotated[
    Path,
    typer.Option("--project", help="The folder that holds images/images.toml and lockfiles/.", show_default="."),
]


class Format(StrEnum):
    """How to print a report."""

    TEXT = "text"
    JSON = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="How to print the report.")]
