"""`envtool explain`."""

from __future__ import annotations

from typing import Annotated

import typer

from envtool.cli.terminal import print_safely


def explain_command(
    id: Annotated[
        str | None, typer.Argument(metavar="ID", help="A finding's id, as doctor prints it.", show_default=False)
    ] = None,
) -> None:
    """Print what a finding of doctor means, how it comes about and what to do; without an id, list all findings.

    [bold]Example[/bold]

      envtool explain torch-replaced
    """
    from envtool.doctor.explanation import find_kind, read_page
    from envtool.doctor.finding_kind import FindingKind

    if id is None:
        width = max(len(kind.id) for kind in FindingKind)
        for kind in FindingKind:
            print_safely(f"{kind.id:<{width}}  {kind.severity.value:<7}  {kind.title}")
        return
    found = find_kind(id)
    if found is None:
        raise typer.BadParameter(f"there is no finding called {id!r}; `envtool explain` lists them")
    print_safely(read_page(found), end="")
