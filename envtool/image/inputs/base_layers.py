"""Reads what an image needs to know of its base and layers: packages, for the bill of materials, and accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from envtool.errors import BuildError
from envtool.image.inputs.accounts import FILES
from envtool.image.read.layer import Capture, FileSelector, LayerContents, read_layer
from envtool.image.read.overlay import merge_layers
from envtool.image.sbom.inventory import select_for_sbom

# Selects the account files and the package databases.
BASE_SELECTOR = FileSelector(lambda path, size: Capture.DATA if path in FILES else select_for_sbom(path, size))


def read_local_layer(archive: Path) -> LayerContents:
    """Read a layer on this machine's disk: what `BASE_SELECTOR` selects of it, and its digest."""
    with open(archive, "rb") as stream:
        return read_layer(stream, BASE_SELECTOR, name=archive.name)


def read_account_files(layers: Sequence[LayerContents]) -> Mapping[str, str]:
    """The texts of the base's account files. Raises `BuildError` where it has none."""
    overlay = merge_layers(layers)
    found = {path: data.decode("utf-8", "replace") for path in FILES if (data := overlay.data(path)) is not None}
    if len(found) < len(FILES):
        raise BuildError("the base has no /etc/passwd or no /etc/group", remedy="start from a base of a distribution")
    return found
