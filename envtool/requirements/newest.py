"""The newest version of a distribution that lives with the vendor torch, found without resolving anything.

What a distribution demands of torch rises with its versions, so a few of them tell where the border is. uv would read
one version after the other on its way there.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from envtool.requirements.metadata import AT_ONCE, MetadataReader, requirements_among
from envtool.requirements.target import Target
from envtool.vendor.names import normalized_name

# Versions that are looked at together; in a round the search comes down to one part in seven.
_SAMPLED = 6
# Distributions that are looked ahead for together, beside uv, which waits for the network meanwhile.
_AHEAD = 4


@dataclass(frozen=True)
class Search:
    """What was found: the newest version, or `None`, and then the demands on torch that all versions make.

    `complete` says that every version was read, so that `None` means that there is none.
    """

    newest: str | None
    demands: tuple[str, ...] = ()
    complete: bool = False


def newest_living(name: str, reader: MetadataReader, target: Target, *, prove: bool) -> Search:
    """Search among the final versions that have wheels for the target's Python.

    `prove` has every version read where none is found on the way.
    """
    versions = reader.versions(name, target.python)
    with ThreadPoolExecutor(AT_ONCE) as pool:

        def refused(wanted: Sequence[str]) -> dict[str, list[str] | None]:
            return dict(zip(wanted, pool.map(lambda one: _refusals(name, one, reader, target), wanted), strict=True))

        newer, older = -1, len(versions)
        while older - newer > 1:
            step = max((older - newer) / (_SAMPLED + 1), 1.0)
            points = sorted({min(int(newer + step * number), older - 1) for number in range(1, _SAMPLED + 1)} - {newer})
            answers = refused([versions[point] for point in points])
            living = [point for point in points if answers[versions[point]] == []]
            older = living[0] if living else older
            newer = max([point for point in points if point < older and point not in living], default=newer)
        if older < len(versions):
            return Search(versions[older])
        if not prove:
            return Search(None)
        everything = refused(versions)
    living_somewhere = next((version for version in versions if everything[version] == []), None)
    demands = tuple(dict.fromkeys(text for found in everything.values() for text in found or ()))
    return Search(living_somewhere, demands, bool(versions) and None not in everything.values())


def look_ahead(names: Sequence[str], reader: MetadataReader, target: Target) -> None:
    """Have the reader know by the time it is asked what a search for these would read.

    Of those whose newest version lives with the vendor torch, that is the newest version alone.
    """

    def look(name: str) -> None:
        versions = reader.versions(name, target.python)
        if versions and _refusals(name, versions[0], reader, target):
            newest_living(name, reader, target, prove=False)

    # The program may be at its end before this is: then no more work is taken on, and that is all.
    with suppress(RuntimeError), ThreadPoolExecutor(_AHEAD) as pool:
        list(pool.map(look, names))


def _refusals(name: str, version: str, reader: MetadataReader, target: Target) -> list[str] | None:
    """What a version demands of the pinned distributions that they do not meet; `None` where nobody tells."""
    lines = reader.requires(name, version)
    if lines is None:
        return None
    here, found = target.marker_environment, []
    pinned = {item.name: item.version for item in target.pin.distributions}
    for requirement in requirements_among(lines, pinned):
        version_there = pinned[normalized_name(requirement.name)]
        applies = requirement.marker is None or requirement.marker.evaluate({**here})
        if applies and not requirement.specifier.contains(version_there, prereleases=True):
            found.append(f"{requirement.name}{requirement.specifier}")
    return found
