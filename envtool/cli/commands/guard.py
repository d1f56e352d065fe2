"""`envtool guard`: runs a command, and says what it did to torch."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.options import PrefixOption, ProfileOption, PythonOption
from envtool.cli.terminal import note, print_safely
from envtool.language import tell, translate
from envtool.printable import join_lines, one_line

if TYPE_CHECKING:
    from envtool.guard.guarded_run import GuardedRunResult

app = typer.Typer(help="Run what installs, and see what it did to torch.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Run what installs, and see what it did to torch."""


@app.command("run", context_settings={"ignore_unknown_options": True})
def run_command(
    command: Annotated[list[str], typer.Argument(help="The command, behind `--`.", metavar="-- COMMAND…")],
    prefix: PrefixOption = None,
    python: PythonOption = None,
    profile: ProfileOption = None,  # noqa: ARG001
) -> None:
    """Run a command, and stop with status 97 where it damaged the vendor's torch; anywhere, not only in the images.

    Looks before and afterwards, in the environment that the command works in. The command has the terminal, and its
    own exit status is kept. HAC_GUARD=warn says it only, HAC_GUARD=restore puts torch back, HAC_GUARD=off does nothing.

    [bold]Examples[/bold]

      envtool guard run -- pip install timm

      envtool guard run --prefix .venv -- bash setup.sh

      HAC_GUARD=warn envtool guard run -- make install
    """
    from envtool.cli.guard_report import STOPPED, GuardMode
    from envtool.guard.guarded_run import NOT_FOUND, NOT_RUN, GuardedRunRequest, run_guarded

    named = os.environ.get("HAC_GUARD") or GuardMode.FAIL.value
    if named == "off":
        os.execvp(command[0], command)  # noqa: S606 (it is what the person asked for)
    mode = GuardMode(named) if named in set(GuardMode) else GuardMode.FAIL
    if named != mode.value:
        note(tell("guard: HAC_GUARD={named} is none of fail, warn, restore, off; taken as fail", named=named))
    result = run_guarded(GuardedRunRequest(command=tuple(command), prefix=prefix, python=python))
    if result.status in {NOT_FOUND, NOT_RUN}:
        note(tell("guard: {program} cannot be run", program=command[0]))
    text = join_lines(map(translate, _render_result(result, command)))
    if text:
        print_safely(text, file=sys.stderr, is_prose=True)
    if not result.damage or mode is GuardMode.WARN:
        raise typer.Exit(result.status)
    if mode is GuardMode.FAIL:
        raise typer.Exit(STOPPED)
    from envtool.cli.commands.restore import put_back

    raise typer.Exit(result.status if put_back(result.prefix.path, "envtool guard run") else STOPPED)


def _render_result(result: GuardedRunResult, command: Sequence[str]) -> Iterator[str]:
    """What happened, in the words of the vendor; nothing where all is as it was and well."""
    from envtool.cli.guard_report import suggest_for_report

    path, pin = result.prefix.path, result.pin
    if pin is None:
        yield tell("guard: {path} had no vendor's torch that is known here; nothing was looked after", path=path)
        yield tell("  next         {command}", command="envtool profile list")
        return
    title = pin.profile.title
    if not result.damage:
        if result.before.torch_is_intact and result.status:
            yield tell(
                "guard: the command failed; {title}, torch {version}, is as it was", title=title, version=pin.version
            )
        elif not result.before.torch_is_intact:
            yield tell("guard: {title} was damaged before already: {command}", title=title, command="envtool doctor")
        return
    words = shlex.join(command)
    yield tell("guard: this command damaged {title}: {lost}", title=title, lost=pin.profile.cure.lost)
    yield tell("  command      {command}", command=one_line(words))
    yield tell("  there was    torch {version} in {path}", version=pin.version, path=path)
    causes: list[str] = []
    for finding in result.damage:
        yield tell("  found        {title} [{id}]", title=finding.title, id=finding.id)
        if finding.cause and finding.cause not in causes:
            causes.append(finding.cause)
            yield tell("  cause        {cause}", cause=finding.cause)
    yield from suggest_for_report(result.after, words, place=str(path))
    for remedy in dict.fromkeys(finding.remedy for finding in result.damage if finding.remedy):
        yield tell("  back         {remedy}", remedy=remedy)
