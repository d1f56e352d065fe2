"""From names on a command line to the images that they mean, each with its lock and its sources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.terminal import note
from envtool.language import tell

if TYPE_CHECKING:
    from envtool.image.engine.client import Engine
    from envtool.image.graph import PlannedImage
    from envtool.image.inputs.sources import ImageSources
    from envtool.image.lock.lockfile import ImageLock
    from envtool.image.spec.table import ImageSpec

ImagesArgument = Annotated[
    list[str] | None,
    typer.Argument(help="Images of images/images.toml. Default: those without a parent.", show_default=False),
]
DemoOption = Annotated[
    bool, typer.Option("--demo", help="Use the embedded default: stand-ins and a bootstrapped base.")
]
AllOption = Annotated[bool, typer.Option("--all", help="All images that these sources make, children too.")]


def select_specs(project: Path, images: Sequence[str] | None, *, demo: bool, everything: bool) -> list[ImageSpec]:
    """The named images; without names those of these sources that have no parent, or with `everything` all of them."""
    from envtool.errors import SpecError
    from envtool.image.spec.row_problems import EMBEDDED, RELEASED
    from envtool.image.spec.table import select_images

    specs = select_images(project.absolute(), list(images or []))
    wanted = EMBEDDED if demo else RELEASED
    for spec in specs if images else ():
        if spec.sources != wanted:
            raise SpecError(
                tell("{name} is not made from the {wanted} sources", name=spec.name, wanted=wanted),
                why=tell("the image table says: {sources}", sources=spec.sources),
                remedy=tell("leave --demo out") if demo else tell("add --demo, if stand-ins will do"),
            )
    return [spec for spec in specs if spec.sources == wanted and (bool(images) or everything or spec.parent is None)]


def resolve_images(
    specs: Iterable[ImageSpec],
    vendor: list[str] | None,
    *,
    demo: bool,
    project: Path,
    engine: Engine | None = None,
) -> tuple[PlannedImage, ...]:
    """The images and all that they start from, parents first. Raises `LockError` where one has no usable lock."""
    from envtool.image.graph import PlannedImage, add_parents

    made: dict[str, PlannedImage] = {}
    for spec in add_parents(specs):
        parent = made[spec.parent.name] if spec.parent is not None else None
        sources = open_image_sources(spec, vendor, demo=demo, project=project, engine=engine)
        lock = _lock_of(spec, parent.lock if parent is not None else None, sources, demo=demo)
        made[spec.name] = PlannedImage(spec, lock, sources, parent)
    return tuple(made.values())


def open_image_sources(
    spec: ImageSpec, vendor: list[str] | None, *, demo: bool, project: Path, engine: Engine | None = None
) -> ImageSources:
    """Where an image's inputs come from."""
    if demo:
        from envtool.demo.embedded import EmbeddedSources

        return EmbeddedSources(spec, _note_once)
    from envtool.image.engine.client import find_engine
    from envtool.image.inputs.sources import ReleasedSources
    from envtool.release.source.configured import list_configured_sources, open_source

    opened = tuple(open_source(item.address) for item in list_configured_sources(vendor or ()))
    return ReleasedSources(spec, opened, engine or find_engine(project))


@cache
def _note_once(text: str) -> None:
    """Images of a family have steps in common; what is said of one is said for all."""
    note(text)


def _lock_of(spec: ImageSpec, parent: ImageLock | None, sources: ImageSources, *, demo: bool) -> ImageLock:
    from envtool.image.lock.lockfile import FOLDER, read_lock, require_current
    from envtool.wheel.store import get_default_store

    if not demo:
        lock = read_lock(spec, spec.project / FOLDER)
        require_current(spec, lock, parent)
        return lock
    from envtool.demo.embedded import EmbeddedSources
    from envtool.demo.locking import find_usable_lock

    assert isinstance(sources, EmbeddedSources)
    return find_usable_lock(spec, parent, sources, get_default_store(), note)
