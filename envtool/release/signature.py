"""Signatures as cosign makes them with a key of its own: base64 of a signature over the sha256 of what is signed.

Source: sigstore/cosign, "Cosign Signature Specifications" (properties, signature schemes); `cosign sign-blob`, whose
output for a file is the same without a payload. Keys are PEM (RFC 7468): ECDSA, which is cosign's own, or RSA.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import SetupError, SignatureError
from envtool.language import tell
from envtool.regular_file import read_regular_file

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

# Beside a wheel lies its signature under the wheel's name and this.
SUFFIX = ".sig"


@dataclass(frozen=True)
class PublicKey:
    """A public key, and the file it was read from."""

    path: Path
    key: EllipticCurvePublicKey | RSAPublicKey

    def verify(self, signature: str, digest: bytes, what: str) -> None:
        """Raises `SignatureError` unless `signature` is this key's over what has the sha256 `digest`."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
        from cryptography.hazmat.primitives.hashes import SHA256

        hashed = Prehashed(SHA256())
        try:
            data = base64.b64decode("".join(signature.split()), validate=True)
            if isinstance(self.key, EllipticCurvePublicKey):
                self.key.verify(data, digest, ECDSA(hashed))
            else:
                self.key.verify(data, digest, PKCS1v15(), hashed)
        except (InvalidSignature, binascii.Error, ValueError) as error:
            raise SignatureError(
                tell("the signature of {what} is not good", what=what),
                why=tell("it is not one of the key {path} over these very bytes", path=self.path),
                remedy=tell("do not use them; ask whoever offers them, or check the key that the image table names"),
            ) from error


def read_key(path: Path) -> PublicKey:
    """The public key in a PEM file. Raises `SignatureError` where it is none that is known here, `SetupError`."""
    try:
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError as error:
        raise SetupError(
            tell("checking signatures needs the library cryptography"),
            remedy=tell("make venv   (or: uv tool install '.[image]')"),
        ) from error
    try:
        key = load_pem_public_key(read_regular_file(path))
    except (OSError, ValueError) as error:
        raise SignatureError(
            tell("{path} is not a public key", path=path),
            why=str(error),
            remedy=tell("cosign public-key --key cosign.key > cosign.pub"),
        ) from error
    if not isinstance(key, EllipticCurvePublicKey | RSAPublicKey):
        raise SignatureError(
            tell("{path} is a key of a kind that is not known here", path=path), why=tell("known are ECDSA and RSA")
        )
    return PublicKey(path, key)
