"""An image in a registry, read without an engine. Protocol: OCI distribution specification, "Pull".

Credentials are those of `docker login`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, TypeVar, cast

from envtool.errors import ImageError
from envtool.image.read.layer import FileSelector, LayerContents, read_layer
from envtool.image.read.load import load_image
from envtool.image.read.manifest import (
    INDEXES,
    MANIFESTS,
    Descriptor,
    digest_mismatch,
    parse_image_document,
    require_digest,
)
from envtool.language import tell

if TYPE_CHECKING:
    import requests

    from envtool.image.read.image import StoredImage

_DOCKER_HUB = "registry-1.docker.io"
# Docker's reference grammar, roughly: what may stand before the digest, and the digest.
_REFERENCE = re.compile(r"[A-Za-z0-9\[][A-Za-z0-9._:/\[\]-]*")
_DIGEST = re.compile(r"sha(?:256|384|512):[0-9a-f]+")
# Bytes of a manifest or a configuration, of which one with a long history has some hundred kilobytes.
_DOCUMENT_LIMIT = 16 << 20
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class RegistryReference:
    """`registry[:port]/name[:tag|@digest]` taken apart; `target` is the tag or the digest."""

    registry: str
    name: str
    target: str

    @classmethod
    def parse(cls, text: str) -> RegistryReference:
        """Take a reference apart as the docker command does; without a registry it is Docker Hub's.

        Raises `ImageError` for what is no reference, such as one with a password in it.
        """
        rest, separator, digest = text.partition("@")
        if not _REFERENCE.fullmatch(rest) or (separator and not _DIGEST.fullmatch(digest)):
            raise _malformed(text)
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


def _malformed(text: str) -> ImageError:
    if "@" in text:
        return ImageError(
            tell("the image's name carries a user name or password, or ends in no digest"),
            why=tell("a name ends up in process lists and logs; credentials are those of docker login"),
            remedy=tell("docker login REGISTRY   (then name the image as REGISTRY/NAME:TAG)"),
        )
    return ImageError(
        tell("{text!r} is no name of an image", text=text),
        why=tell("it is not of the form REGISTRY/NAME:TAG"),
        remedy=tell("check the name"),
    )


def is_registry_name(text: str) -> bool:
    """Whether the first part of a reference is a registry rather than a part of a name (reference grammar)."""
    return "." in text or ":" in text or text == "localhost"


def read_from_registry(text: str, selector: FileSelector, platform: str) -> StoredImage:
    """Read an image's manifest, configuration and layers. Raises `ImageError`, `SetupError`."""
    reference = RegistryReference.parse(text)
    client = RegistryClient(reference)
    what = str(reference)
    data = client.read_manifest(reference.target)
    if reference.target.startswith("sha256:"):
        require_digest(data, reference.target, what)
    return load_image(
        what,
        parse_image_document(data, tell("the manifest of {reference}", reference=what)),
        platform,
        manifest=lambda descriptor: client.read_manifest(descriptor.digest),
        configuration=client.read_blob,
        layer=lambda descriptor, number: _get_layer(client, descriptor, number, selector),
    )


def _get_layer(client: RegistryClient, descriptor: Descriptor, number: int, selector: FileSelector) -> LayerContents:
    def read() -> LayerContents:
        found = client.read_layer(descriptor, number, selector)
        if found.digest != descriptor.digest:
            # Else another image would be given what this one refuses.
            raise digest_mismatch(tell("layer {number}", number=number), descriptor.digest, found.digest)
        return found

    return read() if selector.shared is None else selector.shared.get(descriptor.digest, read)


class NotInRegistryError(ImageError):
    """The registry has no such image, tag or digest (HTTP 404)."""


