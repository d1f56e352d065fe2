"""A vendor's torch that is a pre-release: what asks for the release it comes before, and what to do about that. Pure.

PEP 440, "Handling of pre-releases": 2.10.0a0 comes before 2.10.0, so neither `==2.10.0` nor `>=2.10` admits it. uv has
overrides, which take the place of every requirement (uv documentation, "Dependency overrides"); pip has none.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

from envtool.language import tell
from envtool.requirements.static import Effect, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envtool.release.pin import PinnedDistribution, VendorPin
    from envtool.requirements.prediction import Prediction
    from envtool.requirements.target import Target


def list_prereleases(pin: VendorPin) -> tuple[PinnedDistribution, ...]:
    """The pinned distributions whose versions come before the release that they are named after."""
    return tuple(item for item in pin.distributions if Version(item.version).is_prerelease)


def settle_prerelease(answer: Prediction, target: Target) -> Prediction:
    """A bad answer with the override as its next step, where a requirement means the release of a pre-release.

    Where nothing else is wrong it is `BLOCKED` (decision 27).
    """
    for item in list_prereleases(target.pin):
        requirement = next((found for found in _list_requirements(answer, item.name) if _is_meant(found, item)), None)
        if requirement is None:
            continue
        release = Version(item.version).base_version
        step = tell(
            "echo {line} > overrides.txt && UV_OVERRIDE=overrides.txt uv pip install …   "
            "({version} comes before {release}, so {requirement} does not admit it; uv takes it by an "
            "override, pip has none)",
            line=shlex.quote(f"{item.name}=={item.version}"),
            version=item.version,
            release=release,
            requirement=requirement,
        )
        if not _is_alone(answer, target):
            return replace(answer, next_step=step)
        why = tell(
            "{version} comes before {release}, so {requirement} does not admit it; without an override an install "
            "fails where it is pinned, and replaces it where it is not",
            version=item.version,
            release=release,
            requirement=requirement,
        )
        return replace(answer, verdict=Verdict.BLOCKED, why=why, next_step=step)
    return answer


def _is_meant(requirement: Requirement, item: PinnedDistribution) -> bool:
    """Whether it admits the release that a pre-release comes before, and not the pre-release."""
    specifier = requirement.specifier
    release = Version(item.version).base_version
    return specifier.contains(release, prereleases=True) and not specifier.contains(item.version, prereleases=True)


def _is_alone(answer: Prediction, target: Target) -> bool:
    """Whether every distribution that would be replaced is a pre-release whose release would do."""
    early = {item.name: item for item in list_prereleases(target.pin)}
    replaced = {clobber.change.name for clobber in answer.clobbers}
    replaced |= {item.entry.name or "" for item in answer.effects if item.effect is Effect.REPLACES}
    return all(name in early and _has_no_other_reason(answer, early[name]) for name in replaced)


def _has_no_other_reason(answer: Prediction, item: PinnedDistribution) -> bool:
    unmet = [
        requirement
        for requirement in _list_requirements(answer, item.name)
        if not requirement.specifier.contains(item.version, prereleases=True)
    ]
    return bool(unmet) and all(_is_meant(requirement, item) for requirement in unmet)


def _list_requirements(answer: Prediction, name: str) -> Iterator[Requirement]:
    """What the lines and the chains of an answer ask of a distribution."""
    for entry in answer.requirement_set.requirements:
        if entry.name == name and entry.specifier:
            yield Requirement(f"{name}{entry.specifier}")
    for clobber in answer.clobbers:
        for chain in clobber.chains:
            for link in chain.links[-1:]:
                try:
                    found = Requirement(link.requirement)
                except InvalidRequirement:
                    continue
                if found.name.lower() == name:
                    yield found
