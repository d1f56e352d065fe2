"""Lists every vendor torch of the sources, and why some of them cannot be installed here. Read-only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from typing import TYPE_CHECKING

from envtool.release.candidates import explain_incompatibility, group_releases, list_interpreter_tags
from envtool.release.profile import TORCH
from envtool.release.version import VendorVersion, parse_vendor_version, versions_equal

if TYPE_CHECKING:
    from envtool.release.source.interface import Source


@dataclass(frozen=True)
class AvailableRelease:
    """One vendor torch of a source. `obstacle` says why it cannot be installed here, or is empty."""

    version: VendorVersion
    where: str
    obstacle: str = ""


def list_available_releases(
    sources: Iterable[Source], python: tuple[int, int], served: str | None
) -> tuple[AvailableRelease, ...]:
    """List all vendor torches of all sources, the newest first. `served` is the release of this machine's driver.

    Raises `SourceError` where a source cannot be read.
    """
    found = [offer for source in sources for offer in _list_offered(source, python, served)]
    return tuple(sorted(found, key=cmp_to_key(_compare_age)))


def select_newest(releases: Sequence[AvailableRelease]) -> AvailableRelease | None:
    """The first release without an obstacle."""
    return next((item for item in releases if not item.obstacle), None)


def _list_offered(source: Source, python: tuple[int, int], served: str | None) -> Iterator[AvailableRelease]:
    candidates = source.list_candidates()
    releases = group_releases(candidates, list_interpreter_tags(python), lambda _item: None)
    fitting = {item.version.text for item in releases}
    for candidate in candidates:
        version = parse_vendor_version(candidate.wheel.version) if candidate.wheel.name == TORCH else None
        if version is None:
            continue
        obstacle = "" if version.text in fitting else explain_incompatibility(candidate.wheel, python)
        if not obstacle and served is not None and not versions_equal(served, str(version.release)):
            obstacle = f"the driver here is of release {served}"
        yield AvailableRelease(version, source.label, obstacle)


def _compare_age(left: AvailableRelease, right: AvailableRelease) -> int:
    return int(right.version.is_newer_than(left.version)) - int(left.version.is_newer_than(right.version))
