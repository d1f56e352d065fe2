"""`envtool lock`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.image_selection import AllOption, DemoOption, ImagesArgument, open_image_sources, select_specs
from envtool.cli.options import ProjectOption, VendorOption
from envtool.cli.terminal import note, print_line
from envtool.language import phrase, tell, translate

if TYPE_CHECKING:
    from envtool.image.lock.lockfile import ImageLock
    from envtool.image.spec.table import ImageSpec


def lock_command(
    images: ImagesArgument = None,
    demo: DemoOption = False,
    everything: AllOption = False,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 where a lock is out of date; write nothing.")
    ] = False,
    locked_only: Annotated[
        bool, typer.Option("--locked-only", help="With --check: a row that was never locked is no failure.")
    ] = False,
    upgrade: Annotated[
        str | None,
        typer.Option("--upgrade", metavar="torch|base|PACKAGE", help="Upgrade just that.", show_default=False),
    ] = None,
    vendor: VendorOption = None,
    project: ProjectOption = Path(),
) -> None:
    """Resolve everything an image is made from, and write it to lockfiles/ with its hashes.

    [bold]Examples[/bold]

      envtool lock --demo --all

      envtool lock hac-base-22.8.0-py38 --vendor /mnt/wheels

      envtool lock --demo --upgrade base

      envtool lock --check --locked-only
    """
    from envtool.image.graph import sort_parents_first
    from envtool.image.lock.lockfile import FOLDER, read_lock, read_parent_lock, write_lock
    from envtool.image.lock.make_lock import make_lock
    from envtool.image.lock.upgrade_lock import upgrade_lock
    from envtool.image.spec.table import select_images
    from envtool.wheel.store import get_default_store

    if check:
        raise typer.Exit(1 if _print_stale(select_images(project.absolute(), images or []), locked_only) else 0)
    store = get_default_store()
    # A parent is locked before its children, whose locks name its own.
    for spec in sort_parents_first(select_specs(project, images, demo=demo, everything=everything)):
        sources = open_image_sources(spec, vendor, demo=demo, project=project)
        parent = read_parent_lock(spec, spec.project / FOLDER)
        if upgrade is not None:
            before = read_lock(spec, spec.project / FOLDER)
            renewed = upgrade_lock(spec, before, parent, upgrade, sources, store, note)
            write_lock(renewed, spec.project / FOLDER)
            _print_changes(before, renewed)
            continue
        made = make_lock(spec, parent, sources, store, lambda text: note(tell("locking {what}", what=text)))
        write_lock(made, project / FOLDER)
        print_line(_summarize(made))


def _summarize(lock: ImageLock) -> str:
    values: dict[str, object] = {
        "image": lock.image,
        "packages": len(lock.packages),
        "wheels": len(lock.wheels),
        "version": lock.pin.version,
    }
    if not lock.requirements:
        return phrase("{image}: locked {packages} conda packages, {wheels} wheels, {version}", **values)
    return phrase(
        "{image}: locked {packages} conda packages, {wheels} wheels, {own} wheels for the environment, {version}",
        own=len(lock.requirements),
        **values,
    )


def _print_changes(before: ImageLock, after: ImageLock) -> None:
    from envtool.image.lock.lockfile import compare_locks

    found = compare_locks(before, after)
    for line in found or (phrase("nothing to renew: it is locked as it is to be had"),):
        print_line(f"{after.image}: {translate(line)}")


def _print_stale(specs: list[ImageSpec], locked_only: bool) -> bool:
    """Print a line for each lock, and return whether one of them is out of date or, unless told so, missing."""
    from envtool.image.lock.lockfile import FOLDER, is_stale, read_lock, read_parent_lock
    from envtool.image.spec.row_problems import RELEASED

    stale = False
    for spec in specs:
        if spec.sources == RELEASED and not (spec.project / FOLDER / f"{spec.name}.lock.toml").exists():
            stale = stale or not locked_only
            print_line(
                phrase("{name}: not locked; envtool lock {name}, where its channel can be reached", name=spec.name)
            )
            continue
        parent = read_parent_lock(spec, spec.project / FOLDER)
        out_of_date = is_stale(spec, read_lock(spec, spec.project / FOLDER), parent)
        if out_of_date:
            print_line(phrase("{name}: out of date: envtool lock {name}", name=spec.name))
        else:
            print_line(phrase("{name}: up to date", name=spec.name))
        stale = stale or out_of_date
    return stale
