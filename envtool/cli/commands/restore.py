"""`envtool restore`: puts the pinned vendor torch and its companions back."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.options import PrefixOption, ProfileOption, PythonOption, VendorOption
from envtool.cli.terminal import print_line, print_safely
from envtool.language import phrase, tell

if TYPE_CHECKING:
    from envtool.restore.plan import RestorePlan, UserSiteRemoval
    from envtool.restore.restore import RestoreRequest


class RestoreFormat(StrEnum):
    """How to print what a restore plans and does."""

    TEXT = "text"
    JSON = "json"


ForceOption = Annotated[bool, typer.Option("--force", help="Put everything back anew, also what is healthy.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and change nothing.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
KeepOrphansOption = Annotated[
    bool,
    typer.Option("--keep-orphans", help="Leave what only the intruder brought, such as triton."),
]
IgnoreDriverOption = Annotated[
    bool, typer.Option("--ignore-driver", help="Take a release that this machine's driver does not serve, too.")
]
PlanFormatOption = Annotated[RestoreFormat, typer.Option("--format", help="How to print the plan and the outcome.")]


def restore_command(
    prefix: PrefixOption = None,
    python: PythonOption = None,
    vendor: VendorOption = None,
    release: Annotated[
        str | None,
        typer.Option("--release", help="The vendor's release, such as 22.8.0.", show_default=False),
    ] = None,
    force: ForceOption = False,
    dry_run: DryRunOption = False,
    keep_orphans: KeepOrphansOption = False,
    yes: YesOption = False,
    ignore_driver: IgnoreDriverOption = False,
    format: PlanFormatOption = RestoreFormat.TEXT,
    profile: ProfileOption = None,  # noqa: ARG001
) -> None:
    """Put the pinned vendor torch and its companions back, offline where the store has their wheels.

    Every file is hashed first; where a few differ, those are put back, else the distribution. With --vendor, the
    newest release there that fits becomes the environment's pin (the release it had before, where that is there as
    well).

    [bold]Examples[/bold]

      envtool restore

      envtool restore --dry-run --format json

      envtool restore --prefix /opt/conda/envs/pytorch --vendor /mnt/wheels
    """
    from envtool.release.release_filter import ReleaseFilter
    from envtool.restore.restore import RestoreRequest

    request = RestoreRequest(
        command="envtool restore" + (" --force" if force else ""),
        prefix=prefix,
        python=python,
        vendor=tuple(vendor or ()),
        release=ReleaseFilter(release=release),
        force=force,
        dry_run=dry_run,
        keep_orphans=keep_orphans,
        ignore_driver=ignore_driver,
    )
    raise typer.Exit(0 if run_restore(request, yes=yes, format=format) else 1)


def put_back(prefix: Path | None, command: str) -> bool:
    """Restore an environment to its own pin for another command. Returns whether all is well then."""
    from envtool.restore.restore import RestoreRequest

    return run_restore(RestoreRequest(command=command, prefix=prefix))


def run_restore(request: RestoreRequest, *, yes: bool = False, format: RestoreFormat = RestoreFormat.TEXT) -> bool:
    """Restore with the terminal's prompts and progress, and print the plan and the outcome.

    `yes` answers every question. Returns whether all is well then. Raises `EnvtoolError`.
    """
    from envtool.cli.progress import progress_bars
    from envtool.cli.render.restore import render_document, render_outcome, render_plan
    from envtool.cli.terminal import note
    from envtool.restore.restore import RestoreStatus, restore

    def show_plan(plan: RestorePlan) -> None:
        if format is RestoreFormat.TEXT:
            print_safely(render_plan(plan), flush=True, is_prose=True)

    result = restore(
        request,
        confirm=lambda copy: yes or _confirm_removal(copy),
        show_plan=show_plan,
        note=note,
        display=progress_bars,
    )
    if result.status is RestoreStatus.RESTORED and result.plan.pin.stand_in:
        note(phrase("note: these are stand-ins for the vendor's wheels; they compute nothing"))
    text = render_document(result) if format is RestoreFormat.JSON else render_outcome(result)
    if text:
        print_safely(text)
    return result.is_in_order


def _confirm_removal(copy: UserSiteRemoval) -> bool:
    from envtool.cli.terminal import note

    what = tell("{name} {version} in {folder}", name=copy.name, version=copy.version, folder=copy.folder)
    if _is_interactive() and confirm(phrase("take away {what}, which hides the vendor's?", what=what)):
        return True
    note(phrase("left: {what}, which hides the vendor's; --yes takes it away", what=what))
    return False


def confirm(question: str) -> bool:
    """Ask on the terminal, or read a line of what is piped in; anything but yes is no."""
    print_line(f"{question} (y/n, default:n) ", end="", file=sys.stderr, flush=True)
    try:
        answer = sys.stdin.readline() if sys.stdin is not None else ""
    except (OSError, ValueError):
        answer = ""
    if not _is_interactive():
        print_line("", file=sys.stderr)
    return answer.strip().lower() in {"y", "yes"}


def _is_interactive() -> bool:
    # A program may have been started with no standard input at all.
    return sys.stdin is not None and sys.stdin.isatty()
