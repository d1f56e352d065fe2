"""Lock and inputs → BuildContext: a folder that any Docker builder turns into the image, without a network."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import envtool
from envtool.errors import BuildError, SetupError
from envtool.image.assemble import assemble, is_executable, recipe_files
from envtool.image.inputs import Inputs, Progress
from envtool.image.lock import ImageLock
from envtool.image.spec import ImageSpec
from envtool.image.tool import run
from envtool.vendor.store import reported

# OCI image specification, "Pre-defined annotation keys", and our own beside them.
OCI = "org.opencontainers.image."
OWN = "io.hac-envtool."
CONTEXT_LABEL = f"{OWN}context"


@dataclass(frozen=True)
class BuildContext:
    """A folder ready for `docker build`, and the labels its image gets."""

    folder: Path
    base: str
    labels: Mapping[str, str]


def base_tag(lock: ImageLock) -> str:
    """What the image starts from, as the Dockerfile's FROM names it."""
    if lock.base.reference is not None:
        return f"{lock.base.reference.partition('@')[0]}@{lock.base.digest}"
    return f"hac-bootstrap:{lock.base.digest.removeprefix('sha256:')[:16]}"


def image_labels(spec: ImageSpec, lock: ImageLock) -> dict[str, str]:
    """The image's labels, all known before anything is fetched or built."""
    labels = {
        f"{OCI}title": spec.title,
        f"{OCI}version": f"{envtool.__version__}-{spec.release}",
        f"{OCI}source": _source(spec.project),
        f"{OCI}revision": _revision(spec.project),
        f"{OCI}created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(spec.epoch)),
        f"{OCI}base.digest": lock.base.digest,
        f"{OCI}base.name": lock.base.reference or f"debian-{spec.base.bootstrap}-bootstrapped",
        f"{OWN}image": spec.name,
        f"{OWN}vendor.release": spec.release,
        f"{OWN}torch.version": lock.pin.torch.version,
        f"{OWN}lock": lock.checksum(),
        f"{OWN}stand-in": str(lock.pin.stand_in).lower(),
        f"{OWN}size-budget": str(spec.size_budget),
    }
    return {**labels, CONTEXT_LABEL: _fingerprint(spec, labels)}


def _source(project: Path) -> str:
    """Where the clone comes from, without a credential; a folder of this machine says nothing elsewhere."""
    try:
        address = run(["git", "-C", project, "config", "--get", "remote.origin.url"]).strip()
    except (BuildError, SetupError):
        address = ""
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https", "ssh", "git"} or parts.hostname is None:
        return "hac-envtool"
    return f"{parts.scheme}://{parts.hostname}{parts.path}"


def _revision(project: Path) -> str:
    try:
        revision = run(["git", "-C", project, "rev-parse", "HEAD"]).strip()
        changed = run(["git", "-C", project, "status", "--porcelain", "--untracked-files=no"]).strip()
    except (BuildError, SetupError):
        # Not a clone, or no git: an archive of the source has no revision to name.
        return "unknown"
    return f"{revision}-dirty" if changed else revision


def _fingerprint(spec: ImageSpec, labels: Mapping[str, str]) -> str:
    """One sha256 over everything the image is made from: two images with the same one are the same."""
    digest = hashlib.sha256(json.dumps(labels, sort_keys=True).encode())
    for path in recipe_files(spec):
        mode = "x" if is_executable(path) else "-"
        digest.update(f"{path.relative_to(spec.project)}\0{mode}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def make_context(
    spec: ImageSpec, lock: ImageLock, inputs: Inputs, folder: Path, labels: Mapping[str, str], progress: Progress
) -> BuildContext:
    """Assemble the context in `folder`, which appears whole or stays as it was. Raises `BuildError`, `StoreError`."""
    incoming = folder.with_name(f"{folder.name}.incoming")
    with reported(folder.parent):
        shutil.rmtree(incoming, ignore_errors=True)
        (incoming / "layers").mkdir(parents=True)
        assemble(spec, lock, inputs, incoming / "layers", progress)
        template = (spec.project / "Dockerfile").read_text()
        (incoming / "Dockerfile").write_text(render_dockerfile(template, base_tag(lock), labels))
        shutil.rmtree(folder, ignore_errors=True)
        incoming.rename(folder)
    return BuildContext(folder, base_tag(lock), labels)


def render_dockerfile(template: str, base: str, labels: Mapping[str, str]) -> str:
    """The recipe with its base filled in and its labels added, so that a plain `docker build` needs no argument."""
    text, filled = re.subn(r"^ARG HAC_BASE$", f"ARG HAC_BASE={base}", template, flags=re.MULTILINE)
    if filled != 1:
        raise BuildError("the Dockerfile has no line `ARG HAC_BASE`", remedy="git checkout Dockerfile")
    pairs = [f"{key}={json.dumps(value)}" for key, value in sorted(labels.items())]
    return text.rstrip("\n") + "\nLABEL " + " \\\n      ".join(pairs) + "\n"
