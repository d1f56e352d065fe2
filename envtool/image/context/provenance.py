"""What an image was made from, as a statement that can be signed: an in-toto Statement v1 with SLSA provenance v1.

Formats: in-toto Attestation Framework, "Statement layer specification"; SLSA, "Provenance", version 1.0. All of it
follows from the lock and the checkout, so the same two make the same statement.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import envtool
from envtool.image.spec.labels import OCI

if TYPE_CHECKING:
    from envtool.image.graph import PlannedImage
    from envtool.image.lock.lockfile import ImageLock

BUILD_TYPE = "https://hac-envtool.invalid/build/v1"
_STATEMENT = "https://in-toto.io/Statement/v1"
_PREDICATE = "https://slsa.dev/provenance/v1"
_BUILDER = "https://hac-envtool.invalid/envtool"


def render_provenance(member: PlannedImage, identity: str) -> str:
    """The statement about the image whose id (the digest of its configuration) is `identity`."""
    spec, lock, labels = member.spec, member.lock, member.labels
    statement = {
        "_type": _STATEMENT,
        "subject": [{"name": spec.name, "digest": _digest(identity)}],
        "predicateType": _PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "image": spec.name,
                    "sources": spec.sources,
                    "source": labels.get(f"{OCI}source", ""),
                    "revision": labels.get(f"{OCI}revision", ""),
                    "parent": member.parent.name if member.parent is not None else None,
                    "lock": f"sha256:{lock.checksum()}",
                },
                "internalParameters": {"labels": dict(sorted(labels.items())), "stand-in": lock.pin.stand_in},
                "resolvedDependencies": list(_list_dependencies(lock)),
            },
            "runDetails": {"builder": {"id": _BUILDER, "version": {"envtool": envtool.__version__}}},
        },
    }
    return json.dumps(statement, indent=1) + "\n"


def _list_dependencies(lock: ImageLock) -> Iterator[dict[str, Any]]:
    """Every input with its hash, as a SLSA ResourceDescriptor."""
    name = lock.base.reference or "bootstrapped-base"
    uri = f"pkg:oci/{quote(name.rpartition('/')[2].partition(':')[0])}" if lock.base.reference else f"file:{name}.tar"
    yield {"name": name, "uri": uri, "digest": _digest(lock.base.digest)}
    for package in (*lock.packages, *lock.tool_packages):
        yield {"name": package.filename, "uri": package.url, "digest": {"sha256": package.sha256}}
    for pinned in lock.pin.distributions:
        purl = f"pkg:pypi/{pinned.name}@{quote(pinned.version)}"
        yield {"name": pinned.wheel or pinned.name, "uri": purl, "digest": {"sha256": pinned.sha256}}
    for item in (*lock.wheels, *lock.tools, *lock.requirements):
        yield {"name": item.name, "uri": f"file:{quote(item.name)}", "digest": {"sha256": item.sha256}}


def _digest(text: str) -> dict[str, str]:
    kind, _, value = text.partition(":")
    return {kind: value}
