"""The newest version of a distribution that lives with the vendor torch, found without resolving anything.

What a distribution demands of torch rises with its versions, so a few of them tell where the border is. uv would read
one version after the other on its way there.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from envtool.requirements.metadata import AT_ONCE, MetadataReader, find_requirements
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from envtool.requirements.target import Target

# Versions that are read at once; each round narrows the search to a seventh.
_SAMPLED = 6
# Operators that keep newer versions out.
_UPPER = frozenset({"==", "===", "<", "<=", "~="})


@dataclass(frozen=True)
class SearchResult:
    """What was found: the newest version, or `None`, and then the demands on torch that all versions make.

    `complete` says that every version was read, so that `None` means that there is none. `latest` is the newest
    version that there is, whatever it asks for. `refused` is the oldest of those that are known to be too new.
    """

    newest: str | None
    demands: tuple[str, ...] = ()
    complete: bool = False
    latest: str | None = None
    refused: str | None = None


@dataclass(frozen=True)
class _Conflict:
    """A requirement that a pinned distribution does not meet, and whether it wants an older one."""

    text: str
    is_for_older: bool


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

        def find_all(wanted: Sequence[str]) -> dict[str, list[_Conflict] | None]:
            return dict(
                zip(wanted, pool.map(lambda one: _find_conflicts(name, one, reader, target), wanted), strict=True)
            )

        newer, older = -1, len(versions)
        while older - newer > 1:
            step = max((older - newer) / (_SAMPLED + 1), 1.0)
            points = sorted({min(int(newer + step * number), older - 1) for number in range(1, _SAMPLED + 1)} - {newer})
            answers = find_all([versions[point] for point in points])
            # Those that want an older torch lie on the far side of the border, as those do that live with this one.
            beyond = [point for point in points if _is_beyond(answers[versions[point]])]
            older = beyond[0] if beyond else older
            newer = max([point for point in points if point < older], default=newer)
        # Versions of which there is no wheel may be right as well, as long as they are older than this one.
        refused = versions[newer] if newer >= 0 else None
        if older < len(versions) and _find_conflicts(name, versions[older], reader, target) == []:
            return SearchResult(versions[older], latest=latest, refused=refused)
        if not prove:
            return SearchResult(None, latest=latest, refused=refused)
        everything = find_all(versions)
    living_somewhere = next((version for version in versions if everything[version] == []), None)
    demands = tuple(dict.fromkeys(item.text for found in everything.values() for item in found or ()))
    is_all = len(versions) == len(reader.versions(name, target.python, with_sources=True))
    return SearchResult(living_somewhere, demands, is_all and None not in everything.values(), latest, refused)


def _is_beyond(conflicts: list[_Conflict] | None) -> bool:
    return conflicts is not None and all(item.is_for_older for item in conflicts)


def _find_conflicts(name: str, version: str, reader: MetadataReader, target: Target) -> list[_Conflict] | None:
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
            text = f"{requirement.name}{requirement.specifier}"
            found.append(_Conflict(text, _is_for_older(requirement, version_there)))
    return found


def _is_for_older(requirement: Requirement, version: str) -> bool:
    """Whether a requirement shuts a version out because it is too new."""
    try:
        return any(
            item.operator in _UPPER and Version(item.version.removesuffix(".*")) < Version(version)
            for item in requirement.specifier
            if not item.contains(version, prereleases=True)
        )
    except InvalidVersion:
        return False
