"""Lists the vendor releases that an environment can have, and selects the one to upgrade it to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.doctor.diagnose import diagnose
from envtool.doctor.findings import Status
from envtool.environment.effective_pin import find_effective_pin
from envtool.environment.history import read_history
from envtool.environment.prefix import find_prefix
from envtool.environment.reader import Environment, read_environment
from envtool.release.available import AvailableRelease, list_available_releases, select_newest
from envtool.release.profile import TORCH
from envtool.release.read_profile import DEFAULT, load_default_profile
from envtool.release.select_profile import find_named_profile
from envtool.release.source.vendor_sources import open_vendor_sources
from envtool.restore.recover_prefix import recover_prefix
from envtool.restore.rollback import select_rollback_pin
from envtool.restore.select_pin import read_driver_release

if TYPE_CHECKING:
    from envtool.release.pin import VendorPin
    from envtool.release.version import VendorVersion


@dataclass(frozen=True)
class ReleaseOverview:
    """What is installed and pinned in an environment, and the releases of the sources, the newest first."""

    environment: Environment
    pin: VendorPin | None
    releases: tuple[AvailableRelease, ...]

    @property
    def installed(self) -> tuple[str, ...]:
        """The versions of the installed torch."""
        return tuple(item.version for item in self.environment.find(TORCH))

    @property
    def is_damaged(self) -> bool:
        """Whether the environment does not hold its pin, or has none."""
        return self.pin is None or diagnose(self.environment, self.pin).status is Status.DAMAGED


def list_releases(
    prefix: Path | None, vendor: Sequence[str] = (), *, ignore_driver: bool = False, dry_run: bool = False
) -> ReleaseOverview:
    """List what an environment has and could have; it is recovered first, but for a dry run. Raises `EnvtoolError`."""
    environment = _read_recovered(prefix, dry_run=dry_run)
    pin = find_effective_pin(environment)
    profile = pin.profile if pin is not None else find_named_profile() or load_default_profile()
    served = None if ignore_driver or profile.id != DEFAULT else read_driver_release()
    sources = open_vendor_sources(profile, vendor, tuple(item.name for item in profile.pinned), pin)
    return ReleaseOverview(
        environment, pin, list_available_releases(sources, environment.prefix.python, served, profile)
    )


def select_upgrade(overview: ReleaseOverview) -> VendorVersion | None:
    """The newest release that fits and is newer than the pin; the pinned one where that is damaged; else `None`."""
    newest = select_newest(overview.releases)
    if overview.pin is None:
        return newest.version if newest is not None else None
    if newest is not None and newest.version.is_newer_than(overview.pin.version):
        return newest.version
    return overview.pin.version if overview.is_damaged else None


def find_previous_pin(prefix: Path | None, *, dry_run: bool = False) -> VendorPin:
    """The pin that an environment had before its present one. Raises `ReleaseError` where it had none."""
    environment = _read_recovered(prefix, dry_run=dry_run)
    return select_rollback_pin(read_history(environment.prefix.path), find_effective_pin(environment))


def _read_recovered(prefix: Path | None, *, dry_run: bool) -> Environment:
    found = find_prefix(prefix)
    if not dry_run:
        recover_prefix(found)
    return read_environment(found)
