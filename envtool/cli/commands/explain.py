"""`envtool explain`."""

from __future__ import annotations

from typing import Annotated

import typer


def explain_command(
    identity: Annotated[
        str | None, typer.Argument(metavar="ID", help="A finding's id, as doctor prints it.", show_default=False)
    ] = None,
) -> None:
    """Print what a finding of doctor means, how it comes about and what to do; without an id, the list of ids.

    [bold]Example[/bold]

      envtool explain torch-replaced
    """
    from envtool.doctor.explanation import list_finding_ids, read_page

    if identity is None:
        for known in list_finding_ids():
            typer.echo(known)
        return
    page = read_page(identity)
    if page is None:
        raise typer.BadParameter(f"there is no finding called {identity!r}; `envtool explain` lists them")
    typer.echo(page, nl=False)
