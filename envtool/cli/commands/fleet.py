"""`envtool fleet`: many machines and images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from envtool.cli.options import OutputOption, PrefixOption
from envtool.cli.report_format import FleetFormat
from envtool.language import phrase

app = typer.Typer(help="Many machines and images: one report, and what has them report.", no_args_is_help=True)


@app.command("report")
def report_command(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE|DIR...",
            help="JSON of doctor, verify and jobs; of a folder every .json and .jsonl in it.",
            show_default=False,
        ),
    ],
    format: Annotated[FleetFormat, typer.Option("--format", help="How to print it.")] = FleetFormat.TEXT,
    output: OutputOption = None,
) -> None:
    """Sum up what many machines and images said: how each stands and since when, which releases, whose fault.

    Exit status 0: all is well; 1: something is not; 24: all that could be read is, and a file could not be. Such files
    are named and skipped. A look that is there twice, and an image that has several tags, count once.

    [bold]Examples[/bold]

      envtool doctor --format json --output reports/$(hostname).json

      envtool fleet report reports

      envtool fleet report reports sweep/*.json --format json -o fleet.json
    """
    from envtool.cli.output import print_report
    from envtool.cli.render.fleet import render_fleet
    from envtool.cli.terminal import note
    from envtool.fleet.report_fleet import FleetRequest, report_fleet

    report = report_fleet(FleetRequest(paths=tuple(paths)))
    print_report(render_fleet(report, format), output, is_prose=format is FleetFormat.TEXT)
    if format is not FleetFormat.TEXT or output is not None:
        for item in report.skipped:
            note(phrase("skipped {path}: {reason}", path=item.path, reason=item.reason))
    raise typer.Exit(report.exit_status)


@app.command("units")
def units_command(
    prefix: PrefixOption = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The folder to write them into.", show_default="print them"),
    ] = None,
    textfiles: Annotated[
        Path | None,
        typer.Option(
            "--textfiles",
            help="Where the node exporter looks for metrics.",
            show_default="/var/lib/prometheus/node-exporter",
        ),
    ] = None,
    program: Annotated[
        Path | None, typer.Option("--program", help="envtool, as the machine has it.", show_default="this one")
    ] = None,
    minutes: Annotated[int, typer.Option("--every", min=1, max=1440, help="Minutes between two looks of doctor.")] = 15,
    user: Annotated[str, typer.Option("--user", help="Who runs them.")] = "root",
) -> None:
    """Write systemd units that keep metrics of doctor and jobs up to date for Prometheus' node exporter.

    [bold]Examples[/bold]

      envtool fleet units --prefix /opt/conda/envs/pytorch -o /etc/systemd/system

      systemctl daemon-reload && systemctl enable --now hac-doctor.timer hac-jobs.timer
    """
    from envtool.cli.output import write_output
    from envtool.cli.terminal import note, print_safely
    from envtool.environment.prefix import find_prefix
    from envtool.fleet.units import TEXTFILES, UnitsRequest, render_units

    request = UnitsRequest(
        program=_find_program(program),
        prefix=find_prefix(prefix).path.absolute(),
        textfiles=(textfiles or TEXTFILES).absolute(),
        minutes=minutes,
        user=user,
    )
    _require_lines(request.program, request.prefix, request.textfiles, user)
    for name, text in render_units(request).items():
        if output is None:
            print_safely(f"# {name}\n{text}")
        else:
            write_output(output / name, text)
            note(phrase("wrote {path}", path=output / name))


def _find_program(given: Path | None) -> Path:
    import shutil
    import sys

    # The command that was typed, else that of this Python's environment.
    found = given or shutil.which(sys.argv[0]) or Path(sys.executable).parent / "envtool"
    return Path(found).absolute()


def _require_lines(*values: object) -> None:
    for value in values:
        if not str(value).isprintable():
            raise typer.BadParameter(
                phrase("{value!r} cannot stand in a unit: it has characters that end a line", value=str(value))
            )
