"""Case 3: a pinned distribution is not installed at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from envtool.doctor.finding_kind import FindingKind
from envtool.doctor.findings import Evidence, Finding
from envtool.language import tell
from envtool.release.profile import TORCH

if TYPE_CHECKING:
    from envtool.environment.reader import Environment
    from envtool.release.pin import VendorPin


def check(environment: Environment, pin: VendorPin) -> Iterator[Finding]:
    """Check that each pinned distribution has a `.dist-info`."""
    for pinned in pin.distributions:
        if environment.find(pinned.name):
            continue
        folder = environment.prefix.site_packages / pinned.name
        has_files = os.path.isdir(folder)
        yield Finding(
            kind=FindingKind.TORCH_MISSING if pinned.name == TORCH else FindingKind.COMPANION_MISSING,
            title=(
                tell(
                    "{name} is not installed as a distribution, though there is a folder of that name",
                    name=pinned.name,
                )
                if has_files
                else tell("{name} is not installed", name=pinned.name)
            ),
            evidence=(
                Evidence(
                    str(folder), pinned.version, tell("a folder without a .dist-info") if has_files else tell("nothing")
                ),
            ),
            cause=tell("files were copied or an install was broken off") if has_files else tell("it was uninstalled"),
            distribution=pinned.name,
        )
