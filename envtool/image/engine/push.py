"""Pushes an image to a registry: with retries, repeatable, and without leaving a local name behind."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from envtool.errors import BuildError, EngineError
from envtool.language import tell

if TYPE_CHECKING:
    from envtool.image.engine.client import Engine

# The engine itself tries each layer several times.
_ATTEMPTS = 3
# Seconds before the second attempt; twice as long before each further one.
_WAIT = 1.0
# Errors that a second attempt does not mend.
_FINAL = re.compile(r"denied|unauthorized|authentication required|no basic auth|invalid reference", re.IGNORECASE)


@dataclass(frozen=True)
class Pushed:
    """An image in a registry: its name with the tag, and with the digest of its manifest, which always means it."""

    tagged: str
    digest: str

    @property
    def reference(self) -> str:
        """The name by digest."""
        return f"{self.tagged.rpartition(':')[0]}@{self.digest}"


def push(engine: Engine, identity: str, repository: str, tag: str, say: Callable[[str], None]) -> Pushed:
    """Push the image with the id `identity` as `repository:tag`. Raises `BuildError`, `EngineError`.

    Layers that the registry has are not sent again. A registry shows a tag only once all of the image is there, so a
    push that breaks off leaves the old one. The local name that a push takes is removed, unless it was there before.
    """
    name = f"{repository}:{tag}"
    before = engine.inspect_image(name).get("Id")
    with engine.translate_engine_errors():
        engine.client.api.tag(identity, repository, tag)
    try:
        return Pushed(name, _try_push(lambda: _push_once(engine, repository, tag), name, say))
    finally:
        with engine.translate_engine_errors():
            if before is None:
                engine.client.images.remove(name, noprune=True)
            elif before != identity:
                engine.client.api.tag(before, repository, tag)


def _try_push(ask: Callable[[], str], name: str, say: Callable[[str], None]) -> str:
    for attempt in range(_ATTEMPTS):
        try:
            return ask()
        except BuildError as error:
            if attempt + 1 == _ATTEMPTS or _FINAL.search(error.why):
                raise
            wait = _WAIT * 2**attempt
            say(tell("{name} was not pushed ({reason}); again in {wait:.0f} s", name=name, reason=error.why, wait=wait))
            time.sleep(wait)
    raise AssertionError("the last attempt returns or raises")


def _push_once(engine: Engine, repository: str, tag: str) -> str:
    """One attempt; the digest that the registry gave."""
    digest = ""
    with engine.translate_engine_errors():
        lines: Iterator[Mapping[str, Any]] = engine.client.api.push(repository, tag, stream=True, decode=True)
        for line in lines:
            if "error" in line:
                why = str(line["error"]).strip()
                remedy = (
                    f"docker login {repository.partition('/')[0]}" if _FINAL.search(why) else tell("try again later")
                )
                raise BuildError(
                    tell("{repository}:{tag} could not be pushed", repository=repository, tag=tag),
                    why=why,
                    remedy=remedy,
                )
            digest = (line.get("aux") or {}).get("Digest", digest)
    if not digest:
        raise EngineError(
            tell("the engine ended the push without a result"),
            why=tell("it was stopped, or the connection to it broke"),
            remedy=tell("docker info; envtool build --push REPOSITORY   (goes on with what is missing)"),
        )
    return digest
