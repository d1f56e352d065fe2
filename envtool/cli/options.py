"""Options that several commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from envtool.cli.report_format import Format, PlainFormat
from envtool.release.read_profile import load_service

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


def _use_profile(name: str | None) -> str | None:
    """Name the profile for this process and those that it starts, as HAC_PROFILE does. Raises `SettingsError`."""
    if name is not None:
        from envtool.release.read_profile import load_profile
        from envtool.release.select_profile import ENVIRONMENT_VARIABLE

        load_profile(name)
        os.environ[ENVIRONMENT_VARIABLE] = name
    return name


ProfileOption = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="NAME",
        callback=_use_profile,
        help="Whose torch it is (envtool profile list), or a profile's file. Default: HAC_PROFILE, then hac.toml, "
        "then what is installed.",
        show_default=False,
    ),
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


FormatOption = Annotated[Format, typer.Option("--format", help="How to print the report.")]
PlainFormatOption = Annotated[PlainFormat, typer.Option("--format", help="How to print it.")]
ImageOption = Annotated[
    str | None,
    typer.Option(
        "--image",
        help="Look into an image, without running it: a name in the engine, an archive, an OCI folder, or docker://NAME.",
        show_default=False,
    ),
]
ContainerOption = Annotated[
    str | None, typer.Option("--container", help="Look into a container, running or stopped.", show_default=False)
]
TimeLimitOption = Annotated[
    float | None, typer.Option("--time-limit", help="Seconds for --probe. Default: 120.", min=1, show_default=False)
]
RunModelOption = Annotated[
    str | None,
    typer.Option(
        "--run-model",
        metavar="NAME",
        help="Train a model of `envtool models list` inside as well.",
        show_default=False,
    ),
]
ModelTimeLimitOption = Annotated[
    float | None,
    typer.Option("--time-limit", help="Seconds for a model's training. Default: 600.", min=1, show_default=False),
]
DriverOption = Annotated[
    bool | None,
    typer.Option("--driver/--no-driver", help=load_service().words.ask_driver, show_default=False),
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write the report to a file.", show_default=False)
]
IgnoreOption = Annotated[
    list[str] | None,
    typer.Option("--ignore", metavar="ID", help="Leave a finding out of the verdict; repeatable.", show_default=False),
]
DeepOption = Annotated[bool, typer.Option("--deep", help="Hash every file of torch, not only look for it.")]
ProbeOption = Annotated[
    bool, typer.Option("--probe", help="Import torch in the environment and compute on the accelerator.")
]
StrictOption = Annotated[bool, typer.Option("--strict", help="Let notes count for the verdict.")]
OutputFolderOption = Annotated[
    Path | None,
    typer.Option(
        "--write-fixed", metavar="OUT", help="Write files that are safe into the folder OUT.", show_default=False
    ),
]
FixOption = Annotated[bool, typer.Option("--fix", help="Put torch back, and say what is left to you.")]
PlatformOption = Annotated[
    str | None,
    typer.Option(
        "--platform",
        help="Which image of a manifest list, as linux/amd64. Default: this machine's.",
        show_default=False,
    ),
]
StoredImageArgument = Annotated[
    str,
    typer.Argument(
        help="An image: a name in the engine, an archive of docker save or OCI, an OCI folder, or docker://NAME.",
        show_default=False,
    ),
]
