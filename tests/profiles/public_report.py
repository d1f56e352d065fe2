"""A public report of a lost torch, as it is made anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Wheels = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class PublicReport:
    """A report: whose torch, what the index has, what was installed, who was to blame, and what keeps torch.

    `own` is a profile of the user's, as TOML. `vendor` and `index` are wheels as NAME==VERSION with their requirements.
    `lost` is what changes; without it all stays as it is with the installers of today. `culprit` is whose requirement
    did it, `cure` what is installed instead, as lines, with uv's overrides in `override`. `verdict` is check's.
    """

    address: str
    profile: str
    vendor: Wheels
    index: Wheels
    lines: tuple[str, ...]
    lost: str = ""
    verdict: str = "clobbered"
    culprit: str = ""
    cure: tuple[str, ...] = ()
    override: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    named: bool = False
    own: str = ""
