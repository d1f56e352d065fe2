"""Signatures in cosign's forms: of files, of images in a registry, by keys of the kinds that cosign has."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from envtool.errors import SignatureError, SpecError
from envtool.image.lock.lockfile import FOLDER, read_lock, write_lock
from envtool.image.lock.signatures import LockedSignature, find_signatures, require_signatures
from envtool.image.spec.table import ImageSpec, read_table
from envtool.release.pin import VendorPin
from envtool.release.signature import read_key
from envtool.release.source.folder import FolderSource
from tests.support.image_layout import Layout, registry

# Made by another program: openssl ecparam -genkey -name prime256v1; openssl dgst -sha256 -sign key.pem | base64.
OPENSSL_KEY = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEhDpKt34oOJ/tec3+wrdHIuGpwGsy
7/Z5FSTBfhoNIpBFYCNY0F+UXPXtmdCvLoFUjWF7JMibBt6XUL1+XHr5OA==
-----END PUBLIC KEY-----
"""
OPENSSL_SIGNATURE = "MEQCIG5JXQEObqeXfbwy7PZ6vQ8Gslpl6lUNgps1jOCwss1XAiAs80pIBn21wvfW6GGNurNOpCbu2top8J8+hid+Rnj8/A=="
SIGNED = b"signed by openssl\n"


def elliptic() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def signed(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, data: bytes) -> str:
    """What `cosign sign-blob --key` prints."""
    if isinstance(key, rsa.RSAPrivateKey):
        value = key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    else:
        value = key.sign(data, ec.ECDSA(hashes.SHA256()))
    return base64.b64encode(value).decode()


def public(key: Any, path: Path) -> Path:
    """What `cosign public-key` writes."""
    path.write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return path


def test_a_signature_of_another_programs(tmp_path: Path) -> None:
    path = tmp_path / "openssl.pub"
    path.write_text(OPENSSL_KEY)
    read_key(path).verify(OPENSSL_SIGNATURE, hashlib.sha256(SIGNED).digest(), "it")
    with pytest.raises(SignatureError, match="the signature of it is not good"):
        read_key(path).verify(OPENSSL_SIGNATURE, hashlib.sha256(SIGNED + b"!").digest(), "it")


@pytest.mark.parametrize("make", [elliptic, lambda: rsa.generate_private_key(65537, 2048)])
def test_good_and_bad_signatures(tmp_path: Path, make: Callable[[], Any]) -> None:
    private = make()
    key, digest = read_key(public(private, tmp_path / "key.pub")), hashlib.sha256(b"x").digest()
    good = signed(private, b"x")
    key.verify(good + "\n", digest, "it")
    for bad in (signed(make(), b"x"), signed(private, b"y"), "", "!", good[:-8], "\0"):
        with pytest.raises(SignatureError):
            key.verify(bad, digest, "it")


def test_what_is_no_key(tmp_path: Path) -> None:
    with pytest.raises(SignatureError, match="is not a public key"):
        read_key(tmp_path / "missing.pub")
    (tmp_path / "text.pub").write_text("hello")
    with pytest.raises(SignatureError, match="is not a public key"):
        read_key(tmp_path / "text.pub")
    with pytest.raises(SignatureError, match="of a kind that is not known"):
        read_key(public(ed25519.Ed25519PrivateKey.generate(), tmp_path / "other.pub"))


def edit(project: Path, old: str, new: str) -> None:
    path = project / "images/images.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))


VENDOR_KEY = 'title = "HAC base image with stand-ins for the vendor\'s distributions"\n'
RELEASED = 'title = "HAC base image, vendor release 22.8.0"\n'


def with_vendor_key(project: Path, private: Any) -> ImageSpec:
    public(private, project / "vendor.pub")
    edit(project, VENDOR_KEY, f'{VENDOR_KEY}vendor-key = "vendor.pub"\n')
    return read_table(project)["hac-base"]


def wheels_beside(folder: Path, private: Any, pin: VendorPin) -> FolderSource:
    """A vendor folder with signatures; nothing here looks into the wheels, whose hashes are locked."""
    folder.mkdir()
    for item in pin.distributions:
        digest = bytes.fromhex(item.sha256 or "")
        value = private.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256())))
        (folder / f"{item.wheel}.sig").write_bytes(base64.b64encode(value) + b"\n")
    return FolderSource(folder)


