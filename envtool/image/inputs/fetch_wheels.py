"""Locked wheels → files in the store, fetched by hash with pip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.image.pip_program import TOOL_PYTHON, PythonVersion, run_pip
from envtool.temporary_folder import temporary_folder

if TYPE_CHECKING:
    from envtool.image.lock.lockfile import LockedFile
    from envtool.wheel.store import FileStore


def fetch_wheels(
    wheels: Sequence[LockedFile], store: FileStore, *, python: PythonVersion = TOOL_PYTHON
) -> dict[str, Path]:
    """The wheels' paths in the store by their sha256; what is missing is fetched. Raises `SourceError`, `HashError`."""
    missing = [wheel for wheel in wheels if store.find(wheel.sha256) is None]
    while missing:
        # pip takes one version of a project at a time.
        batch = {wheel.name.split("-", 1)[0]: wheel for wheel in missing}
        _download(list(batch.values()), store, python)
        missing = [wheel for wheel in missing if wheel not in batch.values()]
    found = {wheel.sha256: store.find(wheel.sha256) for wheel in wheels}
    return {sha256: path for sha256, path in found.items() if path is not None}


def _download(wheels: Sequence[LockedFile], store: FileStore, python: PythonVersion) -> None:
    with temporary_folder() as folder:
        lines = []
        for wheel in wheels:
            name, version = wheel.name.split("-")[:2]
            lines.append(f"{name}=={version} --hash=sha256:{wheel.sha256}\n")
        listing = folder / "wheels.txt"
        listing.write_text("".join(lines))
        target = folder / "wheels"
        options = ["--no-deps", "--require-hashes", "--requirement", str(listing), "--dest", str(target)]
        run_pip("download", options, python)
        for wheel in wheels:
            store.add(target / wheel.name, expected=wheel.sha256)
