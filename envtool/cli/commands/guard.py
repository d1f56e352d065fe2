"""`envtool guard`: what `hac-shell` calls after an instruction. Not meant to be typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from envtool.cli.guard_check import STOPPED, GuardMode, check_instruction
from envtool.cli.options import PrefixOption

app = typer.Typer(help="Called by the guard inside HAC images.", no_args_is_help=True)

CommandOption = Annotated[str, typer.Option("--command", help="The instruction that has just run.")]
ModeOption = Annotated[str, typer.Option("--mode", help="fail, warn or restore.")]


@app.command("check")
def check_command(
    prefix: PrefixOption = None, mode: ModeOption = GuardMode.FAIL.value, command: CommandOption = ""
) -> None:
    """Look whether an instruction damaged torch, and act as the mode says."""
    raise typer.Exit(check_instruction(prefix, mode, command))


@app.command("elsewhere")
def elsewhere_command(
    command: CommandOption = "",
    mode: ModeOption = GuardMode.FAIL.value,
) -> None:
    """Look whether an instruction put another torch into a folder or an environment of its own."""
    import os

    from envtool.guard.other_torch import find_other_torches

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
    if mode not in {GuardMode.WARN, GuardMode.RESTORE}:
        typer.echo("hac-guard: stopped. HAC_GUARD=warn would let the build go on")
        raise typer.Exit(STOPPED)


@app.command("explain")
def explain_command(
    log: Annotated[Path, typer.Option("--log", help="What pip or uv wrote.")],
    prefix: PrefixOption = None,
    command: CommandOption = "",
) -> None:
    """Say in plain words why pip or uv gave up, where it was because of the pinned torch."""
    from envtool.environment.effective_pin import find_effective_pin
    from envtool.environment.prefix import find_prefix
    from envtool.environment.reader import read_environment
    from envtool.guard.explain import find_conflicts, render_conflicts

    pin = find_effective_pin(read_environment(find_prefix(prefix)))
    try:
        output = log.read_text(errors="replace")
    except OSError:
        # The instruction may have taken its own log away; its error has been printed all the same.
        return
    conflicts = find_conflicts(output, pin) if pin is not None else ()
    if pin is not None and conflicts:
        typer.echo(render_conflicts(conflicts, pin, command))