def test_the_vendors_wheels(project: Path, tmp_path: Path) -> None:
    private = elliptic()
    pin = read_lock(read_table(project)["hac-base"], project / FOLDER).pin
    source = wheels_beside(tmp_path / "wheels", private, pin)
    spec = with_vendor_key(project, private)
    found = find_signatures(spec, pin, [source], None)
    assert [item.name for item in found] == [item.wheel for item in pin.distributions]
    require_signatures(spec, pin, None, found)
    first, *rest = pin.distributions
    swapped = replace(pin, distributions=(replace(first, sha256="0" * 64), *rest))
    with pytest.raises(SignatureError, match="is not good"):
        require_signatures(spec, swapped, None, found)
    with pytest.raises(SignatureError, match="has no signature of") as caught:
        require_signatures(spec, pin, None, found[1:])
    assert caught.value.remedy == "envtool lock hac-base"
    with pytest.raises(SignatureError, match="is not good"):
        find_signatures(with_other_key(spec), pin, [source], None)
    (tmp_path / "wheels" / f"{first.wheel}.sig").unlink()
    with pytest.raises(SignatureError, match="is not signed"):
        find_signatures(spec, pin, [source], None)


def with_other_key(spec: ImageSpec) -> ImageSpec:
    public(elliptic(), spec.project / "other.pub")
    return replace(spec, vendor_key="other.pub")


def test_a_lock_keeps_them_and_a_new_key_makes_it_stale(project: Path, tmp_path: Path) -> None:
    private = elliptic()
    before = read_table(project)["hac-base"]
    lock = read_lock(before, project / FOLDER)
    spec = with_vendor_key(project, private)
    assert spec.checksum() != before.checksum()
    found = find_signatures(spec, lock.pin, [wheels_beside(tmp_path / "wheels", private, lock.pin)], None)
    signed_lock = replace(lock, signatures=(*found, LockedSignature("base", "x", "eA==")))
    write_lock(signed_lock, tmp_path / "locks")
    assert read_lock(spec, tmp_path / "locks") == signed_lock
    checksum = spec.checksum()
    public(elliptic(), project / "vendor.pub")
    assert spec.checksum() != checksum


def test_keys_in_the_table(project: Path) -> None:
    edit(project, VENDOR_KEY, f'{VENDOR_KEY}vendor-key = "nowhere.pub"\nbase-key = 3\n')
    with pytest.raises(SpecError) as caught:
        read_table(project)
    assert "vendor-key: there is no file nowhere.pub" in caught.value.why
    assert "base-key: a base that is bootstrapped" in caught.value.why


@dataclass
class Signed:
    """A repository with an image and cosign's signatures of it."""

    layout: Layout = field(default_factory=Layout)

    def sign(self, digest: str, *layers: tuple[Mapping[str, Any], Any]) -> None:
        """Each of a payload and the key that signs it."""
        rows = []
        for payload, private in layers:
            data = json.dumps(payload).encode()
            rows.append(
                {
                    **self.layout.blob(data),
                    "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json",
                    "annotations": {"dev.cosignproject.cosign/signature": signed(private, data)},
                }
            )
        manifest = json.dumps({"schemaVersion": 2, "config": self.layout.blob(b"{}"), "layers": rows}).encode()
        self.layout.blobs[f"{digest.replace(':', '-')}.sig"] = manifest


def payload(digest: str, kind: str = "cosign container image signature") -> dict[str, Any]:
    critical = {"identity": {"docker-reference": ""}, "image": {"docker-manifest-digest": digest}, "type": kind}
    return {"critical": critical, "optional": None}


def test_a_pulled_base(project: Path) -> None:
    private, stranger = elliptic(), elliptic()
    public(private, project / "base.pub")
    edit(project, RELEASED, f'{RELEASED}base-key = "base.pub"\n')
    spec = read_table(project)["hac-base-22.8.0-py38"]
    pin = read_lock(read_table(project)["hac-base"], project / FOLDER).pin
    made = Signed()
    digest = made.layout.image([{"etc/os-release": b"ID=debian"}])
    other = made.layout.image([{"etc/os-release": b"ID=other"}])
    with registry(made.layout, "debian") as name:
        reference = f"{name}@{digest}"
        with pytest.raises(SignatureError, match="is not signed"):
            find_signatures(spec, pin, (), reference)
        # Several have signed it; one of them is the right one.
        made.sign(digest, (payload(digest), stranger), (payload(digest), private))
        found = find_signatures(spec, pin, (), reference)
        assert [item.name for item in found] == ["base"]
        made.sign(digest, (payload(other), private))
        with pytest.raises(SignatureError, match="is of another image"):
            find_signatures(spec, pin, (), reference)
        made.sign(digest, (payload(digest), stranger))
        with pytest.raises(SignatureError, match="is not good"):
            find_signatures(spec, pin, (), reference)
        made.sign(digest, (payload(digest, "another kind"), private))
        with pytest.raises(SignatureError):
            find_signatures(spec, pin, (), reference)
    # Without the registry: from the lock.
    require_signatures(spec, pin, reference, found)
    with pytest.raises(SignatureError, match="is of another image"):
        require_signatures(spec, pin, f"{name}@{other}", found)
