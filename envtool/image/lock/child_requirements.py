"""Resolves what a child adds from PyPI, beside the vendor's distributions and conda's packages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from envtool.image.lock.resolve_wheels import make_version_constraints, resolve_wheels
from envtool.temporary_folder import temporary_folder
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from envtool.image.lock.conda_lock import LockedPackage
    from envtool.image.lock.lockfile import LockedFile
    from envtool.release.pin import VendorPin
    from envtool.wheel.store import FileStore


def resolve_requirements(
    requirements: Path,
    python: tuple[int, int],
    pin: VendorPin,
    packages: Sequence[LockedPackage],
    store: FileStore,
    keep: Sequence[LockedFile] = (),
) -> tuple[LockedFile, ...]:
    """The wheels for a requirements file, without those that the environment has already.

    The pinned wheels must be in the store. Raises `SourceError` where nothing meets the file beside the vendor's torch.
    """
    there = {normalize_name(package.name) for package in packages}
    there |= {item.name for item in pin.distributions}
    constraints = [line for line in pin.render_constraints().splitlines() if line and not line.startswith("#")]
    constraints += [f"{package.name}=={package.version}" for package in packages if _is_version(package.version)]
    with temporary_folder() as folder:
        for item in pin.distributions:
            wheel = store.find(item.sha256 or "")
            if wheel is not None:
                (folder / wheel.name).symlink_to(wheel)
        found = resolve_wheels(
            ["--requirement", str(requirements)],
            [*constraints, *make_version_constraints(keep)],
            python=python,
            links=folder,
        )
    return tuple(wheel for wheel in found if parse_project(wheel) not in there)


def parse_project(wheel: LockedFile) -> str:
    """The normalized name of a wheel's project."""
    return normalize_name(wheel.name.split("-", 1)[0])


def _is_version(text: str) -> bool:
    """Whether a conda version is one of Python's as well (PEP 440)."""
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True
