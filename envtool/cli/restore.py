"""`envtool restore`, and `update-moreh`, the same under its familiar name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.options import PrefixOption, PythonOption, VendorOption

if TYPE_CHECKING:
    from envtool.environment.reader import Environment
    from envtool.restore.plan import RestorePlan
    from envtool.vendor.choose import Choice
    from envtool.vendor.pin import VendorPin
    from envtool.vendor.release import Wanted

ForceOption = Annotated[bool, typer.Option("--force", help="Put everything back anew, also what is healthy.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and change nothing.")]


def restore(
    prefix: PrefixOption = None,
    python: PythonOption = None,
    vendor: VendorOption = None,
    release: Annotated[
        str | None,
        typer.Option("--release", help="The vendor's release, such as 22.8.0.", show_default=False),
    ] = None,
    force: ForceOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Put the pinned vendor torch and its companions back, offline where the store has their wheels.

    With --vendor, the newest release there that fits becomes the environment's pin (the release it had
    before, where that is there as well).

    [bold]Examples[/bold]

      envtool restore

      envtool restore --dry-run

      envtool restore --prefix /opt/conda/envs/pytorch --vendor /mnt/wheels
    """
    done = _restore(prefix, python, vendor, release, None, force=force, dry_run=dry_run, called="envtool restore")
    raise typer.Exit(0 if done else 1)


def update_moreh(
    force: ForceOption = False,
    dry_run: DryRunOption = False,
    target: Annotated[
        str | None, typer.Option("--target", help="The vendor's release, such as 22.8.0.", show_default=False)
    ] = None,
    torch: Annotated[
        str | None, typer.Option("--torch", help="The torch version, such as 1.7.1.", show_default=False)
    ] = None,
    prefix: PrefixOption = None,
    vendor: VendorOption = None,
) -> None:
    """Put the vendor torch back: `envtool restore` under its familiar name."""
    done = _restore(prefix, None, vendor, target, torch, force=force, dry_run=dry_run, called="update-moreh")
    raise typer.Exit(0 if done else 1)


def put_back(prefix: Path | None, called: str) -> bool:
    """Restore an environment to its own pin, for another command that found it damaged; whether all is well then."""
    return _restore(prefix, None, None, None, None, force=False, dry_run=False, called=called)


def _restore(
    prefix: Path | None,
    python: Path | None,
    vendor: list[str] | None,
    release: str | None,
    torch: str | None,
    *,
    force: bool,
    dry_run: bool,
    called: str,
) -> bool:
    """Do it, and tell whether all is well afterwards."""
    from envtool.cli.progress import progress_bars
    from envtool.cli.terminal import note
    from envtool.doctor.diagnose import diagnose
    from envtool.doctor.findings import Status
    from envtool.environment.prefix import find_prefix
    from envtool.environment.reader import read_environment
    from envtool.restore.perform import keep_pin, perform, recover
    from envtool.restore.plan import plan_restore, render_plan
    from envtool.vendor.pin import PinOrigin
    from envtool.vendor.release import Wanted

    found = find_prefix(prefix, python)
    if not dry_run and recover(found):
        note("completed a restore that had been broken off")
    wanted = Wanted(release=release, torch=torch)
    environment = read_environment(found)
    if not vendor and not force and wanted == Wanted() and (healthy := _healthy_pin(environment)) is not None:
        typer.echo(f"{found.path}: nothing to do\nAlready installed : {healthy.version}")
        return True
    choice = _choose(environment, vendor, wanted)
    plan = plan_restore(diagnose(environment, choice.pin), choice, force=force)
    typer.echo(render_plan(plan))
    if dry_run:
        return True
    if plan.is_empty:
        if choice.pin.origin is PinOrigin.SOURCE:
            keep_pin(found, choice.pin)
        typer.echo(f"Already installed : {choice.pin.version}")
    else:
        with progress_bars("unpacking") as advance:
            outcome = perform(plan, reason=called + (" --force" if force else ""), progress=advance)
        _warn_of_stand_in(plan)
        typer.echo(f"restored: {', '.join(outcome.changed) or 'leftovers removed'}; pinned {choice.pin.version}")
    after = diagnose(read_environment(found), choice.pin)
    if after.status is Status.DAMAGED:
        typer.echo(f"still damaged: {after.findings[0].title}\n  type   {after.findings[0].remedy}")
    return after.status is not Status.DAMAGED


def _healthy_pin(environment: Environment) -> VendorPin | None:
    """The pin of an environment that lacks nothing, so that not even its wheels need be at hand; else `None`."""
    from envtool.doctor.diagnose import diagnose
    from envtool.doctor.findings import Status
    from envtool.doctor.pinned import pin_of

    pin = pin_of(environment)
    if pin is None or pin.torch.sha256 is None:
        return None
    report = diagnose(environment, pin)
    return pin if report.is_whole and report.status is not Status.DAMAGED else None


def _choose(environment: Environment, vendor: list[str] | None, wanted: Wanted) -> Choice:
    """Named sources decide the pin; without them the environment's own pin does, and sources only supply it."""
    from dataclasses import replace

    from envtool.doctor.pinned import pin_of
    from envtool.errors import ReleaseError
    from envtool.vendor.choose import choose_from_sources, choose_pinned
    from envtool.vendor.release import Wanted
    from envtool.vendor.source.configured import configured_sources, open_source
    from envtool.vendor.store import default_store

    sources = [open_source(item.address) for item in configured_sources(vendor or ())]
    store = default_store()
    free = wanted == Wanted()
    try:
        pin = pin_of(environment)
    except ReleaseError:
        if not vendor:
            raise
        pin = None
    if pin is None or not free:
        return choose_from_sources(environment.prefix.python, sources, wanted, store)
    if not vendor and pin.torch.sha256 is not None:
        return choose_pinned(pin, sources, store)
    # The version the environment had before is what its owner expects back.
    exact = replace(wanted, version=pin.torch.version)
    if not vendor:
        return choose_from_sources(environment.prefix.python, sources, exact, store)
    try:
        return choose_from_sources(environment.prefix.python, sources, exact, store)
    except ReleaseError:
        return choose_from_sources(environment.prefix.python, sources, wanted, store)


def _warn_of_stand_in(plan: RestorePlan) -> None:
    from envtool.cli.terminal import note

    if plan.pin.stand_in:
        note("note: these are stand-ins for the vendor's wheels; they compute nothing")
