"""Images from released sources: a base pulled from a registry, a channel, a vendor folder, keys; and their children.

What cannot be had here is stood in for by what the embedded default is made from: its base in a registry of our own,
its conda packages as a channel, and its stand-in wheels. The sources, and the way from them to an image, are the real
ones.
"""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from envtool.demo.python_index import index_server
from envtool.demo.vendor_release import write_release
from envtool.image.engine.client import Engine
from envtool.image.lock.lockfile import FOLDER, read_lock
from envtool.image.spec.labels import OWN
from envtool.image.spec.table import read_table
from envtool.wheel.store import get_default_store
from tests.support.docker_command import Ran, run
from tests.support.docker_envtool import PROJECT, envtool, in_container

pytestmark = pytest.mark.docker

TABLE = """
[image.rel-base]
title = "A released base"
sources = "released"
recipe = "rel-base"
inherits = "hac-base"
python = "3.11"
torch = "1.7.1"
release = "22.8.0"
size-budget = "900 MB"
epoch = 1661990400
vendor-key = "vendor.pub"
base-key = "base.pub"

[image.rel-base.base]
reference = "{base}"

[image.rel-child]
title = "With a conda package and a wheel more"
parent = "rel-base"
recipe = "rel-child"
size-budget = "900 MB"

[image.rel-grandchild]
title = "A child of a child"
parent = "rel-child"
recipe = "rel-grandchild"
size-budget = "900 MB"
"""
ENVIRONMENT = "channels:\n  - {channel}\nplatforms:\n  - linux-64\ndependencies:\n"


@dataclass(frozen=True)
class Maintainer:
    """A checkout with a table of released images, the vendor's folder, and the key that signs base and wheels."""

    project: Path
    vendor: Path
    key: ec.EllipticCurvePrivateKey
    base: str

    def run(self, *arguments: str) -> Ran:
        """Run envtool there."""
        return envtool(*arguments, "--project", self.project, HAC_VENDOR=str(self.vendor))


def signature(key: ec.EllipticCurvePrivateKey, data: bytes) -> str:
    return base64.b64encode(key.sign(data, ec.ECDSA(hashes.SHA256()))).decode()


def channel_of_the_embedded_packages(folder: Path) -> None:
    from rattler.index import index_fs

    spec = read_table(PROJECT)["hac-base"]
    own = PROJECT / ".work/lockfiles"
    lock = read_lock(spec, own if (own / f"{spec.name}.lock.toml").exists() else PROJECT / FOLDER)
    store = get_default_store()
    for package in {*lock.packages, *lock.tool_packages}:
        stored = store.find(package.sha256)
        assert stored is not None, "hac-base was built from it"
        target = folder / package.url.split("/")[-2] / package.filename
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(stored, target)
    asyncio.run(index_fs(folder, force=True, write_shards=False))


def sign_in_registry(registry: str, name: str, digest: str, key: ec.EllipticCurvePrivateKey) -> None:
    """What `cosign sign --key` puts beside an image."""
    import hashlib

    import requests

    critical = {
        "identity": {"docker-reference": f"{registry}/{name}"},
        "image": {"docker-manifest-digest": digest},
        "type": "cosign container image signature",
    }
    payload = json.dumps({"critical": critical, "optional": None}).encode()
    address = f"http://{registry}/v2/{name}"
    described = []
    for data in (b"{}", payload):
        blob = f"sha256:{hashlib.sha256(data).hexdigest()}"
        place = requests.post(f"{address}/blobs/uploads/", timeout=30).headers["Location"]
        requests.put(place, params={"digest": blob}, data=data, timeout=30).raise_for_status()
        described.append({"digest": blob, "size": len(data)})
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = {
        "schemaVersion": 2,
        "mediaType": kind,
        "config": {**described[0], "mediaType": "application/vnd.oci.image.config.v1+json"},
        "layers": [
            {
                **described[1],
                "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json",
                "annotations": {"dev.cosignproject.cosign/signature": signature(key, payload)},
            }
        ],
    }
    tag = f"{digest.replace(':', '-')}.sig"
    headers = {"Content-Type": kind}
    requests.put(f"{address}/manifests/{tag}", json=manifest, headers=headers, timeout=30).raise_for_status()


@pytest.fixture(scope="module")
def maintainer(
    hac_base: str, registry: str, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Maintainer]:
    folder = tmp_path_factory.mktemp("released")
    project = folder / "checkout"
    shutil.copytree(PROJECT, project, symlinks=True, ignore=shutil.ignore_patterns(".work", ".venv", ".git", "*_cache"))
    reference = f"{registry}/team/debian"
    layers = engine.inspect_image(hac_base)["RootFS"]["Layers"]
    base = next(
        image
        for image in engine.client.images.list(name="hac-bootstrap")
        if image.attrs["RootFS"]["Layers"] == layers[:1]
    )
    base.tag(reference, "12")
    pushed = run(["docker", "push", f"{reference}:12"])
    assert pushed.status == 0, pushed.output
    digest = next(word for word in pushed.output.split() if word.startswith("sha256:") and len(word) == 71)
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for name in ("vendor.pub", "base.pub"):
        (project / name).write_bytes(pem)
    sign_in_registry(registry, "team/debian", digest, key)
    write_release(folder / "vendor", (3, 11))
    for wheel in list((folder / "vendor").glob("*.whl")):
        wheel.with_name(f"{wheel.name}.sig").write_text(signature(key, wheel.read_bytes()))
    (folder / "served/simple").mkdir(parents=True)
    channel_of_the_embedded_packages(folder / "served/simple/channel")
    with index_server(folder / "served") as address:
        _recipes(project, ENVIRONMENT.format(channel=f"{address}channel"))
        (project / "images/images.toml").write_text(
            (PROJECT / "images/images.toml").read_text() + TABLE.format(base=f"{reference}:12")
        )
        yield Maintainer(project, folder / "vendor", key, f"{reference}@{digest}")
    for name in ("rel-grandchild", "rel-child", "rel-base"):
        for tag in [tag for image in engine.client.images.list(name=name) for tag in image.tags]:
            engine.client.images.remove(tag, force=True)


