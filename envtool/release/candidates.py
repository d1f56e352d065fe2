"""Groups the wheels of a source into releases, and selects one that fits an interpreter. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from typing import TYPE_CHECKING, TypeAlias

from packaging.tags import Tag, cpython_tags, platform_tags
from packaging.version import Version

from envtool.errors import ReleaseError
from envtool.language import join_alternatives, join_messages, tell
from envtool.release.admission import admits_torch
from envtool.release.compatibility import find_known_companion
from envtool.release.profile import COMPANIONS, TORCH, Profile
from envtool.release.read_profile import DEFAULT, load_default_profile
from envtool.release.release_filter import ReleaseFilter
from envtool.release.version import VendorVersion, parse_vendor_version
from envtool.wheel.requires import find_requirements_on

if TYPE_CHECKING:
    from packaging.metadata import RawMetadata
    from packaging.requirements import Requirement

    from envtool.wheel.name import WheelName


@dataclass(frozen=True)
class Candidate:
    """A wheel that a source offers. `sha256` is what the source declares, if it declares one."""

    wheel: WheelName
    location: str
    sha256: str | None = None


@dataclass(frozen=True)
class VendorRelease:
    """One vendor torch and the companions that belong to it."""

    version: VendorVersion
    torch: Candidate
    companions: tuple[Candidate, ...] = ()

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Torch first, then its companions."""
        return (self.torch, *self.companions)


RequiresTorch: TypeAlias = "Callable[[Candidate], Requirement | None]"


def list_interpreter_tags(python: tuple[int, int]) -> frozenset[Tag]:
    """The tags that CPython `python` supports on this machine, `py3-none-any` included."""
    platforms = list(platform_tags())
    found = set(cpython_tags(python, platforms=platforms))
    found |= {Tag("py3", "none", "any"), Tag(f"py{python[0]}{python[1]}", "none", "any")}
    found |= {Tag("py3", "none", platform) for platform in platforms}
    return frozenset(found)


def group_releases(
    candidates: Sequence[Candidate],
    tags: Iterable[Tag],
    read_torch_requirement: RequiresTorch,
    profile: Profile | None = None,
) -> tuple[VendorRelease, ...]:
    """The releases among `candidates` that an interpreter with `tags` can load, newest first.

    `profile` says whose; without one, the default vendor's.
    """
    profile = profile or load_default_profile()
    supported = frozenset(tags)
    usable = [item for item in candidates if item.wheel.fits(supported)]
    # A companion of the default vendor's may be upstream's; of others it is what their profile says.
    names = COMPANIONS if profile.id == DEFAULT else [item.name for item in profile.pinned if item.name != TORCH]
    needed = {name for name in profile.telling_names if name != TORCH}
    releases = []
    for item in usable:
        version = parse_vendor_version(item.wheel.version, profile) if is_vendor_torch(item.wheel, profile) else None
        if version is not None:
            companions = tuple(
                found
                for name in names
                if (found := _select_companion(name, version, usable, read_torch_requirement, profile)) is not None
            )
            if needed <= {companion.wheel.name for companion in companions}:
                releases.append(VendorRelease(version, item, companions))
    return tuple(sorted(releases, key=cmp_to_key(_compare_age)))


def is_vendor_torch(wheel: WheelName, profile: Profile) -> bool:
    """Whether a wheel is the vendor's torch, and not upstream's of the same version. Beside a plug-in any will do."""
    if wheel.name != TORCH:
        return False
    rules = [rule for rule in profile.versions if rule.distribution == TORCH]
    return not rules or any(
        rule.pattern.fullmatch(wheel.version)
        and (rule.platform is None or any(tag.platform.startswith(rule.platform) for tag in wheel.tags))
        for rule in rules
    )


def _compare_age(left: VendorRelease, right: VendorRelease) -> int:
    return int(right.version.is_newer_than(left.version)) - int(left.version.is_newer_than(right.version))


def _select_companion(
    name: str,
    torch: VendorVersion,
    usable: Iterable[Candidate],
    read_torch_requirement: RequiresTorch,
    profile: Profile,
) -> Candidate | None:
    rule = profile.find_pinned(name)
    offered = sorted(
        (item for item in usable if item.wheel.name == name and (rule is None or rule.matches(item.wheel.version))),
        key=lambda item: Version(item.wheel.version),
        reverse=True,
    )
    for item in offered:
        requirement = read_torch_requirement(item)
        if requirement is not None:
            if admits_torch(requirement.specifier, torch.text):
                return item
            continue
        # The source does not reveal the wheel's metadata, or it names no torch.
        known = find_known_companion(str(torch.public), name, profile)
        if known == Version(item.wheel.version).public or (known is None and profile.id != DEFAULT):
            return item
    return None


