"""`update-moreh`: a restore under its familiar name, and the vendor's releases in its familiar words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.commands.restore import (
    DryRunOption,
    ForceOption,
    IgnoreDriverOption,
    KeepOrphansOption,
    YesOption,
    confirm,
    run_restore,
)
from envtool.cli.options import PrefixOption, VendorOption
from envtool.cli.terminal import print_line, print_safely
from envtool.language import join_messages, phrase, tell, translate
from envtool.release.read_profile import load_service

if TYPE_CHECKING:
    from envtool.restore.restore import RestoreRequest
    from envtool.restore.upgrade import ReleaseOverview

_NOT_OURS = {
    "--tensorflow": tell("envtool looks after torch only"),
    "--nightly": tell("a vendor source names the releases it has; see update-moreh --list"),
    "--driver-only": tell("envtool does not install drivers; the vendor's own update-moreh does"),
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


def make_update_moreh_app() -> typer.Typer:
    """The command line of `update-moreh`."""
    application = typer.Typer(
        name=load_service().update,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    application.command()(update_moreh_command)
    return application


def update_moreh_command(
    force: ForceOption = False,
    dry_run: DryRunOption = False,
    target: TargetOption = None,
    torch: TorchOption = None,
    show: ListOption = False,
    rollback: RollbackOption = False,
    yes: YesOption = False,
    keep_orphans: KeepOrphansOption = False,
    ignore_driver: IgnoreDriverOption = False,
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
    from envtool.cli.render.releases import render_releases
    from envtool.release.release_filter import ReleaseFilter
    from envtool.restore.restore import RestoreRequest
    from envtool.restore.upgrade import find_previous_pin, list_releases

    _refuse_unsupported((tensorflow, nightly, driver_only))
    if rollback and (target or torch or vendor):
        raise typer.BadParameter(tell("--rollback goes back to what was; leave --target, --torch and --vendor out"))
    request = RestoreRequest(
        command=_format_command(force=force, target=target, torch=torch, rollback=rollback),
        prefix=prefix,
        vendor=tuple(vendor or ()),
        release=ReleaseFilter(release=target, torch=torch),
        force=force,
        dry_run=dry_run,
        keep_orphans=keep_orphans,
        ignore_driver=ignore_driver,
    )
    if show:
        print_safely(render_releases(list_releases(prefix, request.vendor, ignore_driver=ignore_driver, dry_run=True)))
        return
    if rollback:
        is_in_order = run_restore(replace(request, pin=find_previous_pin(prefix, dry_run=dry_run)), yes=yes)
    elif force or not request.release.is_free or vendor:
        is_in_order = run_restore(request, yes=yes)
    else:
        is_in_order = _upgrade(request, yes=yes)
    raise typer.Exit(0 if is_in_order else 1)


def _refuse_unsupported(given: tuple[bool, ...]) -> None:
    for name, is_given in zip(_NOT_OURS, given, strict=True):
        if is_given:
            raise typer.BadParameter(f"{name}: {translate(_NOT_OURS[name])}")


def _format_command(*, force: bool, target: str | None, torch: str | None, rollback: bool) -> str:
    words = ["update-moreh", *(["--force"] if force else []), *(["--rollback"] if rollback else [])]
    words += ["--target", target] if target else []
    return " ".join([*words, *(["--torch", torch] if torch else [])])


def _upgrade(request: RestoreRequest, *, yes: bool) -> bool:
    """Offer the newest release that fits; without one that is newer, say so. Returns whether all is well then."""
    from envtool.cli.render.releases import render_installed
    from envtool.restore.upgrade import list_releases, select_upgrade

    overview = list_releases(
        request.prefix, request.vendor, ignore_driver=request.ignore_driver, dry_run=request.dry_run
    )
    possible = select_upgrade(overview)
    print_line(render_installed(overview))
    if possible is None:
        print_line(_render_nothing_newer(overview))
        return True
    # The vendor's own words, here and in `Already installed`, are what scripts look for.
    print_line(f"Possible upgrading version: {possible}")
    if not request.dry_run and not yes and not confirm(phrase("Do you want to upgrade?")):
        print_line(phrase("nothing was changed"))
        return not overview.is_damaged
    if overview.pin is not None and possible == overview.pin.version:
        return run_restore(request, yes=yes)
    return run_restore(replace(request, release=replace(request.release, version=possible.text)), yes=yes)


def _render_nothing_newer(overview: ReleaseOverview) -> str:
    if overview.pin is None:
        from envtool.errors import ReleaseError

        raise ReleaseError(
            tell("there is no vendor torch here, and no source that has one for it"),
            why=join_messages(
                "; ", (join_messages(": ", (str(item.version), item.obstacle)) for item in overview.releases)
            )
            or tell("no source has a release"),
            remedy="envtool vendor add FOLDER_OR_INDEX",
        )
    return f"Already installed : {overview.pin.version}"
