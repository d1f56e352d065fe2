"""Proves that the vendor's distributions meet what a lock's packages require, or says which they do not meet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement

from envtool.language import tell
from envtool.requirements.metadata import AT_ONCE, find_requirements
from envtool.safe_install.locks.model import LockedDemand, LockedSet
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from packaging.markers import Marker

    from envtool.requirements.metadata import MetadataReader
    from envtool.requirements.model import DeclaredRequirement
    from envtool.requirements.resolution import Resolution
    from envtool.requirements.target import Target

Requires = Mapping[str, tuple[str, ...]]


def read_requires(
    entries: Iterable[DeclaredRequirement], reader: MetadataReader, progress: Callable[[str], None]
) -> dict[str, tuple[str, ...]]:
    """What locked versions require, by name, as an index tells; without those of which it does not."""
    asked = [entry for entry in entries if entry.name and _is_readable(entry)]
    if asked:
        progress(tell("reading what {count} of the lock's packages require", count=len(asked)))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda entry: _read_one(entry, reader), asked))
    missing = [entry.name or "" for entry, lines in zip(asked, found, strict=True) if lines is None]
    if missing:
        names = ", ".join(missing)
        progress(tell("no index tells what is required by {names}; that is proven once it is fetched", names=names))
    return {entry.name or "": lines for entry, lines in zip(asked, found, strict=True) if lines is not None}


def _is_readable(entry: DeclaredRequirement) -> bool:
    if entry.link is None:
        return len(entry.specifier) == 1
    return entry.link.startswith(("http://", "https://")) and urlsplit(entry.link).path.endswith(".whl")


def _read_one(entry: DeclaredRequirement, reader: MetadataReader) -> tuple[str, ...] | None:
    if entry.link is not None:
        return reader.requires_of_wheel(entry.link)
    return reader.requires(entry.name or "", next(iter(entry.specifier)).version)


def list_unmet(locked: LockedSet, requires: Requires, target: Target) -> Iterator[LockedDemand]:
    """The requirements on a pinned distribution that the vendor's version does not meet."""
    for demand in _list_all(locked, requires, target):
        pinned = target.pin.find(normalize_name(demand.requirement.name))
        if pinned is not None and not demand.requirement.specifier.contains(pinned.version, prereleases=True):
            yield demand


def _list_all(locked: LockedSet, requires: Requires, target: Target) -> Iterator[LockedDemand]:
    yield from locked.demands
    names = {item.name for item in target.pin.distributions} - locked.overridden
    extras = dict(locked.extras)
    for entry in locked.unread:
        name = entry.name or ""
        for requirement in find_requirements(requires.get(name, ()), names):
            if _is_applicable(requirement.marker, target, extras.get(name, frozenset())):
                yield LockedDemand(parent=f"{name} {str(entry.specifier).lstrip('=')}".strip(), requirement=requirement)


def _is_applicable(marker: Marker | None, target: Target, extras: Iterable[str]) -> bool:
    environment = target.marker_environment
    return marker is None or any(marker.evaluate({**environment, "extra": extra}) for extra in ("", *extras))


def list_broken(resolution: Resolution, target: Target) -> Iterator[LockedDemand]:
    """What the vendor's distributions themselves require, and would no longer have."""
    after = resolution.versions_after(target)
    changed = {change.name for change in resolution.changes}
    for pinned in target.pin.distributions:
        installed = target.installed.get(pinned.name)
        for line in installed.requires() if installed is not None else ():
            try:
                requirement = Requirement(line)
            except InvalidRequirement:
                continue
            name = normalize_name(requirement.name)
            version = after.get(name, "")
            if name not in changed or not version[:1].isdigit() or not _is_applicable(requirement.marker, target, ()):
                continue
            if not requirement.specifier.contains(version, prereleases=True):
                yield LockedDemand(parent=f"{pinned.name} {pinned.version}", requirement=requirement)
