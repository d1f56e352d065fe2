"""`envtool guard`: what `hac-shell` calls after an instruction. Not meant to be typed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.options import PrefixOption

if TYPE_CHECKING:
    from envtool.doctor.findings import Report

app = typer.Typer(help="Called by the guard inside HAC images.", no_args_is_help=True)

# Told apart from any status that a user's own command is likely to have.
STOPPED = 97

CommandOption = Annotated[str, typer.Option("--command", help="The instruction that has just run.")]


class Mode(StrEnum):
    """What to do about damage; the values of `HAC_GUARD`."""

    FAIL = "fail"
    WARN = "warn"
    RESTORE = "restore"


@app.command("check")
def check(
    prefix: PrefixOption = None,
    mode: Annotated[str, typer.Option("--mode", help="fail, warn or restore.")] = Mode.FAIL.value,
    command: CommandOption = "",
) -> None:
    """Look whether an instruction damaged torch, and act as the mode says."""
    from envtool.cli.render.text import render_text
    from envtool.doctor.diagnose import diagnose
    from envtool.doctor.findings import Severity, Status
    from envtool.environment.prefix import find_prefix
    from envtool.environment.reader import read_environment

    report = diagnose(read_environment(find_prefix(prefix)))
    if report.is_whole and report.status is not Status.DAMAGED:
        # What is wrong around torch is worth a line, and no reason to stop a build.
        for finding in report.findings:
            if finding.severity is Severity.WARNING:
                typer.echo(f"hac-guard: {finding.title}; type: {finding.remedy}")
        return
    known = mode in set(Mode)
    typer.echo(f"\nhac-guard: this instruction damaged the vendor torch\n  instruction  RUN {command}")
    typer.echo(render_text(report))
    for line in _ways_out(report):
        typer.echo(line)
    if not known:
        typer.echo(f"hac-guard: HAC_GUARD={mode} is none of fail, warn, restore, off; taken as fail")
    match Mode(mode) if known else Mode.FAIL:
        case Mode.FAIL:
            typer.echo("hac-guard: stopped. HAC_GUARD=warn would let the build go on with the accelerator lost")
            raise typer.Exit(STOPPED)
        case Mode.WARN:
            typer.echo("hac-guard: HAC_GUARD=warn, so the build goes on; the accelerator is lost in this image")
        case Mode.RESTORE:
            from envtool.cli.restore import restore

            typer.echo("hac-guard: HAC_GUARD=restore, so torch is put back")
            restore(prefix=prefix)


@app.command("elsewhere")
def elsewhere(
    command: CommandOption = "",
    mode: Annotated[str, typer.Option("--mode", help="fail, warn or restore.")] = Mode.FAIL.value,
) -> None:
    """Look whether an instruction put another torch into a folder or an environment of its own."""
    import os

    from envtool.guard.elsewhere import find_other_torches

    found = find_other_torches(command, Path.cwd(), os.environ)
    if not found:
        return
    typer.echo(f"\nhac-guard: this instruction installed a torch that does not see the accelerator\n  RUN {command}")
    for item in found:
        typer.echo(f"  found    torch {item.version} in {item.folder}")
    typer.echo(
        "  way out  install into the environment itself: uv pip install -r requirements.txt; for a locked project\n"
        "           uv export --no-emit-package torch | uv pip install -r -, or poetry with virtualenvs.create false"
    )
    if mode not in {Mode.WARN, Mode.RESTORE}:
        typer.echo("hac-guard: stopped. HAC_GUARD=warn would let the build go on")
        raise typer.Exit(STOPPED)


def _ways_out(report: Report) -> list[str]:
    """How to change the instruction, where installed distributions say that they want another torch."""
    from envtool.doctor.cause import demands_against
    from envtool.guard.explain import ways_out

    pin = report.pin
    demands = demands_against(report.environment, pin.torch) if pin is not None else ()
    return ways_out([(demand.name, demand.version) for demand in demands], pin) if pin is not None and demands else []


@app.command("explain")
def explain(
    log: Annotated[Path, typer.Option("--log", help="What pip or uv wrote.")],
    prefix: PrefixOption = None,
    command: CommandOption = "",
) -> None:
    """Say in plain words why pip or uv gave up, where it was because of the pinned torch."""
    from envtool.doctor.pinned import pin_of
    from envtool.environment.prefix import find_prefix
    from envtool.environment.reader import read_environment
    from envtool.guard.explain import find_conflicts, render_conflicts

    pin = pin_of(read_environment(find_prefix(prefix)))
    try:
        output = log.read_text(errors="replace")
    except OSError:
        # The instruction may have taken its own log away; its error has been printed all the same.
        return
    conflicts = find_conflicts(output, pin) if pin is not None else ()
    if pin is not None and conflicts:
        typer.echo(render_conflicts(conflicts, pin, command))
