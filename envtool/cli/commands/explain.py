"""`envtool explain`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.options import PlainFormatOption
from envtool.cli.report_format import PlainFormat
from envtool.cli.terminal import print_safely
from envtool.language import get_language, phrase, translate
from envtool.printable import pad

if TYPE_CHECKING:
    from envtool.told_kind import ToldKind


def explain_command(
    id: Annotated[
        str | None,
        typer.Argument(
            metavar="ID", help="The id of a finding of doctor or scan, or of a known error.", show_default=False
        ),
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="LOGFILE", help="Find known errors in a program's output; - reads it.", show_default=False
        ),
    ] = None,
    format: PlainFormatOption = PlainFormat.TEXT,
) -> None:
    """Print what a finding or a known error means, how it comes about and what to do; without an id, list all.

    With --from, name the known errors in what a program printed: exit status 1 where there is one.

    [bold]Examples[/bold]

      envtool explain torch-replaced

      envtool explain --from train.log

      python train.py 2>&1 | envtool explain --from -
    """
    if log is not None:
        if id is not None:
            raise typer.BadParameter(phrase("give an id or --from, not both"))
        raise typer.Exit(_search(log, format))
    if format is not PlainFormat.TEXT:
        raise typer.BadParameter(phrase("--format goes with --from"))
    if id is None:
        _list_all()
        return
    kind = next((kind for kind in list_kinds() if kind.id == id), None)
    if kind is None:
        raise typer.BadParameter(
            phrase("there is no finding or known error called {id!r}; `envtool explain` lists them", id=id)
        )
    print_safely(kind.read_page(get_language()), end="", is_prose=True)


def list_kinds() -> list[ToldKind]:
    """Every kind of thing that has a page, by the room that it is of."""
    from envtool.doctor.finding_kind import FindingKind
    from envtool.known_errors.error_kind import ErrorKind
    from envtool.scan.kinds import ScanKind

    return [*FindingKind, *ErrorKind, *ScanKind]


def _list_all() -> None:
    kinds = list_kinds()
    width = max(len(kind.id) for kind in kinds)
    for kind in kinds:
        severity, title = pad(translate(kind.severity.value), 7), translate(kind.title)
        print_safely(f"{kind.id:<{width}}  {severity}  {title}", is_prose=True)


def _search(log: Path, format: PlainFormat) -> int:
    from envtool.cli.output import print_report
    from envtool.cli.render.known_errors import render_known_errors
    from envtool.known_errors.find import search_descriptor, search_file

    found = search_descriptor(sys.stdin.fileno()) if str(log) == "-" else search_file(log)
    print_report(render_known_errors(found, format), None, is_prose=format is PlainFormat.TEXT)
    return 1 if found.errors else 0
