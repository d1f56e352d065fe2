"""Cases 1 and 2: a pinned distribution was replaced, by an upstream wheel or by another vendor release."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from envtool.doctor.cause import explain_intruder, list_culprits
from envtool.doctor.finding_kind import FindingKind
from envtool.doctor.findings import Evidence, Finding
from envtool.release.profile import TORCH, Profile
from envtool.release.read_profile import DEFAULT
from envtool.release.select_profile import match_profile
from envtool.release.version import parse_any_vendor_version, parse_vendor_version, versions_equal

if TYPE_CHECKING:
    from envtool.environment.distribution import Distribution
    from envtool.environment.reader import Environment
    from envtool.release.pin import PinnedDistribution, VendorPin


def check(environment: Environment, pin: VendorPin) -> Iterator[Finding]:
    """Check for pinned distributions of which only another version is installed."""
    for pinned in pin.distributions:
        installed = environment.find(pinned.name)
        if installed and not any(versions_equal(item.version, pinned.version) for item in installed):
            yield _make_finding(environment, pinned, installed[-1], pin.profile)


def _make_finding(
    environment: Environment, pinned: PinnedDistribution, intruder: Distribution, profile: Profile
) -> Finding:
    kind, title = _classify(pinned, intruder, profile)
    return Finding(
        kind=kind,
        title=title,
        evidence=(Evidence(str(intruder.path), pinned.version, intruder.version),),
        cause=explain_intruder(environment, pinned, intruder),
        distribution=pinned.name,
        culprits=list_culprits(environment, pinned, intruder),
    )


def _classify(pinned: PinnedDistribution, intruder: Distribution, profile: Profile) -> tuple[FindingKind, str]:
    if pinned.name != TORCH:
        return FindingKind.COMPANION_REPLACED, f"{pinned.name} {intruder.version} does not belong to the vendor torch"
    if profile.id != DEFAULT:
        title = f"torch {intruder.version} is not {pinned.version}, {profile.title}: {profile.cure.lost}"
        is_theirs = match_profile(profile, {TORCH: [intruder.version]})
        return FindingKind.TORCH_OTHER_RELEASE if is_theirs else FindingKind.TORCH_REPLACED, title
    if parse_vendor_version(intruder.version):
        return (
            FindingKind.TORCH_OTHER_RELEASE,
            f"torch {intruder.version} is another vendor release than the pinned one",
        )
    other = parse_any_vendor_version(intruder.version)
    if other is not None:
        return (
            FindingKind.TORCH_REPLACED,
            f"torch {intruder.version} is a build for another vendor's hardware ({other.vendor})",
        )
    return FindingKind.TORCH_REPLACED, f"torch {intruder.version} is not the vendor's build: {profile.cure.lost}"