def select_release(
    candidates: Sequence[Candidate],
    python: tuple[int, int],
    wanted: ReleaseFilter,
    read_torch_requirement: RequiresTorch,
    *,
    where: str,
    profile: Profile | None = None,
) -> VendorRelease:
    """The newest release that is wanted and fits. Raises `ReleaseError`, saying what there is instead."""
    profile = profile or load_default_profile()
    fitting = group_releases(candidates, list_interpreter_tags(python), read_torch_requirement, profile)
    for release in fitting:
        if wanted.matches(release.version):
            return release
    raise ReleaseError(
        tell(
            "{where} has no vendor torch for Python {python} ({wanted})",
            where=where,
            python=f"{python[0]}.{python[1]}",
            wanted=str(wanted),
        ),
        why=_describe_available(candidates, fitting, python, profile),
        remedy=_suggest_release(fitting, wanted, profile),
    )


def _describe_available(
    candidates: Sequence[Candidate], fitting: Sequence[VendorRelease], python: tuple[int, int], profile: Profile
) -> str:
    if fitting:
        return tell("it has {versions}", versions=", ".join(release.version.text for release in fitting))
    ours = [item.wheel for item in candidates if is_vendor_torch(item.wheel, profile)]
    if ours and profile.telling_names != (TORCH,) and any(map(_fits_here(python), ours)):
        names = ", ".join(name for name in profile.telling_names if name != TORCH)
        return tell("of {names} it has none for its torch", names=names)
    if ours:
        told = ((wheel.filename, explain_incompatibility(wheel, python)) for wheel in ours)
        return join_messages("; ", (join_messages(": ", each) for each in told))
    others = [item.wheel.filename for item in candidates if item.wheel.name == TORCH]
    return (
        tell("its torch wheels are not the vendor's: {names}", names=", ".join(others))
        if others
        else tell("it has no torch wheel")
    )


def _fits_here(python: tuple[int, int]) -> Callable[[WheelName], bool]:
    tags = list_interpreter_tags(python)
    return lambda wheel: wheel.fits(tags)


def _suggest_release(fitting: Sequence[VendorRelease], wanted: ReleaseFilter, profile: Profile) -> str:
    served = [release for release in fitting if ReleaseFilter(served=wanted.served).matches(release.version)]
    if wanted.served is not None and fitting and not served:
        return tell(
            "get release {release} of torch from the vendor, or update this machine's driver first",
            release=wanted.served,
        )
    if served:
        return join_alternatives(profile.cure.release.format(release=release.version.release) for release in served[:3])
    return tell("envtool vendor list   shows the sources; envtool vendor add SOURCE adds one")


def explain_incompatibility(wheel: WheelName, python: tuple[int, int]) -> str:
    """Why an interpreter on this machine cannot load a wheel: its Python, its processor or its C library (PEP 600)."""
    pythons = sorted({tag.interpreter for tag in wheel.tags})
    supported = {(tag.interpreter, tag.abi) for tag in list_interpreter_tags(python)}
    if not supported & {(tag.interpreter, tag.abi) for tag in wheel.tags}:
        return tell(
            "it is for {pythons}, and here is Python {version}",
            pythons=", ".join(pythons),
            version=f"{python[0]}.{python[1]}",
        )
    wanted = [match for tag in wheel.tags if (match := _MANYLINUX.fullmatch(tag.platform))]
    here = _detect_platform()
    for match in wanted:
        if match["machine"] == here["machine"]:
            needs = f"{match['major']}.{match['minor']}"
            found = f"{here['major']}.{here['minor']}"
            return tell("it needs glibc {needs}, and here is {found}", needs=needs, found=found)
    platforms = ", ".join(sorted({tag.platform for tag in wheel.tags}))
    return tell("it is for {platforms}, and here is {machine}", platforms=platforms, machine=here["machine"])


_MANYLINUX = re.compile(r"manylinux_(?P<major>\d+)_(?P<minor>\d+)_(?P<machine>\w+)")


def _detect_platform() -> dict[str, str]:
    """This machine's glibc and processor, as the newest platform tag that it supports names them."""
    for platform in platform_tags():
        match = _MANYLINUX.fullmatch(platform)
        if match is not None:
            return match.groupdict()
    return {"major": "0", "minor": "0", "machine": next(iter(platform_tags()), "unknown")}


def find_torch_requirement(metadata: RawMetadata) -> Requirement | None:
    """What a distribution requires of torch without an extra, or `None`."""
    for requirement in find_requirements_on(metadata.get("requires_dist", ()), TORCH):
        return requirement
    return None
