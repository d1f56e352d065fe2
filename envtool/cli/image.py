"""`envtool lock`, `envtool build`, `envtool verify`."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from envtool.cli.options import ProjectOption, VendorOption
from envtool.cli.terminal import note

if TYPE_CHECKING:
    from envtool.image.build import BuiltImage
    from envtool.image.engine import Engine
    from envtool.image.lock import ImageLock
    from envtool.image.push import Pushed
    from envtool.image.sources import ImageSources
    from envtool.image.spec import ImageSpec


class BuildFormat(StrEnum):
    """How to print what was built."""

    TEXT = "text"
    JSON = "json"


ImagesArgument = Annotated[
    list[str] | None,
    typer.Argument(help="Images of images/images.toml. Default: all that can be made.", show_default=False),
]
DemoOption = Annotated[
    bool, typer.Option("--demo", help="Use the embedded default: stand-ins and a bootstrapped base.")
]


def lock(
    images: ImagesArgument = None,
    demo: DemoOption = False,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 where a lock is out of date; write nothing.")
    ] = False,
    update: Annotated[
        str | None,
        typer.Option("--update", metavar="torch|base|PACKAGE", help="Renew just that.", show_default=False),
    ] = None,
    vendor: VendorOption = None,
    project: ProjectOption = Path(),
) -> None:
    """Resolve everything an image is made from, and write it to lockfiles/ with its hashes.

    [bold]Examples[/bold]

      envtool lock --demo

      envtool lock hac-base-22.8.0-py38 --vendor /mnt/wheels

      envtool lock --demo --update base

      envtool lock --check
    """
    from envtool.image.inputs import make_lock
    from envtool.image.lock import FOLDER, read_lock, write_lock
    from envtool.image.renewal import renew
    from envtool.vendor.store import default_store

    specs = _selected(project, images, demo=demo, everything=check)
    if check:
        raise typer.Exit(1 if _print_stale(specs) else 0)
    for spec in specs:
        sources = _sources(spec, vendor, demo=demo, project=project)
        if update is not None:
            before = read_lock(spec, spec.project / FOLDER)
            renewed = renew(spec, before, update, sources, default_store(), note)
            write_lock(renewed, spec.project / FOLDER)
            _print_changes(before, renewed)
            continue
        made = make_lock(spec, sources, default_store(), lambda text: note(f"locking {text}"))
        write_lock(made, project / FOLDER)
        typer.echo(
            f"{spec.name}: locked {len(made.packages)} conda packages, {len(made.wheels)} wheels, {made.pin.version}"
        )


def _print_changes(before: ImageLock, after: ImageLock) -> None:
    from envtool.image.lock import differences

    found = differences(before, after)
    for line in found or ("nothing to renew: it is locked as it is to be had",):
        typer.echo(f"{after.image}: {line}")


def _print_stale(specs: list[ImageSpec]) -> bool:
    """Print a line for each lock, and return whether one of them is out of date."""
    from envtool.image.lock import FOLDER, is_stale, read_lock
    from envtool.image.spec import RELEASED

    stale = False
    for spec in specs:
        if spec.sources == RELEASED and not (spec.project / FOLDER / f"{spec.name}.lock.toml").exists():
            typer.echo(f"{spec.name}: not locked; envtool lock {spec.name}, where its channel can be reached")
            continue
        out_of_date = is_stale(spec, read_lock(spec, spec.project / FOLDER))
        typer.echo(f"{spec.name}: {'out of date: envtool lock ' + spec.name if out_of_date else 'up to date'}")
        stale = stale or out_of_date
    return stale


def build(
    images: ImagesArgument = None,
    demo: DemoOption = False,
    vendor: VendorOption = None,
    push_to: Annotated[
        str | None,
        typer.Option("--push", help="Push each image to REGISTRY/PATH, under its own name.", show_default=False),
    ] = None,
    format: Annotated[BuildFormat, typer.Option("--format", help="How to print what was built.")] = BuildFormat.TEXT,
    project: ProjectOption = Path(),
) -> None:
    """Build images from their locks, without a network once everything is fetched.

    Beside each image's build context lie its bill of materials (CycloneDX) and what it was made from (SLSA provenance).

    [bold]Examples[/bold]

      envtool build --demo

      envtool build hac-base-22.8.0-py38 --vendor https://wheels.example.com/simple/

      envtool build hac-base-22.8.0-py38 --push registry.example.com:5000/team --format json
    """
    from envtool.cli.progress import counters
    from envtool.image.build import build_image
    from envtool.image.engine import find_engine
    from envtool.image.push import push
    from envtool.vendor.store import default_store

    engine = find_engine(project)
    store = default_store()
    results: list[tuple[BuiltImage, Pushed | None]] = []
    for spec in _selected(project, images, demo=demo, everything=False):
        sources = _sources(spec, vendor, demo=demo, project=project, engine=engine)
        held = _lock_of(spec, sources, demo=demo)
        with counters(spec.name) as advance:
            built = build_image(spec, held, sources, engine, store, progress=advance, say=note)
        if format is BuildFormat.TEXT:
            done = "is up to date, everything reused" if built.reused else f"built from {built.context}"
            typer.echo(f"{built.reference} {built.identity[:19]} {done}")
        pushed = None
        if push_to is not None:
            pushed = push(engine, built.identity, f"{push_to.rstrip('/')}/{spec.name}", spec.release, note)
            if format is BuildFormat.TEXT:
                typer.echo(f"pushed {pushed.reference}")
        results.append((built, pushed))
        if held.pin.stand_in:
            note("note: its torch, torchvision, torchaudio and moreh-smi are stand-ins; they compute nothing")
    if format is BuildFormat.JSON:
        typer.echo(json.dumps(_build_document(results), indent=2))


def _build_document(results: list[tuple[BuiltImage, Pushed | None]]) -> dict[str, Any]:
    """What was built, as docs/build.schema.json describes it."""
    return {
        "schema": "hac-envtool/build/1",
        "images": [
            {
                "reference": item.reference,
                "id": item.identity,
                "reused": item.reused,
                "context": str(item.context),
                "sbom": str(item.sbom),
                "provenance": str(item.provenance),
                "pushed": pushed.reference if pushed is not None else None,
            }
            for item, pushed in results
        ],
    }


def _selected(project: Path, images: list[str] | None, *, demo: bool, everything: bool) -> list[ImageSpec]:
    """The named images; without names, those whose sources are asked for."""
    from envtool.errors import SpecError
    from envtool.image.spec import EMBEDDED, RELEASED, select_images

    specs = select_images(project.absolute(), images or [])
    if everything:
        return specs
    wanted = EMBEDDED if demo else RELEASED
    for spec in specs if images else ():
        if spec.sources != wanted:
            raise SpecError(
                f"{spec.name} is not made from the {wanted} sources",
                why=f"the image table says: {spec.sources}",
                remedy="leave --demo out" if demo else "add --demo, if stand-ins will do",
            )
    return [spec for spec in specs if spec.sources == wanted]


def _sources(
    spec: ImageSpec, vendor: list[str] | None, *, demo: bool, project: Path, engine: Engine | None = None
) -> ImageSources:
    if demo:
        from envtool.demo.embedded import EmbeddedSources

        return EmbeddedSources(spec, note)
    from envtool.image.engine import find_engine
    from envtool.image.sources import ReleasedSources
    from envtool.vendor.source.configured import configured_sources, open_source

    opened = tuple(open_source(item.address) for item in configured_sources(vendor or ()))
    return ReleasedSources(spec, opened, engine or find_engine(project))


def _lock_of(spec: ImageSpec, sources: ImageSources, *, demo: bool) -> ImageLock:
    from envtool.image.lock import FOLDER, read_lock
    from envtool.vendor.store import default_store

    if not demo:
        return read_lock(spec, spec.project / FOLDER)
    from envtool.demo.embedded import EmbeddedSources
    from envtool.demo.locking import usable_lock

    assert isinstance(sources, EmbeddedSources)
    return usable_lock(spec, sources, default_store(), note)
