"""Runs an image's checks inside it, without a network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from envtool.errors import BuildError
from envtool.image.engine.run_inside import idle_container, run_inside
from envtool.image.spec.table import CHECKS_FOLDER
from envtool.language import map_parts, tell
from envtool.verify.result import ImageCheck

if TYPE_CHECKING:
    from envtool.image.engine.client import Engine

# Seconds for a check, which takes a few.
_TIME_LIMIT = 600.0


def run_container_checks(engine: Engine, reference: str) -> Iterator[ImageCheck]:
    """Run every check, one after the other, in a container that is removed afterwards.

    Raises `BuildError` for an unknown image or one that has no checks, `EngineError` where the engine goes away.
    """
    attributes = engine.inspect_image(reference)
    if not attributes:
        raise BuildError(
            tell("there is no image {reference}", reference=reference),
            remedy=tell("envtool build --demo   (or docker pull)"),
        )
    with idle_container(engine, reference) as container:
        status, listing = run_inside(container, ["ls", f"/{CHECKS_FOLDER}"], _TIME_LIMIT)
        names = listing.split() if status == 0 else []
        if not names:
            raise BuildError(
                tell("{reference} has no checks in /{checks_folder}", reference=reference, checks_folder=CHECKS_FOLDER),
                why=tell("it was not built from a HAC base image"),
                remedy=tell("start its Dockerfile with FROM hac-base"),
            )
        for name in sorted(names):
            yield _run_check(container, name)


def _run_check(container: Any, name: str) -> ImageCheck:
    path = f"/{CHECKS_FOLDER}/{name}"
    _status, text = run_inside(container, ["cat", path], _TIME_LIMIT)
    title = next((line[9:] for line in text.splitlines() if line.startswith("# title: ")), name)
    status, output = run_inside(container, [path], _TIME_LIMIT)
    return ImageCheck(name, title.strip(), status == 0, map_parts(output, str.strip))
