"""The wheels that envtool itself needs in an image: resolved, and fetched by hash, with pip.

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
from envtool.image.lock import LockedFile
from envtool.image.tool import run
from envtool.vendor.store import FileStore

# Which wheels run on the image's own Python; the oldest first, as pip tries them in order.
PYTHON = (3, 11)
_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_5_x86_64")
_UNCONSTRAINED = {"PIP_CONSTRAINT": "", "PIP_USER": "0"}


def resolve_tool_wheels(requirements: Sequence[str], keep: Sequence[LockedFile] = ()) -> tuple[LockedFile, ...]:
    """The newest wheels that meet `requirements`, with what they require; `keep` stay at their versions.

    Raises `SourceError`.
    """
    with tempfile.TemporaryDirectory(prefix="hac-resolve-") as folder:
        command = [*_pip(), "install", "--quiet", "--dry-run", "--ignore-installed", "--report", "-"]
        if keep:
            constraints = Path(folder) / "constraints.txt"
            constraints.write_text("".join(f"{'=='.join(wheel.name.split('-')[:2])}\n" for wheel in keep))
            command += ["--constraint", str(constraints)]
        report = run([*command, *_target(folder), *requirements], environment=_UNCONSTRAINED, failure=_unreachable)
    found = []
    for item in json.loads(report)["install"]:
        archive = item["download_info"]
        name = unquote(urlsplit(archive["url"]).path.rsplit("/", 1)[-1])
        found.append(LockedFile(name, archive["archive_info"]["hashes"]["sha256"]))
    return tuple(sorted(found, key=lambda wheel: wheel.name))


def fetch_wheels(wheels: Sequence[LockedFile], store: FileStore) -> dict[str, Path]:
    """The wheels' paths in the store by their sha256; what is missing is fetched. Raises `SourceError`, `HashError`."""
    missing = [wheel for wheel in wheels if store.find(wheel.sha256) is None]
    while missing:
        # pip takes one version of a project at a time.
        batch = {wheel.name.split("-", 1)[0]: wheel for wheel in missing}
        _download(list(batch.values()), store)
        missing = [wheel for wheel in missing if wheel not in batch.values()]
    found = {wheel.sha256: store.find(wheel.sha256) for wheel in wheels}
    return {sha256: path for sha256, path in found.items() if path is not None}


def _download(wheels: Sequence[LockedFile], store: FileStore) -> None:
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
        run([*command, "--dest", str(target), *_platform()], environment=_UNCONSTRAINED, failure=_unreachable)
        for wheel in wheels:
            store.add(target / wheel.name, expected=wheel.sha256)


def _pip() -> list[str]:
    return [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]


def _target(folder: str) -> list[str]:
    return ["--target", folder, *_platform()]


def _platform() -> list[str]:
    words = ["--only-binary=:all:", f"--python-version={PYTHON[0]}.{PYTHON[1]}", "--implementation=cp"]
    return [*words, *(f"--platform={name}" for name in _PLATFORMS)]


def _unreachable(what: str, why: str) -> EnvtoolError:
    return SourceError(
        "the wheels of envtool's own requirements cannot be had",
        why="\n        ".join([what, *why.splitlines()[-6:]]),
        remedy="check the index that pip is configured for: pip config list",
    )
