"""The signatures of an image's inputs: found when it is locked, kept in the lock, and checked before every build.

Of a pulled base: sigstore/cosign, "Cosign Signature Specifications", storage and the Simple Signing payload. Those of
cosign's newer bundle format and of keyless signing are not read.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from envtool.documents import parse_json
from envtool.errors import SignatureError
from envtool.image.read.manifest import Descriptor
from envtool.image.read.remote import NotInRegistryError, RegistryClient, RegistryReference
from envtool.language import tell
from envtool.release.signature import PublicKey, read_key

if TYPE_CHECKING:
    from envtool.image.spec.table import ImageSpec
    from envtool.release.pin import VendorPin
    from envtool.release.source.interface import Source

BASE = "base"
_PAYLOAD = "application/vnd.dev.cosign.simplesigning.v1+json"
_ANNOTATION = "dev.cosignproject.cosign/signature"
_TYPE = "cosign container image signature"


@dataclass(frozen=True)
class LockedSignature:
    """A signature in base64 over an input, named by its wheel or as `base`, whose `payload` says what was signed."""

    name: str
    value: str
    payload: str | None = None


def find_signatures(
    spec: ImageSpec, pin: VendorPin, sources: Sequence[Source], base: str | None
) -> tuple[LockedSignature, ...]:
    """The signatures of what the table has a key for; `base` is the reference of a pulled base, by digest.

    Raises `SignatureError` where there is none, or none that is good.
    """
    found: list[LockedSignature] = []
    if spec.vendor_key is not None:
        found += (_find_wheel_signature(item.wheel or item.name, sources) for item in pin.distributions)
    if spec.base_key is not None and base is not None:
        found.append(_find_base_signature(base, read_key(spec.project / spec.base_key)))
    require_signatures(spec, pin, base, found)
    return tuple(found)


def require_signatures(
    spec: ImageSpec, pin: VendorPin, base: str | None, signatures: Sequence[LockedSignature]
) -> None:
    """Raises `SignatureError` unless everything that the table has a key for is signed with that key.

    The store checks that the wheels have the signed sha256.
    """
    held = {item.name: item for item in signatures}
    if spec.vendor_key is not None:
        key = read_key(spec.project / spec.vendor_key)
        for pinned in pin.distributions:
            name = pinned.wheel or pinned.name
            key.verify(_find_held(held, name, spec).value, bytes.fromhex(pinned.sha256 or ""), name)
    if spec.base_key is not None and base is not None:
        _require_base(read_key(spec.project / spec.base_key), _find_held(held, BASE, spec), base)


def _find_held(held: dict[str, LockedSignature], name: str, spec: ImageSpec) -> LockedSignature:
    if name not in held:
        raise SignatureError(
            tell("the lock of {name} has no signature of {file}", name=spec.name, file=name),
            why=tell("the image table names a key that it must be signed with"),
            remedy=f"envtool lock {spec.name}",
        )
    return held[name]


def _find_wheel_signature(filename: str, sources: Sequence[Source]) -> LockedSignature:
    for source in sources:
        value = source.read_signature(filename)
        if value is not None:
            return LockedSignature(filename, "".join(value.split()))
    raise SignatureError(
        tell("{filename} is not signed", filename=filename),
        why=tell("the image table names a key, and no vendor source has {filename}.sig", filename=filename),
        remedy=tell("take a source that has it, or take vendor-key out of the image table"),
    )


def _find_base_signature(reference: str, key: PublicKey) -> LockedSignature:
    """The first signature in the registry that is this key's; an image may have several, by several signers."""
    refused: SignatureError | None = None
    for signature in _find_in_registry(reference):
        try:
            _require_base(key, signature, reference)
        except SignatureError as error:
            refused = refused or error
        else:
            return signature
    raise refused or SignatureError(
        tell("{reference} is not signed", reference=reference),
        why=tell("the image table names a key, and the registry has no signature of cosign's for it"),
        remedy=tell("cosign sign --key cosign.key {reference}", reference=reference),
    )


def _find_in_registry(reference: str) -> Iterator[LockedSignature]:
    named = RegistryReference.parse(reference)
    client = RegistryClient(named)
    try:
        manifest: dict[str, Any] = parse_json(client.read_manifest(f"{named.target.replace(':', '-')}.sig"))
    except NotInRegistryError:
        return
    for layer in manifest.get("layers", ()):
        value = (layer.get("annotations") or {}).get(_ANNOTATION)
        if layer.get("mediaType") == _PAYLOAD and value:
            payload = client.read_blob(Descriptor(str(layer["digest"]), layer.get("size")))
            yield LockedSignature(BASE, str(value), base64.b64encode(payload).decode())


def _require_base(key: PublicKey, signature: LockedSignature, reference: str) -> None:
    """The signature has to be the key's over the payload, and the payload about this very image."""
    payload = base64.b64decode(signature.payload or "")
    key.verify(signature.value, hashlib.sha256(payload).digest(), reference)
    try:
        critical = parse_json(payload)["critical"]
        signed, kind = critical["image"]["docker-manifest-digest"], critical["type"]
    except (ValueError, KeyError, TypeError) as error:
        raise SignatureError(
            tell("what was signed for {reference} is not cosign's", reference=reference), why=str(error)
        ) from error
    if signed != reference.partition("@")[2] or kind != _TYPE:
        raise SignatureError(
            tell("the signature of {reference} is of another image", reference=reference),
            why=tell("it is of {signed}", signed=signed),
            remedy=tell("cosign sign --key cosign.key {reference}", reference=reference),
        )
