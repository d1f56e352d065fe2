"""Says in one line what a distribution's versions demand of torch. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

from envtool.language import tell
from envtool.printable import shorten_end
from envtool.requirements.uv_command import find_torch_demands

if TYPE_CHECKING:
    from envtool.requirements.target import Target

# Characters of a proof that is given as it is.
_QUOTED = 400


def summarize_proof(proof: str, target: Target) -> str:
    """The lowest demand on torch in a proof of uv's that the vendor's torch does not meet, else the proof's start."""
    demands = [text for text in find_torch_demands(proof) if not _is_met(text, target)]
    return quote_lowest_demand(demands) or shorten_end(proof, _QUOTED)


def quote_lowest_demand(demands: Sequence[str]) -> str:
    """A sentence with the demand that the oldest torch meets; empty without demands."""
    if not demands:
        return ""
    return tell(
        "every version that can be had wants another torch, the most modest {demand}",
        demand=min(demands, key=_find_lowest_version),
    )


def _is_met(demand: str, target: Target) -> bool:
    try:
        requirement = Requirement(demand)
    except InvalidRequirement:
        return False
    pinned = target.pin.find(requirement.name)
    return pinned is not None and requirement.specifier.contains(pinned.version, prereleases=True)


def _find_lowest_version(demand: str) -> Version:
    """The lowest version that a demand admits, as far as its bounds tell."""
    versions = re.findall(r"(?:>=?|==|~=)([0-9][^\s,]*)", demand)
    try:
        return min(Version(text) for text in versions)
    except ValueError:
        return Version("0")
