"""Lists every vendor torch of the sources, and why some of them cannot be installed here. Read-only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from typing import TYPE_CHECKING

from envtool.language import tell
from envtool.release.candidates import (
    explain_incompatibility,
    group_releases,
    is_vendor_torch,
    list_interpreter_tags,
)
from envtool.release.read_profile import load_default_profile
from envtool.release.version import VendorVersion, parse_vendor_version, versions_equal

if TYPE_CHECKING:
    from envtool.release.profile import Profile
    from envtool.release.source.interface import Source


@dataclass(frozen=True)
class AvailableRelease:
    """One vendor torch of a source. `obstacle` says why it cannot be installed here, or is empty."""

    version: VendorVersion
    where: str
    obstacle: str = ""


def list_available_releases(
    sources: Iterable[Source], python: tuple[int, int], served: str | None, profile: Profile | None = None
) -> tuple[AvailableRelease, ...]:
    """List all torches of a vendor, or of the default one, in all sources, the newest first.

    `served` is the release of this machine's driver.

    Raises `SourceError` where a source cannot be read.
    """
    profile = profile or load_default_profile()
    found = [offer for source in sources for offer in _list_offered(source, python, served, profile)]
    return tuple(sorted(found, key=cmp_to_key(_compare_age)))


def select_newest(releases: Sequence[AvailableRelease]) -> AvailableRelease | None:
    """The first release without an obstacle."""
    return next((item for item in releases if not item.obstacle), None)


def _list_offered(
    source: Source, python: tuple[int, int], served: str | None, profile: Profile
) -> Iterator[AvailableRelease]:
    candidates = source.list_candidates()
    # Which companions there are is not asked: that takes a look into each.
    releases = group_releases(candidates, list_interpreter_tags(python), lambda _item: None, profile)
    fitting = {item.version.text for item in releases}
    for candidate in candidates:
        is_theirs = is_vendor_torch(candidate.wheel, profile)
        version = parse_vendor_version(candidate.wheel.version, profile) if is_theirs else None
        if version is None:
            continue
        obstacle = "" if version.text in fitting else explain_incompatibility(candidate.wheel, python)
        if not obstacle and served is not None and not versions_equal(served, str(version.release)):
            obstacle = tell("the driver here is of release {release}", release=served)
        yield AvailableRelease(version, source.label, obstacle)


def _compare_age(left: AvailableRelease, right: AvailableRelease) -> int:
    return int(right.version.is_newer_than(left.version)) - int(left.version.is_newer_than(right.version))
