"""Case 9: CUDA runtime wheels that an upstream torch dragged in, and that nothing needs but an intruder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from envtool.doctor.finding_kind import FindingKind
from envtool.doctor.findings import Evidence, Finding, truncate
from envtool.doctor.remedy import build_uninstall_command
from envtool.language import tell
from envtool.release.profile import TORCH, Profile
from envtool.release.read_profile import load_default_profile
from envtool.release.version import versions_equal
from envtool.wheel.requires import find_requirements_on

if TYPE_CHECKING:
    from envtool.environment.distribution import Distribution
    from envtool.environment.reader import Environment
    from envtool.release.pin import VendorPin


def check(environment: Environment, pin: VendorPin) -> Iterator[Finding]:
    """Check for CUDA runtime distributions that nothing but an intruder requires; one finding for all of them."""
    suspects = {item.name: item for item in environment.distributions if pin.profile.intruders.matches(item.name)}
    if not suspects:
        return
    intruders = {item.name for item in environment.find(TORCH) if not versions_equal(item.version, pin.torch.version)}
    needed = _find_needed(environment, suspects, intruders)
    idle = [item for name, item in suspects.items() if name not in needed]
    if idle:
        size = sum(row.size or 0 for item in idle if (record := item.record()) for row in record.rows)
        yield Finding(
            kind=FindingKind.CUDA_WHEELS,
            title=tell(
                "{idle_count} CUDA runtime distributions ({size:.0f} MB) that the vendor torch has no use for",
                idle_count=len(idle),
                size=size / 1000000.0,
            ),
            evidence=truncate(Evidence(str(item.path), tell("not installed"), item.version) for item in idle),
            cause=tell("an upstream torch required them, and they stayed when it went")
            if not intruders
            else tell("torch requires them"),
            remedy=build_uninstall_command(environment, *(item.name for item in idle)),
            packages=tuple(item.name for item in idle),
        )


def is_cuda_wheel(name: str, profile: Profile | None = None) -> bool:
    """Whether `name` is a part of a runtime that a vendor's torch, or the default vendor's, has no use for."""
    return (profile or load_default_profile()).intruders.matches(name)


def _find_needed(environment: Environment, suspects: dict[str, Distribution], intruders: set[str]) -> set[str]:
    """Find the suspects that are required by a distribution that is neither an intruder nor itself idle."""
    needed: set[str] = set()
    requires = {item.name: item.requires() for item in environment.distributions if item.name not in intruders}
    while True:
        keeping = [lines for name, lines in requires.items() if name not in suspects or name in needed]
        found = {
            name
            for name in suspects.keys() - needed
            if any(any(True for _ in find_requirements_on(lines, name)) for lines in keeping)
        }
        if not found:
            return needed
        needed |= found
