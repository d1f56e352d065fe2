"""The newest version of a distribution that lives with the vendor torch, found without resolving anything.

What a distribution demands of torch rises with its versions, so a few of them tell where the border is. uv would read
one version after the other on its way there.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envtool.requirements.metadata import AT_ONCE, MetadataReader, find_requirements
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from envtool.requirements.target import Target

# Versions that are read at once; each round narrows the search to a seventh.
_SAMPLED = 6


@dataclass(frozen=True)
class SearchResult:
    """What was found: the newest version, or `None`, and then the demands on torch that all versions make.

    `complete` says that every version was read, so that `None` means that there is none. `latest` is the newest
    version that there is, whatever it asks for.
    """

    newest: str | None
    demands: tuple[str, ...] = ()
    complete: bool = False
    latest: str | None = None


def find_newest_compatible(name: str, reader: MetadataReader, target: Target, *, prove: bool) -> SearchResult:
    """Search among the final versions that have wheels for the target's Python.

    `prove` has every version read where none is found on the way.
    """
    versions = reader.versions(name, target.python)
    # For most names the newest version does: it accepts the vendor's torch, or asks for none.
    latest = next(iter(versions), None)
    if latest is None or _find_conflicts(name, latest, reader, target) == []:
        return SearchResult(latest, latest=latest)
    with ThreadPoolExecutor(AT_ONCE) as pool:

        def find_all(wanted: Sequence[str]) -> dict[str, list[str] | None]:
            return dict(
                zip(wanted, pool.map(lambda one: _find_conflicts(name, one, reader, target), wanted), strict=True)
            )

        newer, older = -1, len(versions)
        while older - newer > 1:
            step = max((older - newer) / (_SAMPLED + 1), 1.0)
            points = sorted({min(int(newer + step * number), older - 1) for number in range(1, _SAMPLED + 1)} - {newer})
            answers = find_all([versions[point] for point in points])
            living = [point for point in points if answers[versions[point]] == []]
            older = living[0] if living else older
            newer = max([point for point in points if point < older and point not in living], default=newer)
        if older < len(versions):
            return SearchResult(versions[older], latest=latest)
        if not prove:
            return SearchResult(None, latest=latest)
        everything = find_all(versions)
    living_somewhere = next((version for version in versions if everything[version] == []), None)
    demands = tuple(dict.fromkeys(text for found in everything.values() for text in found or ()))
    return SearchResult(living_somewhere, demands, None not in everything.values(), latest)


def _find_conflicts(name: str, version: str, reader: MetadataReader, target: Target) -> list[str] | None:
    """The requirements of a version that the pinned distributions do not meet; `None` where they are unknown."""
    lines = reader.requires(name, version)
    if lines is None:
        return None
    here, found = target.marker_environment, []
    pinned = {item.name: item.version for item in target.pin.distributions}
    for requirement in find_requirements(lines, pinned):
        version_there = pinned[normalize_name(requirement.name)]
        applies = requirement.marker is None or requirement.marker.evaluate({**here})
        if applies and not requirement.specifier.contains(version_there, prereleases=True):
            found.append(f"{requirement.name}{requirement.specifier}")
    return found
