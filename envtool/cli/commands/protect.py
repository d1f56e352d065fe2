"""`envtool protect`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.options import PrefixOption, ProfileOption, PythonOption
from envtool.cli.terminal import note, print_line, print_safely
from envtool.language import phrase, tell, translate
from envtool.printable import pad

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
            raise typer.BadParameter(tell("--print shows what would be kept; leave --undo out"))
        # Nothing but the text: it goes into a file.
        print_safely(find_protected_pin(prefix, python).render_constraints(), end="")
        return
    result = protect(ProtectRequest(prefix=prefix, python=python, undo=undo, dry_run=dry_run))
    _print_result(result, undo=undo, dry_run=dry_run)


def _print_result(result: ProtectResult, *, undo: bool, dry_run: bool) -> None:
    path = result.prefix.path
    if not result.edits:
        text = (
            tell("{path}: nothing to do; it is not protected", path=path)
            if undo
            else tell("{path}: nothing to do; it is protected already", path=path)
        )
        print_line(translate(text))
        return
    print_line(_render_done(result, undo=undo, dry_run=dry_run))
    for edit in result.edits:
        word = tell("removes") if edit.after is None else tell("changes") if edit.before is not None else tell("writes")
        print_line(f"  {pad(translate(word), 8)} {edit.path}")
    if result.pin is None:
        return
    if os.environ.get("PIP_CONSTRAINT"):
        note(tell("PIP_CONSTRAINT is set, and takes the place of what pip.conf says: unset PIP_CONSTRAINT"))
    command = f"uv pip install --constraint {_find_file(result)}"
    note(tell("uv is held where the environment is activated; else: {command}", command=command))


def _render_done(result: ProtectResult, *, undo: bool, dry_run: bool) -> str:
    path = result.prefix.path
    if result.pin is None and undo:
        if dry_run:
            return phrase("{path}: the protection would be taken back", path=path)
        return phrase("{path}: the protection is taken back", path=path)
    kept = ", ".join(f"{item.name} {item.version}" for item in result.pin.distributions) if result.pin else ""
    if undo:
        return phrase(
            "{path}: {kept} would be taken back" if dry_run else "{path}: {kept} taken back", path=path, kept=kept
        )
    return phrase("{path}: {kept} would be kept" if dry_run else "{path}: {kept} kept", path=path, kept=kept)


def _find_file(result: ProtectResult) -> str:
    from envtool.protect.plan import CONSTRAINTS

    return str(result.prefix.path / CONSTRAINTS)