def _recipes(project: Path, environment: str) -> None:
    """The child's environment has a package more; the grandchild, which needs none, a file of its own."""
    images = project / "images"
    for name in ("rel-base", "rel-child", "rel-grandchild/rootfs/srv", "rel-grandchild/checks"):
        (images / name).mkdir(parents=True)
    pythons = "  - python 3.11.*\n  - pip\n  - setuptools\n"
    (images / "rel-base/environment.yml").write_text(f"{environment}{pythons}")
    (images / "rel-base/envtool-environment.yml").write_text(f"{environment}  - python 3.11.*\n  - tini\n")
    (images / "rel-child/environment.yml").write_text(f"{environment}{pythons}  - tini\n")
    (images / "rel-child/requirements.txt").write_text("einops==0.8.1\n")
    (images / "rel-grandchild/rootfs/srv/own").write_text("mine\n")
    check = images / "rel-grandchild/checks/95-own"
    check.write_text("#!/bin/sh\n# title: its own file is there\ntest -f /srv/own\n")
    check.chmod(0o755)


@pytest.fixture(scope="module")
def built(maintainer: Maintainer) -> Maintainer:
    locked = maintainer.run("lock", "rel-base", "rel-child", "rel-grandchild")
    assert locked.status == 0, locked.output
    made = maintainer.run("build", "rel-grandchild", "--format", "json")
    assert made.status == 0, made.output
    return maintainer


def test_a_named_child_builds_what_it_starts_from(built: Maintainer, engine: Engine) -> None:
    labels = engine.inspect_image("rel-grandchild")["Config"]["Labels"]
    assert labels[f"{OWN}image"] == "rel-grandchild"
    assert labels[f"{OWN}parent"] == "rel-child"
    assert labels["org.opencontainers.image.base.digest"] == built.base.partition("@")[2]
    layers = [engine.inspect_image(name)["RootFS"]["Layers"] for name in ("rel-base", "rel-child", "rel-grandchild")]
    assert layers[1][: len(layers[0])] == layers[0]
    assert layers[2][: len(layers[1])] == layers[1]
    # The parent's environment does not come once more.
    assert (built.project / ".work/contexts/rel-child/layers/60-environment.tar").stat().st_size < 4 << 20
    inside = in_container(
        "rel-grandchild", "sh", "-c", "id -un; cat /srv/own; tini --version; python -c 'import einops'; envtool doctor"
    )
    assert inside.status == 0, inside.output
    assert inside.output.startswith("hac\nmine\ntini version")
    again = built.run("build", "rel-grandchild")
    assert again.output.count("everything reused") == 3


def test_children_keep_the_checks_of_all_before_them(built: Maintainer) -> None:
    done = built.run("verify", "rel-base", "rel-grandchild")
    assert done.status == 0, done.output
    assert done.output.count("pass  20-torch") == 2
    assert done.output.count("pass  95-own") == 1


def test_what_is_the_childs_is_renewed_alone(built: Maintainer) -> None:
    path = built.project / "lockfiles/rel-child.lock.toml"
    before = path.read_text()
    requirements = built.project / "images/rel-child/requirements.txt"
    same = built.run("lock", "rel-child", "--upgrade", "einops")
    assert same.status == 0, same.output
    assert "nothing to renew" in same.output
    refused = built.run("lock", "rel-child", "--upgrade", "setuptools")
    assert refused.status == 12
    assert "envtool lock rel-base --upgrade setuptools" in refused.output
    assert path.read_text() == before
    requirements.write_text("einops<0.8\n")
    stale = built.run("build", "rel-child")
    requirements.write_text("einops==0.8.1\n")
    assert stale.status == 12
    assert "out of date" in stale.output


def test_a_bad_signature_stops_the_build(built: Maintainer, engine: Engine) -> None:
    before = engine.inspect_image("rel-base")["Id"]
    (built.project / "images/rel-base/rootfs").mkdir()
    (built.project / "images/rel-base/rootfs/new").write_text("so that there is something to build")
    path = built.project / "lockfiles/rel-base.lock.toml"
    good = path.read_text()
    value = next(line for line in good.splitlines() if line.startswith("value = "))
    path.write_text(good.replace(value, f'value = "{signature(built.key, b"something else")}"', 1))
    try:
        done = built.run("build", "rel-base")
        torch = next(built.vendor.glob("torch-*.sig"))
        kept = torch.read_text()
        torch.write_text(signature(ec.generate_private_key(ec.SECP256R1()), b"x"))
        try:
            locked = built.run("lock", "rel-base", "--upgrade", "torch")
        finally:
            torch.write_text(kept)
    finally:
        path.write_text(good)
        shutil.rmtree(built.project / "images/rel-base/rootfs")
    assert done.status == 21, done.output
    assert "is not good" in done.output
    assert locked.status == 21, locked.output
    assert engine.inspect_image("rel-base")["Id"] == before
