"""`envtool list`."""

from __future__ import annotations

from typing import Annotated

import typer

from envtool.cli.options import PrefixOption, ProfileOption, PythonOption, VendorOption
from envtool.cli.terminal import print_safely
from envtool.language import phrase


def list_command(
    pattern: Annotated[
        str | None, typer.Argument(help="A regular expression for the name.", show_default=False)
    ] = None,
    prefix: PrefixOption = None,
    python: PythonOption = None,
    releases: Annotated[
        bool, typer.Option("--releases", help="Print the releases of the vendor's torch that can be had instead.")
    ] = False,
    vendor: VendorOption = None,
    profile: ProfileOption = None,  # noqa: ARG001
) -> None:
    """Print the table that `conda list` prints, with conda's and pip's packages; conda is not needed.

    [bold]Examples[/bold]

      envtool list torch

      envtool list --releases --vendor /mnt/wheels
    """
    if releases:
        from envtool.cli.render.releases import render_releases
        from envtool.environment.prefix import find_prefix
        from envtool.restore.upgrade import list_releases

        path = find_prefix(prefix, python).path
        print_safely(render_releases(list_releases(path, vendor or (), ignore_driver=True, dry_run=True)))
        return
    import re

    from envtool.environment.conda_list import list_environment_packages, render_packages
    from envtool.environment.prefix import find_prefix
    from envtool.environment.reader import read_environment

    environment = read_environment(find_prefix(prefix, python))
    try:
        rows = list_environment_packages(environment, pattern)
    except re.error as error:
        raise typer.BadParameter(
            phrase("{pattern!r} is not a regular expression: {error}", pattern=pattern, error=error)
        ) from error
    print_safely(render_packages(environment.prefix.path, rows), end="")
