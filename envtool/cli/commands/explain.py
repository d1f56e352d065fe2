"""`envtool explain`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.terminal import print_line, print_safely

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
            raise typer.BadParameter("give an id or --from, not both")
        raise typer.Exit(_search(log))
    if id is None:
        _list_all()
        return
    kind = next((kind for kind in _list_kinds() if kind.id == id), None)
    if kind is None:
        raise typer.BadParameter(f"there is no finding or known error called {id!r}; `envtool explain` lists them")
    print_safely(kind.read_page(), end="")


def _list_kinds() -> list[ToldKind]:
    from envtool.doctor.finding_kind import FindingKind
    from envtool.known_errors.error_kind import ErrorKind
    from envtool.scan.kinds import ScanKind

    return [*FindingKind, *ErrorKind, *ScanKind]


def _list_all() -> None:
    kinds = _list_kinds()
    width = max(len(kind.id) for kind in kinds)
    for kind in kinds:
        print_safely(f"{kind.id:<{width}}  {kind.severity.value:<7}  {kind.title}")


def _search(log: Path) -> int:
    from envtool.known_errors.find import search_descriptor, search_file

    found = search_descriptor(sys.stdin.fileno()) if str(log) == "-" else search_file(log)
    for item in found.errors:
        print_line(f"{item.kind.severity.value}: {item.kind.title}  [{item.kind.id}]")
        more = f"   (and {item.count - 1} more)" if item.count > 1 else ""
        print_line(f"  line {item.line}: {item.text}{more}")
        print_line(f"  run  {item.kind.remedy}")
        print_line(f"  more envtool explain {item.kind.id}")
    if not found.errors:
        print_line(f"no known error in {found.lines} lines")
    return 1 if found.errors else 0
