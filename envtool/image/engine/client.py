"""The Docker Engine: finding one that answers, and the few things that are asked of it, over docker-py."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from envtool.errors import BuildError, EngineError, SetupError
from envtool.language import tell

if TYPE_CHECKING:
    import docker

DEFAULT_SOCKET = Path("/var/run/docker.sock")
# The socket of the engine that `make engine` starts, relative to the checkout.
PRIVATE_SOCKET = Path(".work/engine/docker.sock")
# Seconds to wait for an answer; a build's silence while it copies a large layer is one.
TIMEOUT = 600


class ImageArchive(Protocol):
    """An image that an engine can load."""

    @property
    def tags(self) -> tuple[str, ...]:
        """The names that the engine gives it."""
        ...

    @property
    def configuration(self) -> Mapping[str, Any]:
        """OCI image specification, "Image Configuration"."""
        ...

    def archive(self, known: Sequence[str] = ()) -> Iterator[bytes]:
        """Stream the archive without the layers `known`, which the engine has."""


@dataclass(frozen=True)
class Engine:
    """An engine that answered. `host` is what `DOCKER_HOST` must be for other programs to reach it."""

    client: docker.DockerClient
    host: str

    def inspect_image(self, reference: str) -> dict[str, Any]:
        """What the engine knows of an image; empty where it has none of that name."""
        import docker.errors

        with self.translate_engine_errors():
            try:
                attributes: dict[str, Any] = self.client.images.get(reference).attrs
            except docker.errors.ImageNotFound:
                return {}
        attributes["Config"] = attributes.get("Config") or {}
        attributes["Config"]["Labels"] = attributes["Config"].get("Labels") or {}
        return attributes

    def load(self, image: ImageArchive, parent: str = "") -> str:
        """Load an image with all its tags, and return its id; layers of `parent`, if it is here, are not sent again.

        Raises `BuildError` and `EngineError`.
        """
        with self.translate_engine_errors():
            known: list[str] = []
            # containerd's store wants whole archives.
            if parent and not self._has_containerd_store():
                known = self.inspect_image(parent).get("RootFS", {}).get("Layers") or []
            for line in self.client.api.load_image(image.archive(known)):  # type: ignore[no-untyped-call]
                if "error" in line:
                    raise BuildError(
                        tell("{tags} could not be loaded", tags=image.tags[0]), why=str(line["error"]).strip()
                    )
        found = self.inspect_image(image.tags[0])
        labels = found.get("Config", {}).get("Labels")
        # The engine closes the stream without a word when it is stopped; the name may be an earlier image's then.
        if not found or labels != (image.configuration.get("Labels") or {}):
            raise EngineError(tell("the engine did not keep the image"), remedy="docker info; envtool build")
        return str(found["Id"])

    def _has_containerd_store(self) -> bool:
        pairs = self.client.info().get("DriverStatus") or []
        return ["driver-type", "io.containerd.snapshotter.v1"] in pairs

    def pull(self, reference: str) -> str:
        """Pull an image and return its digest. Raises `EngineError` where the registry cannot be reached."""
        with self.translate_engine_errors():
            image = self.client.images.pull(reference)
            digests: list[str] = image.attrs.get("RepoDigests") or []
        if not digests:
            raise EngineError(
                tell("{reference} has no digest", reference=reference), why=tell("the registry did not name one")
            )
        return digests[0].partition("@")[2]

    def tag(self, identity: str, reference: str) -> None:
        """Give an image one more name, with a tag."""
        repository, _, name = reference.rpartition(":")
        with self.translate_engine_errors():
            self.client.api.tag(identity, repository, name)

    def untag(self, repository: str, prefix: str, keep: str) -> None:
        """Remove a repository's tags that begin with `prefix`, except `keep`; the images stay."""
        with self.translate_engine_errors():
            for image in self.client.images.list(name=repository):
                for tag in image.tags:
                    if tag.startswith(f"{repository}:{prefix}") and tag != keep:
                        self.client.images.remove(tag, noprune=True)

    def build(self, context: Path, tags: tuple[str, ...], progress: Callable[[str], None]) -> str:
        """Build a context without any network and return the image's id. Raises `BuildError`."""
        identity = ""
        with self.translate_engine_errors():
            lines: Iterator[Mapping[str, Any]] = self.client.api.build(
                path=str(context), tag=tags[0], network_mode="none", rm=True, forcerm=True, decode=True
            )
            for line in lines:
                if "error" in line:
                    raise BuildError(tell("{tags} could not be built", tags=tags[0]), why=str(line["error"]).strip())
                identity = line.get("aux", {}).get("ID", identity)
                if "stream" in line and (text := line["stream"].strip()):
                    progress(text)
            if not identity:
                # The engine closes the stream without a word when it is stopped.
                raise EngineError(
                    tell("the engine ended the build without a result"), remedy="docker info; envtool build"
                )
        for tag in tags[1:]:
            self.tag(identity, tag)
        return identity

    def remove_images(self, patterns: tuple[str, ...], label: str) -> tuple[str, ...]:
        """Remove the tags that match `patterns`, and untagged images that bear `label`; returns the tags."""
        removed: list[str] = []
        with self.translate_engine_errors():
            for pattern in patterns:
                for image in self.client.images.list(filters={"reference": pattern}):
                    for tag in image.tags:
                        if fnmatch(tag, f"{pattern}:*"):
                            self.client.images.remove(tag, force=True)
                            removed.append(tag)
            self.client.images.prune(filters={"dangling": True, "label": label})
        return tuple(removed)

    @contextmanager
    def translate_engine_errors(self) -> Iterator[None]:
        """Turn docker-py's and the connection's errors into `EngineError` and `BuildError`."""
        import docker.errors
        import requests
        import urllib3.exceptions

        gone = (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError)
        try:
            yield
        except (requests.exceptions.Timeout, TimeoutError) as error:
            raise EngineError(
                tell("the Docker Engine at {host} does not answer", host=self.host),
                why=tell("nothing came from it for {timeout} seconds", timeout=TIMEOUT),
                remedy=tell("docker info   (where that hangs as well, start the engine again)"),
            ) from error
        except (*gone, urllib3.exceptions.ProtocolError, BrokenPipeError, ConnectionError) as error:
            raise EngineError(
                tell("the Docker Engine at {host} went away", host=self.host),
                why=str(error)[:300],
                remedy=tell("docker info; make engine   (starts a private one where none answers)"),
            ) from error
        except docker.errors.APIError as error:
            raise BuildError(
                tell("the Docker Engine refused: {explanation}", explanation=error.explanation or error),
                remedy="docker info",
            ) from error