class RegistryClient:
    """Reads one repository's documents and layers. Its methods raise `ImageError` and `SetupError`."""

    def __init__(self, reference: RegistryReference, *, at_root: bool = False) -> None:
        from envtool.net.registry_auth import RegistryAuth, open_registry_session

        self._reference = reference
        self._address = reference.address.removesuffix(f"/{reference.name}") if at_root else reference.address
        self._session = open_registry_session()
        self._auth = RegistryAuth(reference.registry, reference.address, reference.name)

    def read_manifest(self, target: str) -> bytes:
        """A manifest or an index, by tag or digest. Raises `NotInRegistryError` where there is none."""
        accept = ", ".join((*MANIFESTS, *INDEXES))
        return self._read(f"manifests/{target}", _read_content, {"Accept": accept})

    def read_document(self, path: str) -> bytes:
        """A document that lists something."""
        return self._read(path, _read_content)

    def read_blob(self, descriptor: Descriptor) -> bytes:
        """A blob that is no layer, such as a configuration."""
        return self._read(f"blobs/{descriptor.digest}", _read_content)

    def read_layer(self, descriptor: Descriptor, number: int, selector: FileSelector) -> LayerContents:
        """A layer, read as it comes in; `number` counts from 1."""
        name = tell("layer {number} of {reference}", number=number, reference=self._reference)
        return self._read(
            f"blobs/{descriptor.digest}",
            lambda answer: _read_layer(answer, descriptor, selector, name),
        )

    def _read(
        self, path: str, read: Callable[[requests.Response], _Result], headers: Mapping[str, str] | None = None
    ) -> _Result:
        import requests
        import urllib3.exceptions

        from envtool.net.registry_auth import UnsafeTokenServiceError
        from envtool.net.retry import RETRIES, read_with_retries

        try:
            return read_with_retries(lambda: self._send(path, headers or {}), read)
        except requests.HTTPError as error:
            raise _make_refused_error(self._reference, error.response.status_code) from error
        except UnsafeTokenServiceError as error:
            raise ImageError(
                tell("{reference} cannot be read with the credentials of docker login", reference=self._reference),
                why=str(error),
                remedy=tell("docker logout {registry}   (to read it without them)", registry=self._reference.registry),
            ) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise ImageError(
                tell("{reference} cannot be read", reference=self._reference),
                why=tell(
                    "the registry did not answer well in {retries} attempts; the last: {shorten}",
                    retries=RETRIES + 1,
                    shorten=_shorten(error),
                ),
                remedy=tell("try again later, or save the image to a file and name that"),
            ) from error

    def _send(self, path: str, headers: Mapping[str, str]) -> requests.Response:
        """The beginning of an answer; a challenge is met once. Raises `requests.RequestException`."""
        answer = self._get(path, headers)
        if answer.status_code == 401:
            answer.close()
            if self._auth.answer_challenge(self._session, answer.headers.get("WWW-Authenticate", "")):
                answer = self._get(path, headers)
        if not answer.ok:
            answer.close()
        answer.raise_for_status()
        return answer

    def _get(self, path: str, headers: Mapping[str, str]) -> requests.Response:
        from envtool.net.http import get
        from envtool.net.registry_auth import TIMEOUTS

        # Layers are compressed as they are; an encoding on the way would change their digest.
        sent = {"Accept-Encoding": "identity", **headers}
        address = f"{self._address}/{path}"
        return get(self._session, address, headers=sent, auth=self._auth, timeout=TIMEOUTS, stream=True)


def _read_content(answer: requests.Response) -> bytes:
    from envtool.net.bounds import read_content

    return read_content(answer, _DOCUMENT_LIMIT)


def _read_layer(answer: requests.Response, descriptor: Descriptor, selector: FileSelector, name: str) -> LayerContents:
    from envtool.net.bounds import BoundedBody

    # One byte more than it should have tells that it is another.
    limit = descriptor.size + 1 if descriptor.size is not None else None
    with BoundedBody(answer, limit) as body:
        return read_layer(cast("IO[bytes]", body), selector, name=name)


def _make_refused_error(reference: RegistryReference, status: int) -> ImageError:
    if status in {401, 403}:
        return ImageError(
            tell("the registry does not let you read {reference}", reference=reference),
            why=tell("HTTP {status}: no credentials, or none that may", status=status),
            remedy=f"docker login {reference.registry}",
        )
    if status == 404:
        return NotInRegistryError(
            tell("the registry has no {reference}", reference=reference),
            why="HTTP 404",
            remedy=tell("check the name, the tag or the digest"),
        )
    return ImageError(
        tell("{reference} cannot be read", reference=reference),
        why=tell("the registry answered HTTP {status}", status=status),
        remedy=tell("try again later"),
    )


def _shorten(error: BaseException) -> str:
    """The reason, without what requests and urllib3 wrap around it."""
    while error.args and isinstance(error.args[0], BaseException):
        error = error.args[0]
    error = getattr(error, "reason", None) or error
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
