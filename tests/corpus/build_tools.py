"""Real build back ends as wheels, packed again from what the tests' own environment has of them."""

from __future__ import annotations

import importlib.metadata
import io
import zipfile
from functools import cache

# What projects of the tests are built with, and what that needs.
NAMES = ("setuptools", "hatchling", "pathspec", "pluggy", "trove-classifiers", "packaging", "tomlkit", "poetry-core")


@cache
def pack_installed(name: str) -> tuple[str, bytes]:
    """A wheel of an installed distribution: its file name, and its bytes."""
    found = importlib.metadata.distribution(name)
    stem = f"{name.replace('-', '_')}-{found.version}"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in found.files or ():
            parts = file.parts
            left_out = parts[0] == ".." or "__pycache__" in parts
            if left_out or parts[-1] in {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}:
                continue
            head = f"{stem}.dist-info" if parts[0].endswith(".dist-info") else parts[0]
            archive.writestr(zipfile.ZipInfo("/".join((head, *parts[1:])), (2022, 9, 1, 0, 0, 0)), file.read_binary())
        archive.writestr(f"{stem}.dist-info/RECORD", "")
    return f"{stem}-py3-none-any.whl", buffer.getvalue()
