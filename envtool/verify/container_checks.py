"""Runs an image's checks inside it, without a network."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from envtool.errors import BuildError
from envtool.image.spec.table import CHECKS_FOLDER
from envtool.verify.result import ImageCheck

if TYPE_CHECKING:
    from envtool.image.engine.client import Engine

# Seconds for a check, which takes a few, and bytes that it may print. One that is silent is waited for as long as the
# engine is (`engine.client.TIMEOUT`).
_TIME_LIMIT = 600.0
_OUTPUT_LIMIT = 4 << 20


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
            status, listing = _run_inside(container, ["ls", f"/{CHECKS_FOLDER}"])
            names = listing.split() if status == 0 else []
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
    _status, text = _run_inside(container, ["cat", path])
    title = next((line[9:] for line in text.splitlines() if line.startswith("# title: ")), name)
    status, output = _run_inside(container, [path])
    return ImageCheck(name, title.strip(), status == 0, output.strip())


def _run_inside(container: Any, command: list[str]) -> tuple[int | None, str]:
    """The status of a command and what it printed; no status where it took too long or printed too much."""
    api, deadline = container.client.api, time.monotonic() + _TIME_LIMIT
    started = api.exec_create(container.id, command)["Id"]
    printed = bytearray()
    for block in api.exec_start(started, stream=True):
        printed += block
        if len(printed) > _OUTPUT_LIMIT:
            return None, f"{_decode(printed[:2000])}\n(stopped: it printed more than {_OUTPUT_LIMIT >> 20} MiB)"
        if time.monotonic() > deadline:
            return None, f"{_decode(printed)}\n(stopped: it took more than {_TIME_LIMIT:.0f} seconds)"
    return api.exec_inspect(started)["ExitCode"], _decode(printed)


def _decode(output: bytes | bytearray) -> str:
    return output.decode("utf-8", "replace")
