"""Cases 1 and 2: a pinned distribution was replaced, by an upstream wheel or by another vendor release."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from envtool.doctor.cause import explain_intruder, list_culprits
from envtool.doctor.finding_kind import FindingKind
from envtool.doctor.findings import Evidence, Finding
from envtool.language import tell
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
    version = intruder.version
    if pinned.name != TORCH:
        title = tell("{name} {version} does not belong to the vendor torch", name=pinned.name, version=version)
        return FindingKind.COMPANION_REPLACED, title
    lost = profile.cure.lost
    if profile.id != DEFAULT:
        title = tell(
            "torch {version} is not {pinned}, {vendor}: {loss}",
            version=version,
            pinned=pinned.version,
            vendor=profile.title,
            loss=lost,
        )
        is_theirs = match_profile(profile, {TORCH: [version]})
        return FindingKind.TORCH_OTHER_RELEASE if is_theirs else FindingKind.TORCH_REPLACED, title
    if parse_vendor_version(version):
        title = tell("torch {version} is another vendor release than the pinned one", version=version)
        return FindingKind.TORCH_OTHER_RELEASE, title
    other = parse_any_vendor_version(version)
    if other is not None:
        title = tell(
            "torch {version} is a build for another vendor's hardware ({vendor})", version=version, vendor=other.vendor
        )
        return FindingKind.TORCH_REPLACED, title
    title = tell("torch {version} is not the vendor's build: {loss}", version=version, loss=lost)
    return FindingKind.TORCH_REPLACED, title
