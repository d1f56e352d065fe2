"""Wheels that go into an image beside the vendor's: resolved, and fetched by hash, with pip.

pip is used, not a client of our own, so that indexes, proxies, credentials and private CAs work as configured.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from envtool.errors import EnvtoolError, SourceError
from envtool.image.lock.lockfile import LockedFile
from envtool.image.run_program import run
from envtool.wheel.store import FileStore

# The Python that envtool runs on in an image.
PYTHON = (3, 11)
PythonVersion = tuple[int, int]
# Which wheels run in an image; pip takes the first of these that a project has.
_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_5_x86_64")
_UNCONSTRAINED = {"PIP_CONSTRAINT": "", "PIP_USER": "0"}


def resolve_wheels(
    requirements: Sequence[str],
    constraints: Sequence[str] = (),
    *,
    python: PythonVersion = PYTHON,
    links: Path | None = None,
) -> tuple[LockedFile, ...]:
    """The newest wheels for a Python that meet `requirements` and `constraints`, with what they require.

    `requirements` are words of pip's command line; `links` is a folder with further wheels. Raises `SourceError`.
    """
    with tempfile.TemporaryDirectory(prefix="hac-resolve-") as folder:
        command = [*_pip(), "install", "--quiet", "--dry-run", "--ignore-installed", "--report", "-"]
        if constraints:
            listing = Path(folder) / "constraints.txt"
            listing.write_text("".join(f"{line}\n" for line in constraints))
            command += ["--constraint", str(listing)]
        if links is not None:
            command += ["--find-links", str(links)]
        command += ["--target", folder, *_platform(python), *requirements]
        report = run(command, environment=_UNCONSTRAINED, failure=_unreachable)
    found = []
    for item in json.loads(report)["install"]:
        archive = item["download_info"]
        name = unquote(urlsplit(archive["url"]).path.rsplit("/", 1)[-1])
        found.append(LockedFile(name, archive["archive_info"]["hashes"]["sha256"]))
    return tuple(sorted(found, key=lambda wheel: wheel.name))


def held(wheels: Sequence[LockedFile]) -> list[str]:
    """Constraints that keep projects at the versions of these wheels."""
    return ["==".join(wheel.name.split("-")[:2]) for wheel in wheels]


def fetch_wheels(wheels: Sequence[LockedFile], store: FileStore, *, python: PythonVersion = PYTHON) -> dict[str, Path]:
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
    with tempfile.TemporaryDirectory(prefix="hac-wheels-") as folder:
        lines = []
        for wheel in wheels:
            name, version = wheel.name.split("-")[:2]
            lines.append(f"{name}=={version} --hash=sha256:{wheel.sha256}\n")
        listing = Path(folder) / "wheels.txt"
        listing.write_text("".join(lines))
        target = Path(folder) / "wheels"
        command = [*_pip(), "download", "--quiet", "--no-deps", "--require-hashes", "--requirement", str(listing)]
        # The maintainer's own constraints are about another environment.
        run([*command, "--dest", str(target), *_platform(python)], environment=_UNCONSTRAINED, failure=_unreachable)
        for wheel in wheels:
            store.add(target / wheel.name, expected=wheel.sha256)


def _pip() -> list[str]:
    return [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]


def _platform(python: PythonVersion) -> list[str]:
    words = ["--only-binary=:all:", f"--python-version={python[0]}.{python[1]}", "--implementation=cp"]
    return [*words, *(f"--platform={name}" for name in _PLATFORMS)]


def _unreachable(what: str, why: str) -> EnvtoolError:
    return SourceError(
        "the wheels that go into the image cannot be had",
        why="\n        ".join([what, *why.splitlines()[-6:]]),
        remedy="check the index that pip is configured for: pip config list",
    )
