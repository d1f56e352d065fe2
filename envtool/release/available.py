"""What the vendor's sources offer an interpreter: every torch, and of those that will not do, why. Read-only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cmp_to_key

from envtool.release.candidates import group_releases, incompatibility, interpreter_tags
from envtool.release.profile import TORCH
from envtool.release.source.interface import Source
from envtool.release.version import VendorVersion, parse_vendor_version, versions_equal


@dataclass(frozen=True)
class Offer:
    """One vendor torch of a source. `obstacle` says why it cannot be installed here, or is empty."""

    version: VendorVersion
    where: str
    obstacle: str = ""


def read_offers(sources: Iterable[Source], python: tuple[int, int], served: str | None) -> tuple[Offer, ...]:
    """All vendor torches of all sources, the newest first. `served` is the release of this machine's driver.

    Raises `SourceError` where a source cannot be read.
    """
    found = [offer for source in sources for offer in _offers(source, python, served)]
    return tuple(sorted(found, key=cmp_to_key(_newest_first)))


def newest_that_fits(offers: Sequence[Offer]) -> Offer | None:
    """The first offer without an obstacle."""
    return next((offer for offer in offers if not offer.obstacle), None)


def _offers(source: Source, python: tuple[int, int], served: str | None) -> Iterator[Offer]:
    candidates = source.candidates()
    fitting = {item.version.text for item in group_releases(candidates, interpreter_tags(python), lambda _item: None)}
    for candidate in candidates:
        version = parse_vendor_version(candidate.wheel.version) if candidate.wheel.name == TORCH else None
        if version is None:
            continue
        obstacle = "" if version.text in fitting else incompatibility(candidate.wheel, python)
        if not obstacle and served is not None and not versions_equal(served, str(version.release)):
            obstacle = f"the driver here is of release {served}"
        yield Offer(version, source.label, obstacle)


def _newest_first(left: Offer, right: Offer) -> int:
    return int(right.version.newer_than(left.version)) - int(left.version.newer_than(right.version))
