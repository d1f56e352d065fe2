"""The files of the checkout that an image is made from, apart from what its lock names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envtool.image.spec.table import ImageSpec

# A child's own instructions, after the layers.
DOCKERFILE_PART = "Dockerfile.part"
# What envtool's own wheel is made from, which goes into each image.
OWN_FOLDERS = ("envtool", "examples/models")


def list_recipe_files(spec: ImageSpec) -> Iterator[Path]:
    """Every file of the checkout that goes into the image, apart from what the lock names and its parent has."""
    folders = [*spec.folders("rootfs"), *spec.folders("checks")]
    if spec.parent is None:
        folders += [spec.project / name for name in OWN_FOLDERS]
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                yield path
    if spec.parent is None:
        yield from (spec.project / name for name in ("pyproject.toml", "README.md", "LICENSE", "Dockerfile"))
    elif (part := spec.own_file(DOCKERFILE_PART)) is not None:
        yield part


def is_executable(path: Path) -> bool:
    """Whether a file of the checkout is to be executable in the image."""
    return os.access(path, os.X_OK)
