"""`envtool vendor`: the sources that vendor wheels come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.options import PrefixOption, VendorOption
from envtool.cli.terminal import note, print_line, print_safely
from envtool.language import phrase, tell

if TYPE_CHECKING:
    from envtool.release.pin import VendorPin
    from envtool.wheel.store import FileStore

app = typer.Typer(help="Sources of vendor wheels, and the releases they have.", no_args_is_help=True)


@app.command("add")
def add_command(
    source: Annotated[str, typer.Argument(help="A folder of wheels, or the address of a wheel index.")],
) -> None:
    """Keep a source, so that --vendor need not be given."""
    from envtool.release.source.configured import add_source

    print_line(phrase("kept in {file}", file=add_source(source)))


@app.command("list")
def list_sources_command(vendor: VendorOption = None) -> None:
    """Print the sources in force and the torch wheels that each has."""
    from envtool.errors import SourceError
    from envtool.release.profile import TORCH
    from envtool.release.source.configured import list_configured_sources, open_source
    from envtool.release.version import parse_vendor_version

    configured = list_configured_sources(vendor or ())
    if not configured:
        print_line(phrase("no vendor source: envtool vendor add FOLDER_OR_INDEX"))
    unreadable: SourceError | None = None
    for item in configured:
        print_line(phrase("{address}   (from {origin})", address=item.address, origin=item.origin))
        try:
            offered = open_source(item.address).list_candidates()
        except SourceError as error:
            print_line(f"  {phrase('cannot be read: {error}', error=error.what)}")
            unreadable = error
            continue
        for candidate in offered:
            if candidate.wheel.name == TORCH:
                ours = "" if parse_vendor_version(candidate.wheel.version) else "   " + phrase("(not the vendor's)")
                print_line(f"  {candidate.wheel.filename}{ours}")
    if unreadable is not None:
        raise unreadable


@app.command("show")
def show_command(prefix: PrefixOption = None) -> None:
    """Print the pin of an environment and where it was learnt."""
    from envtool.environment.effective_pin import find_effective_pin
    from envtool.environment.prefix import find_prefix
    from envtool.environment.reader import read_environment
    from envtool.release.pin import render_pin

    pin = find_effective_pin(read_environment(find_prefix(prefix)))
    if pin is None:
        print_line(phrase("no pin, and no record of a vendor torch"))
        raise typer.Exit(1)
    print_line(phrase("# learnt from {origin}: {detail}", origin=pin.origin.value, detail=pin.detail))
    print_safely(render_pin(pin), end="")


@app.command("fetch")
def fetch_command(
    release: Annotated[str | None, typer.Option("--release", help="The vendor's release.", show_default=False)] = None,
    prefix: PrefixOption = None,
    vendor: VendorOption = None,
) -> None:
    """Bring a release into the store, so that a later restore needs no network."""
    from envtool.environment.prefix import find_prefix
    from envtool.release.release_filter import ReleaseFilter
    from envtool.release.select import select_from_sources
    from envtool.release.source.configured import open_sources
    from envtool.wheel.store import get_default_store

    python, wanted = find_prefix(prefix).python, ReleaseFilter(release=release)
    selected = select_from_sources(python, open_sources(vendor or ()), wanted, get_default_store())
    for wheel in selected.wheels.values():
        print_line(f"{wheel.sha256}  {wheel.name.filename}")


@app.command("unpack")
def unpack_command(
    prefix: PrefixOption = None,
    vendor: VendorOption = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the unpacked copies instead.")] = False,
) -> None:
    """Keep an environment's vendor wheels unpacked in the store: a later restore only makes links to the files.

    It takes the wheels' unpacked size on the disk (a real torch: 0.8 to 2 GB), and helps where the store is on the
    environment's file system and belongs to its owner. Environments then share the files: what edits one in place,
    rather than replacing it, edits it for all; doctor and restore notice.

    [bold]Examples[/bold]

      envtool vendor unpack

      envtool vendor unpack --remove
    """
    from envtool.environment.effective_pin import find_effective_pin
    from envtool.environment.prefix import find_prefix
    from envtool.environment.reader import read_environment
    from envtool.errors import ReleaseError
    from envtool.wheel.store import get_default_store
    from envtool.wheel.unpacked_store import remove_unpacked

    found, store = find_prefix(prefix), get_default_store()
    pin = find_effective_pin(read_environment(found))
    if pin is None:
        raise ReleaseError(
            tell("which wheels to unpack is not known"),
            why=tell("{path} has no pin and no record of a vendor torch", path=found.path),
            remedy="envtool restore --vendor FOLDER_OR_INDEX",
        )
    if remove:
        for item in pin.distributions:
            was_there = item.sha256 is not None and remove_unpacked(item.sha256, store)
            package = f"{item.name} {item.version}"
            if was_there:
                print_line(phrase("{package}: removed", package=package))
            else:
                print_line(phrase("{package}: was not unpacked", package=package))
        return
    _keep_unpacked(pin, vendor or (), store)
    if store.root.stat().st_dev != found.site_packages.stat().st_dev:
        note(
            tell(
                "note: {store} and {folder} are on two file systems, where no links can be made; set HAC_STORE to a "
                "folder on the environment's",
                store=store.root,
                folder=found.site_packages,
            )
        )


def _keep_unpacked(pin: VendorPin, vendor: Sequence[str], store: FileStore) -> None:
    from envtool.cli.progress import progress_bars
    from envtool.release.select import fetch_pinned_wheels
    from envtool.release.source.configured import open_sources
    from envtool.wheel.contents import bind_progress, read_contents
    from envtool.wheel.unpacked_store import add_unpacked

    with progress_bars(phrase("unpacking")) as advance:
        for name, wheel in fetch_pinned_wheels(pin, open_sources(vendor), store).items():
            contents = read_contents(wheel)
            stored = store.add(wheel.path, expected=wheel.sha256)
            folder = add_unpacked(contents, store, bind_progress(name, contents.size, advance))
            size = contents.size / 1e6
            print_line(phrase("{name}: {size:.1f} MB in {folder}", name=stored.name, size=size, folder=folder))