def find_engine(project: Path) -> Engine:
    """The engine that `DOCKER_HOST` names, else the default one, else the project's private one.

    Raises `EngineError` where none answers, `SetupError` where docker-py is not installed.
    """
    tried = []
    for host in _list_hosts(project):
        engine = connect(host)
        if engine is not None:
            return engine
        tried.append(host)
    raise EngineError(
        tell("no Docker Engine answers"),
        why=tell("tried {tried}", tried=", ".join(tried)),
        remedy=tell("make engine   (or set DOCKER_HOST)"),
    )


def _list_hosts(project: Path) -> Iterator[str]:
    named = os.environ.get("DOCKER_HOST")
    if named:
        # Who names an engine means that one and no other.
        yield named
        return
    yield f"unix://{DEFAULT_SOCKET}"
    yield f"unix://{(project / PRIVATE_SOCKET).absolute()}"


def connect(host: str) -> Engine | None:
    """The engine at `host`, or `None` where none answers."""
    try:
        import docker
        import docker.errors
        import docker.utils
        import requests
    except ImportError as error:
        raise SetupError(
            tell("building and verifying images needs the docker library"),
            remedy=tell("make venv   (or: uv tool install '.[image]')"),
        ) from error
    if host.startswith("unix://") and not Path(host.removeprefix("unix://")).exists():
        return None
    try:
        tls = docker.utils.kwargs_from_env().get("tls", False)
        client = docker.DockerClient(base_url=host, timeout=TIMEOUT, tls=tls)
        client.ping()
    except (docker.errors.DockerException, requests.exceptions.RequestException, OSError):
        return None
    return Engine(client, host)
