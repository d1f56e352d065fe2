"""`envtool protect`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.options import PrefixOption, ProfileOption, PythonOption
from envtool.cli.terminal import note, print_line, print_safely

if TYPE_CHECKING:
    from envtool.protect.protect import ProtectResult


def protect_command(
    prefix: PrefixOption = None,
    python: PythonOption = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take it back: every file as it was.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and change nothing.")] = False,
    show: Annotated[
        bool, typer.Option("--print", help="Print the constraints only, for a file of your own; change nothing.")
    ] = False,
    profile: ProfileOption = None,  # noqa: ARG001
) -> None:
    """Keep pip, uv and conda from changing torch in an environment that is there; --undo takes it back.

    Writes the pin and constraints for the vendor's distributions alone into the environment: pip.conf, uv.toml and
    what activates it, and conda's pinned. What these files say already stays.

    [bold]Examples[/bold]

      envtool protect --prefix /opt/conda/envs/pytorch

      envtool protect --prefix .venv --profile cpu

      envtool protect --prefix .venv --undo

      envtool protect --print > constraints.txt
    """
    from envtool.protect.protect import ProtectRequest, find_protected_pin, protect

    if show:
        if undo:
            raise typer.BadParameter("--print shows what would be kept; leave --undo out")
        # Nothing but the text: it goes into a file.
        print_safely(find_protected_pin(prefix, python).render_constraints(), end="")
        return
    result = protect(ProtectRequest(prefix=prefix, python=python, undo=undo, dry_run=dry_run))
    _print_result(result, undo=undo, dry_run=dry_run)


def _print_result(result: ProtectResult, *, undo: bool, dry_run: bool) -> None:
    path = result.prefix.path
    if not result.edits:
        print_line(f"{path}: nothing to do; " + ("it is not protected" if undo else "it is protected already"))
        return
    done = ("would be taken back" if dry_run else "taken back") if undo else "would be kept" if dry_run else "kept"
    if result.pin is None:
        print_line(f"{path}: the protection is {done}" if not dry_run else f"{path}: the protection {done}")
    else:
        kept = ", ".join(f"{item.name} {item.version}" for item in result.pin.distributions)
        print_line(f"{path}: {kept} {done}")
    for edit in result.edits:
        word = "removes" if edit.after is None else "changes" if edit.before is not None else "writes"
        print_line(f"  {word:<8} {edit.path}")
    if result.pin is None:
        return
    if os.environ.get("PIP_CONSTRAINT"):
        note("PIP_CONSTRAINT is set, and takes the place of what pip.conf says: unset PIP_CONSTRAINT")
    note("uv is held where the environment is activated; else: uv pip install --constraint " + str(_find_file(result)))


def _find_file(result: ProtectResult) -> str:
    from envtool.protect.plan import CONSTRAINTS

    return str(result.prefix.path / CONSTRAINTS)
