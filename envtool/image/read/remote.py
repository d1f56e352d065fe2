"""An image in a registry, read without an engine. Protocol: OCI distribution specification, "Pull".

Credentials are those of `docker login`; oras knows them and how registries hand out tokens.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING, Any, TypeVar, cast

from envtool.errors import ImageError, SetupError
from envtool.image.read.image import StoredImage
from envtool.image.read.layer import FileSelector, LayerContents, read_layer
from envtool.image.read.load import load_image
from envtool.image.read.manifest import INDEXES, MANIFESTS, Descriptor, parse_json, require_digest

if TYPE_CHECKING:
    import requests

# Seconds to connect, and without a byte: a registry that stalls is an error, not a wait without end.
_TIMEOUTS = (10, 60)
_ATTEMPTS = 4
_LONGEST_WAIT = 30.0
_AGAIN = frozenset({429, 500, 502, 503, 504})
_DOCKER_HUB = "registry-1.docker.io"
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class RegistryReference:
    """`registry[:port]/name[:tag|@digest]` taken apart; `target` is the tag or the digest."""

    registry: str
    name: str
    target: str

    @classmethod
    def parse(cls, text: str) -> RegistryReference:
        """Take a reference apart as the docker command does; without a registry it is Docker Hub's."""
        rest, separator, digest = text.partition("@")
        first, slash, path = rest.partition("/")
        if not slash or not is_registry_name(first):
            first, path = "docker.io", rest if slash else f"library/{rest}"
        name, _, tag = path.partition(":")
        return cls(first, name, digest if separator else tag or "latest")

    @property
    def address(self) -> str:
        """Where the registry's API begins; plain HTTP on this machine only, as the docker command has it."""
        host = _DOCKER_HUB if self.registry == "docker.io" else self.registry
        is_local = host.partition(":")[0] in {"localhost", "127.0.0.1"}
        return f"{'http' if is_local else 'https'}://{host}/v2/{self.name}"

    def __str__(self) -> str:
        separator = "@" if self.target.startswith("sha256:") else ":"
        return f"{self.registry}/{self.name}{separator}{self.target}"


def is_registry_name(text: str) -> bool:
    """Whether the first part of a reference is a registry rather than a part of a name (reference grammar)."""
    return "." in text or ":" in text or text == "localhost"


def read_from_registry(text: str, selector: FileSelector, platform: str) -> StoredImage:
    """Read an image's manifest, configuration and layers. Raises `ImageError`, `SetupError`."""
    reference = RegistryReference.parse(text)
    client = RegistryClient(reference)
    what = str(reference)
    data = client.manifest(reference.target)
    if reference.target.startswith("sha256:"):
        require_digest(data, reference.target, what)
    return load_image(
        what,
        parse_json(data, f"the manifest of {what}"),
        platform,
        manifest=lambda descriptor: client.manifest(descriptor.digest),
        configuration=client.blob,
        layer=lambda descriptor, number: client.layer(descriptor, number, selector),
    )


class RegistryClient:
    """Asks one registry for one repository's documents and blobs."""

    def __init__(self, reference: RegistryReference) -> None:
        try:
            import oras.provider
        except ImportError as error:
            raise SetupError(
                "reading from a registry needs the library oras", remedy="make venv   (or: uv tool install '.[image]')"
            ) from error
        self._reference = reference
        self._provider: Any = oras.provider.Registry(
            hostname=reference.registry, insecure=reference.address.startswith("http:"), auth_backend="token"
        )
        self._provider.auth.load_configs(self._provider.get_container(str(reference)))
        _limit_waiting(self._provider.session)
        # Without oras's own attempts, which would make two minutes of each of ours; where it has none, as it is.
        ask = type(self._provider).do_request
        self._ask: Callable[..., Any] = partial(getattr(ask, "__wrapped__", ask), self._provider)

    def manifest(self, target: str) -> bytes:
        """A manifest or an index, by tag or digest."""
        accept = ", ".join((*MANIFESTS, *INDEXES))
        return self._retry(lambda: self._get(f"manifests/{target}", {"Accept": accept}).content)

    def blob(self, descriptor: Descriptor) -> bytes:
        """A blob that is no layer: a configuration."""
        return self._retry(lambda: self._get(f"blobs/{descriptor.digest}", {"Accept": "*/*"}).content)

    def layer(self, descriptor: Descriptor, number: int, selector: FileSelector) -> LayerContents:
        """A layer, read as it comes in."""
        what = f"layer {number} of {self._reference}"

        def read() -> LayerContents:
            with self._get(f"blobs/{descriptor.digest}", {}, stream=True) as response:
                return read_layer(cast("IO[bytes]", response.raw), selector, name=what)

        return self._retry(read)

    def _get(self, path: str, headers: Mapping[str, str], *, stream: bool = False) -> requests.Response:
        response: requests.Response = self._ask(
            f"{self._reference.address}/{path}", headers=dict(headers), stream=stream
        )
        if response.status_code in _AGAIN:
            raise _Busy(response.status_code, response.headers.get("Retry-After", ""))
        if response.status_code != 200:
            raise _refused(self._reference, response.status_code)
        return response

    def _retry(self, ask: Callable[[], _Answer]) -> _Answer:
        """Ask again where the registry is at fault or the connection broke, a bounded number of times."""
        import requests
        import urllib3.exceptions

        reason = ""
        for attempt in range(_ATTEMPTS):
            try:
                return ask()
            except _Busy as busy:
                reason = f"HTTP {busy.status}"
                wait = busy.wait(attempt)
            except (requests.RequestException, urllib3.exceptions.HTTPError, ConnectionError, TimeoutError) as error:
                reason, wait = _short(error), 0.5 * 2**attempt
            except ValueError as error:
                # oras says so where it has no credentials that the registry would take.
                raise _refused(self._reference, 401) from error
            if attempt + 1 < _ATTEMPTS:
                time.sleep(wait)
        raise ImageError(
            f"{self._reference} cannot be read",
            why=f"the registry did not answer well in {_ATTEMPTS} attempts; the last: {reason}",
            remedy="try again later, or save the image to a file and name that",
        )


@dataclass
class _Busy(Exception):
    """The registry asks to come again."""

    status: int
    retry_after: str

    def wait(self, attempt: int) -> float:
        """Seconds to wait: what the registry says (RFC 9110, Retry-After), else longer each time."""
        return min(float(self.retry_after) if self.retry_after.isdigit() else 0.5 * 2**attempt, _LONGEST_WAIT)


def _limit_waiting(session: Any) -> None:
    from requests.adapters import HTTPAdapter

    class Limited(HTTPAdapter):
        def send(self, *arguments: Any, **options: Any) -> requests.Response:
            return super().send(*arguments, **{**options, "timeout": options.get("timeout") or _TIMEOUTS})

    for scheme in ("http://", "https://"):
        session.mount(scheme, Limited())


def _refused(reference: RegistryReference, status: int) -> ImageError:
    if status in {401, 403}:
        return ImageError(
            f"the registry does not let you read {reference}",
            why=f"HTTP {status}: no credentials, or none that may",
            remedy=f"docker login {reference.registry}",
        )
    if status == 404:
        return ImageError(
            f"the registry has no {reference}", why="HTTP 404", remedy="check the name, the tag or the digest"
        )
    return ImageError(
        f"{reference} cannot be read", why=f"the registry answered HTTP {status}", remedy="try again later"
    )


def _short(error: BaseException) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
