"""`envtool flavour`."""

from __future__ import annotations

from typing import Annotated

import typer

from envtool.cli.terminal import note, print_line
from envtool.language import phrase


def flavour_command(
    name: Annotated[
        str | None, typer.Argument(help="The flavour to change to. Default: list them.", show_default=False)
    ] = None,
) -> None:
    """List the accelerator's flavours, or change to one by its name, with the service's own program, and verify it.

    A job that holds the accelerator is named, and nothing is changed.

    [bold]Examples[/bold]

      envtool flavour

      envtool flavour xLarge.512GB
    """
    from envtool.driver.flavour import FlavourRequest, select_flavour
    from envtool.release.read_profile import load_service

    result = select_flavour(FlavourRequest(name=name))
    if name is None:
        for known in result.names:
            print_line(f"{'*' if known == result.current else ' '} {known}")
        return
    if result.previous in {None, result.current}:
        print_line(f"{result.current}")
    else:
        print_line(phrase("{name}, before {previous}", name=result.current, previous=result.previous))
    if not result.is_verified:
        note(load_service().words.flavour_untold)
