"""`update-moreh`: a restore under its familiar name, and the vendor's releases in its familiar words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.commands.restore import DryRunOption, ForceOption, KeepOrphansOption, UnaskedDriverOption, YesOption
from envtool.cli.options import PrefixOption, VendorOption
from envtool.cli.run_restore import (
    RestoreRequest,
    confirm,
    driver_release,
    recover_prefix,
    run_restore,
)

if TYPE_CHECKING:
    from envtool.environment.reader import Environment
    from envtool.release.available import AvailableRelease
    from envtool.release.pin import VendorPin

_NOT_OURS = {
    "--tensorflow": "envtool looks after torch only",
    "--nightly": "a vendor source names the releases it has; see update-moreh --list",
    "--driver-only": "envtool does not install drivers; the vendor's own update-moreh does",
}

TargetOption = Annotated[
    str | None, typer.Option("--target", help="The vendor's release, such as 22.8.0.", show_default=False)
]
TorchOption = Annotated[
    str | None, typer.Option("--torch", help="The torch version, such as 1.7.1.", show_default=False)
]
ListOption = Annotated[bool, typer.Option("--list", help="Print the releases that can be had, and leave.")]
RollbackOption = Annotated[
    bool, typer.Option("--rollback", help="Go back to the release that was pinned before this one.")
]


def update_moreh_command(
    force: ForceOption = False,
    dry_run: DryRunOption = False,
    target: TargetOption = None,
    torch: TorchOption = None,
    show: ListOption = False,
    rollback: RollbackOption = False,
    yes: YesOption = False,
    keep_orphans: KeepOrphansOption = False,
    no_driver: UnaskedDriverOption = False,
    prefix: PrefixOption = None,
    vendor: VendorOption = None,
    tensorflow: Annotated[bool, typer.Option("--tensorflow", hidden=True)] = False,
    nightly: Annotated[bool, typer.Option("--nightly", hidden=True)] = False,
    driver_only: Annotated[bool, typer.Option("--driver-only", hidden=True)] = False,
) -> None:
    """Update the vendor torch to a newer release, or put it back.

    Without options: says which release is installed and which is possible, and asks. --force puts the pinned release
    back without asking, whatever happened to it.

    [bold]Examples[/bold]

      update-moreh --force

      update-moreh --target 22.12.0

      update-moreh --list
    """
    from envtool.release.release_filter import ReleaseFilter

    _refuse_what_is_not_ours((tensorflow, nightly, driver_only))
    if rollback and (target or torch or vendor):
        raise typer.BadParameter("--rollback goes back to what was; leave --target, --torch and --vendor out")
    request = RestoreRequest(
        _typed(force=force, target=target, torch=torch, rollback=rollback),
        prefix,
        vendor=tuple(vendor or ()),
        wanted=ReleaseFilter(release=target, torch=torch),
        force=force,
        dry_run=dry_run,
        keep_orphans=keep_orphans,
        yes=yes,
        driver=not no_driver,
    )
    if show:
        typer.echo(_listed(_look(replace(request, dry_run=True))))
    elif rollback:
        raise typer.Exit(0 if _roll_back(request) else 1)
    elif force or not request.wanted.is_free or vendor:
        raise typer.Exit(0 if run_restore(request) else 1)
    else:
        raise typer.Exit(0 if _upgrade(request) else 1)


def _refuse_what_is_not_ours(given: tuple[bool, ...]) -> None:
    for name, is_given in zip(_NOT_OURS, given, strict=True):
        if is_given:
            raise typer.BadParameter(f"{name}: {_NOT_OURS[name]}")


def _typed(*, force: bool, target: str | None, torch: str | None, rollback: bool) -> str:
    words = ["update-moreh", *(["--force"] if force else []), *(["--rollback"] if rollback else [])]
    words += ["--target", target] if target else []
    return " ".join([*words, *(["--torch", torch] if torch else [])])


@dataclass(frozen=True)
class _Look:
    """What is there and what could be: the environment, its pin, and the offers, the newest first."""

    environment: Environment
    pin: VendorPin | None
    offers: tuple[AvailableRelease, ...]

    @property
    def installed(self) -> str:
        from envtool.release.profile import TORCH

        return ", ".join(item.version for item in self.environment.find(TORCH)) or "(none)"


def _look(request: RestoreRequest) -> _Look:
    from envtool.environment.effective_pin import find_effective_pin
    from envtool.environment.reader import read_environment
    from envtool.release.available import list_available_releases
    from envtool.release.source.configured import open_sources

    found = recover_prefix(request)
    environment = read_environment(found)
    served = driver_release() if request.driver else None
    offers = list_available_releases(open_sources(request.vendor), found.python, served)
    return _Look(environment, find_effective_pin(environment), offers)


def _listed(look: _Look) -> str:
    from envtool.release.version import versions_equal

    lines = [f"Currently installed: {look.installed}"]
    lines += [f"Pinned:              {look.pin.version}   ({look.pin.origin.value})"] if look.pin is not None else []
    if not look.offers:
        lines.append("no vendor source has a release: envtool vendor add FOLDER_OR_INDEX")
    for offer in look.offers:
        here = "installed" if versions_equal(offer.version.text, look.installed) else ""
        remark = ", ".join(text for text in (here, offer.obstacle) if text)
        lines.append(f"  {offer.version.release!s:<12} {offer.version.text:<32} {offer.where}   {remark}".rstrip())
    return "\n".join(lines)


def _upgrade(request: RestoreRequest) -> bool:
    """Offer the newest release that fits; without one that is newer, say so."""
    from envtool.doctor.diagnose import diagnose
    from envtool.doctor.findings import Status
    from envtool.release.available import select_newest

    look = _look(request)
    damaged = look.pin is None or diagnose(look.environment, look.pin).status is Status.DAMAGED
    newest = select_newest(look.offers)
    possible = newest.version if newest is not None else None
    if look.pin is not None and (possible is None or not possible.is_newer_than(look.pin.version)):
        possible = look.pin.version if damaged else None
    typer.echo(f"Currently installed: {look.installed}")
    if possible is None:
        return _nothing_newer(look)
    typer.echo(f"Possible upgrading version: {possible}")
    if not request.dry_run and not request.yes and not confirm("Do you want to upgrade?"):
        typer.echo("nothing was changed")
        return not damaged
    if look.pin is not None and possible == look.pin.version:
        return run_restore(request)
    return run_restore(replace(request, wanted=replace(request.wanted, version=possible.text)))


def _nothing_newer(look: _Look) -> bool:
    if look.pin is None:
        from envtool.errors import ReleaseError

        raise ReleaseError(
            "there is no vendor torch here, and no source that has one for it",
            why="; ".join(f"{offer.version}: {offer.obstacle}" for offer in look.offers) or "no source has a release",
            remedy="envtool vendor add FOLDER_OR_INDEX",
        )
    typer.echo(f"Already installed : {look.pin.version}")
    return True


def _roll_back(request: RestoreRequest) -> bool:
    from envtool.environment.effective_pin import find_effective_pin
    from envtool.environment.history import read_history
    from envtool.environment.reader import read_environment
    from envtool.restore.rollback import select_rollback_pin

    found = recover_prefix(request)
    before = select_rollback_pin(read_history(found.path), find_effective_pin(read_environment(found)))
    return run_restore(replace(request, pin=before))
