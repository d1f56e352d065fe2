"""Reads what an image needs to know of its base and layers: packages, for the bill of materials, and accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from envtool.errors import BuildError
from envtool.image.inputs.accounts import FILES
from envtool.image.read.c_library import has_musl_alone, is_c_library
from envtool.image.read.layer import Capture, FileSelector, LayerContents, read_layer
from envtool.image.read.overlay import merge_layers
from envtool.image.sbom.inventory import select_for_sbom
from envtool.language import tell


def _select(path: str, size: int) -> Capture:
    if path in FILES:
        return Capture.DATA
    return Capture.ENTRY if is_c_library(path) else select_for_sbom(path, size)


# Selects the account files, the package databases and what tells the C library.
BASE_SELECTOR = FileSelector(_select)


def read_local_layer(archive: Path) -> LayerContents:
    """Read a layer on this machine's disk: what `BASE_SELECTOR` selects of it, and its digest."""
    with open(archive, "rb") as stream:
        return read_layer(stream, BASE_SELECTOR, name=archive.name)


def require_glibc(layers: Sequence[LayerContents]) -> None:
    """Refuse a base whose C library is musl and not glibc as well, as Alpine's is. Raises `BuildError`."""
    if has_musl_alone(merge_layers(layers).entries):
        raise BuildError(
            tell("the base's C library is musl, not glibc"),
            why=tell("the vendor torch and the Python that imports it are made for glibc; neither would start there"),
            remedy=tell("start from a base with glibc: Debian, Ubuntu, Rocky Linux"),
        )


def read_account_files(layers: Sequence[LayerContents]) -> Mapping[str, str]:
    """The texts of the base's account files. Raises `BuildError` where it has none."""
    overlay = merge_layers(layers)
    found = {path: data.decode("utf-8", "replace") for path in FILES if (data := overlay.data(path)) is not None}
    if len(found) < len(FILES):
        raise BuildError(
            tell("the base has no /etc/passwd or no /etc/group"), remedy=tell("start from a base of a distribution")
        )
    return found
