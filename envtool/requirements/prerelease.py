"""A vendor's torch that is a pre-release: what asks for the release it comes before, and what to do about that. Pure.

PEP 440, "Handling of pre-releases": 2.10.0a0 comes before 2.10.0, so neither `==2.10.0` nor `>=2.10` admits it. uv has
overrides, which take the place of every requirement (uv documentation, "Dependency overrides"); pip has none.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

from envtool.language import tell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envtool.release.pin import PinnedDistribution, VendorPin
    from envtool.requirements.prediction import Prediction
    from envtool.requirements.target import Target


def list_prereleases(pin: VendorPin) -> tuple[PinnedDistribution, ...]:
    """The pinned distributions whose versions come before the release that they are named after."""
    return tuple(item for item in pin.distributions if Version(item.version).is_prerelease)


def suggest_override(answer: Prediction, target: Target) -> str:
    """The next step where a requirement would be met by the release, and is not by its pre-release; else empty."""
    for item in list_prereleases(target.pin):
        release = Version(item.version).base_version
        for requirement in _list_requirements(answer, item.name):
            is_met = requirement.specifier.contains(item.version, prereleases=True)
            if not is_met and requirement.specifier.contains(release, prereleases=True):
                line = shlex.quote(f"{item.name}=={item.version}")
                return tell(
                    "echo {line} > overrides.txt && UV_OVERRIDE=overrides.txt uv pip install …   "
                    "({version} comes before {release}, so {requirement} does not admit it; uv takes it by an "
                    "override, pip has none)",
                    line=line,
                    version=item.version,
                    release=release,
                    requirement=requirement,
                )
    return ""


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
