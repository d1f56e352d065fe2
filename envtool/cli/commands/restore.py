"""`envtool restore`: puts the pinned vendor torch and its companions back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from envtool.cli.options import PrefixOption, PythonOption, VendorOption
from envtool.cli.run_restore import RestoreFormat, RestoreRequest, run_restore

ForceOption = Annotated[bool, typer.Option("--force", help="Put everything back anew, also what is healthy.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and change nothing.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
KeepOrphansOption = Annotated[
    bool, typer.Option("--keep-orphans", help="Leave what only the intruder brought: nvidia-*, triton and so on.")
]
UnaskedDriverOption = Annotated[
    bool, typer.Option("--no-driver", help="Take a release that this machine's driver does not serve, too.")
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
    no_driver: UnaskedDriverOption = False,
    format: PlanFormatOption = RestoreFormat.TEXT,
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

    request = RestoreRequest(
        "envtool restore" + (" --force" if force else ""),
        prefix,
        python,
        tuple(vendor or ()),
        ReleaseFilter(release=release),
        force=force,
        dry_run=dry_run,
        keep_orphans=keep_orphans,
        yes=yes,
        driver=not no_driver,
        format=format,
    )
    raise typer.Exit(0 if run_restore(request) else 1)


def put_back(prefix: Path | None, called: str) -> bool:
    """Restore an environment to its own pin, for another command that found it damaged; whether all is well then."""
    return run_restore(RestoreRequest(called, prefix))
