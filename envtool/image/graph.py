"""An image with its lock and its ancestors, and in which order images are made."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import envtool
from envtool.image.spec.checkout import read_revision, read_source
from envtool.image.spec.labels import CONTEXT_LABEL, OCI, OWN
from envtool.image.spec.recipe import is_executable, list_recipe_files

if TYPE_CHECKING:
    from envtool.image.inputs.sources import ImageSources
    from envtool.image.lock.lockfile import ImageLock
    from envtool.image.spec.table import ImageSpec

CONTEXTS = Path(".work/contexts")
# How the tags begin that children start from.
CONTEXT_TAG = "context-"


@dataclass(frozen=True)
class PlannedImage:
    """An image of a family: its row, its lock, where its inputs come from, and its parent, if it has one."""

    spec: ImageSpec
    lock: ImageLock
    sources: ImageSources
    parent: PlannedImage | None

    @property
    def name(self) -> str:
        """The image's name."""
        return self.spec.name

    @property
    def ancestors(self) -> tuple[PlannedImage, ...]:
        """What it starts from: the first of the family first, its parent last."""
        return (*self.parent.ancestors, self.parent) if self.parent is not None else ()

    @property
    def tags(self) -> tuple[str, ...]:
        """What its image is called: the newest, that of the release, and the one that only this very image has."""
        return (f"{self.name}:latest", f"{self.name}:{self.spec.release}", self.context_tag)

    @property
    def context_tag(self) -> str:
        """A tag that means the image that is made from these very inputs; its children start from it."""
        return f"{self.name}:{CONTEXT_TAG}{self.labels[CONTEXT_LABEL][:16]}"

    @property
    def folder(self) -> Path:
        """Where its build context is."""
        return self.spec.project / CONTEXTS / self.name

    @property
    def base(self) -> str:
        """What the image starts from, as the Dockerfile's FROM names it."""
        if self.parent is not None:
            return self.parent.context_tag
        locked = self.lock.base
        return locked.by_digest or f"hac-bootstrap:{locked.sha256[:16]}"

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """The image's labels, all known before anything is fetched or built."""
        labels = {**(self.parent.labels if self.parent is not None else self._first_labels()), **self._own_labels()}
        return {**labels, CONTEXT_LABEL: self._fingerprint(labels)}

    def _first_labels(self) -> dict[str, str]:
        """What children have of the first of their family."""
        return {
            f"{OCI}version": f"{envtool.__version__}-{self.spec.release}",
            f"{OCI}source": read_source(self.spec.project),
            f"{OCI}revision": read_revision(self.spec.project),
            f"{OCI}created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.spec.epoch)),
            f"{OCI}base.digest": self.lock.base.digest,
            f"{OCI}base.name": self.lock.base.reference or f"debian-{self.spec.base.bootstrap}-bootstrapped",
            f"{OWN}vendor.release": self.spec.release,
            f"{OWN}torch.version": self.lock.pin.torch.version,
            f"{OWN}stand-in": str(self.lock.pin.stand_in).lower(),
        }

    def _own_labels(self) -> dict[str, str]:
        parent = {f"{OWN}parent": self.parent.name} if self.parent is not None else {}
        return {
            **parent,
            f"{OCI}title": self.spec.title,
            f"{OWN}image": self.name,
            f"{OWN}lock": self.lock.checksum(),
            f"{OWN}size-budget": str(self.spec.size_budget),
        }

    def _fingerprint(self, labels: Mapping[str, str]) -> str:
        """One sha256 over everything the image is made from, its parent's among the labels: same one, same image."""
        digest = hashlib.sha256(json.dumps(labels, sort_keys=True).encode())
        for path in list_recipe_files(self.spec):
            mode = "x" if is_executable(path) else "-"
            digest.update(f"{path.relative_to(self.spec.project)}\0{mode}\0".encode())
            digest.update(path.read_bytes())
        return digest.hexdigest()


def add_parents(specs: Iterable[ImageSpec]) -> tuple[ImageSpec, ...]:
    """The images and all that they start from, each once, parents first."""
    found: dict[str, ImageSpec] = {}
    for spec in specs:
        for each in (*reversed(tuple(list_ancestors(spec))), spec):
            found.setdefault(each.name, each)
    return tuple(found.values())


def sort_parents_first(specs: Iterable[ImageSpec]) -> tuple[ImageSpec, ...]:
    """The images alone, parents first."""
    return tuple(sorted(specs, key=lambda spec: len(tuple(list_ancestors(spec)))))


def list_ancestors(spec: ImageSpec) -> Iterator[ImageSpec]:
    """The image's parent, that one's, and so on."""
    while spec.parent is not None:
        spec = spec.parent
        yield spec
