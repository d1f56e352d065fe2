"""Runs programs inside a container that has no network and does nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from envtool.language import join_messages, tell

if TYPE_CHECKING:
    from envtool.image.engine.client import Engine

# Bytes that a program may print. One that is silent is waited for as long as the engine is (`client.TIMEOUT`).
_OUTPUT_LIMIT = 4 << 20


@contextmanager
def idle_container(engine: Engine, reference: str) -> Iterator[Any]:
    """A container of an image, without a network, for the time of the block.

    Raises `BuildError` and `EngineError`.
    """
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
            yield container
        finally:
            container.remove(force=True)


def run_inside(
    container: Any,
    command: Sequence[str],
    time_limit: float,
    *,
    folder: str | None = None,
    variables: Mapping[str, str] | None = None,
) -> tuple[int | None, str]:
    """The status of a command and what it printed; no status where it took too long or printed too much."""
    api, deadline = container.client.api, time.monotonic() + time_limit
    started = api.exec_create(container.id, list(command), workdir=folder, environment=dict(variables or {}))["Id"]
    printed = bytearray()
    for block in api.exec_start(started, stream=True):
        printed += block
        if len(printed) > _OUTPUT_LIMIT:
            return None, join_messages(
                "\n",
                (_decode(printed[:2000]), tell("(stopped: it printed more than {size} MiB)", size=_OUTPUT_LIMIT >> 20)),
            )
        if time.monotonic() > deadline:
            return None, join_messages(
                "\n",
                (
                    _decode(printed),
                    tell("(stopped: it took more than {time_limit:.0f} seconds)", time_limit=time_limit),
                ),
            )
    return api.exec_inspect(started)["ExitCode"], _decode(printed)


def _decode(output: bytes | bytearray) -> str:
    return output.decode("utf-8", "replace")
