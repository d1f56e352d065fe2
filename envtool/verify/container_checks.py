"""Runs an image's checks inside it, without a network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from envtool.errors import BuildError
from envtool.image.spec.table import CHECKS_FOLDER
from envtool.verify.result import ImageCheck

if TYPE_CHECKING:
    from envtool.image.engine.client import Engine


def run_container_checks(engine: Engine, reference: str) -> Iterator[ImageCheck]:
    """Run every check, one after the other, in a container that is removed afterwards.

    Raises `BuildError` for an unknown image or one that has no checks, `EngineError` where the engine goes away.
    """
    attributes = engine.inspect_image(reference)
    if not attributes:
        raise BuildError(f"there is no image {reference}", remedy="envtool build --demo   (or docker pull)")
    with engine.translate_engine_errors():
        container = engine.client.containers.create(
            reference,
            entrypoint=["/bin/sh", "-c", "sleep 3600"],
            command=[],
            network_mode="none",
            environment={"HAC_GUARD": "fail"},
            init=True,
        )
        try:
            container.start()
            listing = container.exec_run(["ls", f"/{CHECKS_FOLDER}"])
            names = _decode(listing.output).split() if listing.exit_code == 0 else []
            if not names:
                raise BuildError(
                    f"{reference} has no checks in /{CHECKS_FOLDER}",
                    why="it was not built from a HAC base image",
                    remedy="start its Dockerfile with FROM hac-base",
                )
            for name in sorted(names):
                yield _run_check(container, name)
        finally:
            container.remove(force=True)


def _run_check(container: Any, name: str) -> ImageCheck:
    path = f"/{CHECKS_FOLDER}/{name}"
    text = _decode(container.exec_run(["cat", path]).output)
    title = next((line[9:] for line in text.splitlines() if line.startswith("# title: ")), name)
    done = container.exec_run([path])
    return ImageCheck(name, title.strip(), done.exit_code == 0, _decode(done.output).strip())


def _decode(output: object) -> str:
    """What a command printed; docker-py's types admit a stream, which is not asked for here."""
    return output.decode("utf-8", "replace") if isinstance(output, bytes) else ""
