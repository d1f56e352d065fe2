"""Vendor releases: which wheels of a source belong together, and which release fits an interpreter. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cmp_to_key

from packaging.requirements import Requirement
from packaging.tags import Tag, cpython_tags, platform_tags
from packaging.version import Version

from envtool.errors import ReleaseError
from envtool.vendor.names import COMPANIONS, TORCH
from envtool.vendor.version import VendorVersion, our_version, same_build
from envtool.vendor.wheel import WheelName


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


RequiresTorch = Callable[[Candidate], Requirement | None]

# Which companions upstream published for a torch; only where a source does not reveal a wheel's metadata.
_KNOWN_COMPANIONS = {
    "1.7.1": {"torchvision": "0.8.2", "torchaudio": "0.7.2"},
    "1.10.0": {"torchvision": "0.11.1", "torchaudio": "0.10.0"},
    "1.13.1": {"torchvision": "0.14.1", "torchaudio": "0.13.1"},
    "2.1.0": {"torchvision": "0.16.0", "torchaudio": "2.1.0"},
}


def interpreter_tags(python: tuple[int, int]) -> frozenset[Tag]:
    """The tags that CPython `python` supports on this machine, `py3-none-any` included."""
    platforms = list(platform_tags())
    found = set(cpython_tags(python, platforms=platforms))
    found |= {Tag("py3", "none", "any"), Tag(f"py{python[0]}{python[1]}", "none", "any")}
    found |= {Tag("py3", "none", platform) for platform in platforms}
    return frozenset(found)


def group_releases(
    candidates: Sequence[Candidate], tags: Iterable[Tag], requires_torch: RequiresTorch
) -> tuple[VendorRelease, ...]:
    """The releases among `candidates` that an interpreter with `tags` can load, newest first."""
    supported = frozenset(tags)
    usable = [item for item in candidates if item.wheel.fits(supported)]
    releases = []
    for item in usable:
        version = our_version(item.wheel.version) if item.wheel.name == TORCH else None
        if version is not None:
            companions = tuple(
                found for name in COMPANIONS if (found := _companion(name, version, usable, requires_torch)) is not None
            )
            releases.append(VendorRelease(version, item, companions))
    return tuple(sorted(releases, key=cmp_to_key(_newest_first)))


def _newest_first(left: VendorRelease, right: VendorRelease) -> int:
    return int(right.version.newer_than(left.version)) - int(left.version.newer_than(right.version))


def _companion(
    name: str, torch: VendorVersion, usable: Iterable[Candidate], requires_torch: RequiresTorch
) -> Candidate | None:
    offered = sorted(
        (item for item in usable if item.wheel.name == name),
        key=lambda item: Version(item.wheel.version),
        reverse=True,
    )
    for item in offered:
        requirement = requires_torch(item)
        if requirement is not None:
            if requirement.specifier.contains(torch.text, prereleases=True):
                return item
        elif _KNOWN_COMPANIONS.get(str(torch.public), {}).get(name) == Version(item.wheel.version).public:
            return item
    return None


@dataclass(frozen=True)
class Wanted:
    """Which release to take: the exact version, the release, the torch; what is `None` is free."""

    version: str | None = None
    release: str | None = None
    torch: str | None = None

    def admits(self, version: VendorVersion) -> bool:
        """Whether `version` is one that is wanted."""
        return (
            (self.version is None or same_build(self.version, version.text))
            and (self.release is None or same_build(self.release, str(version.release)))
            and (self.torch is None or same_build(self.torch, str(version.public)))
        )

    def __str__(self) -> str:
        named = [("version", self.version), ("release", self.release), ("torch", self.torch)]
        return ", ".join(f"{label} {value}" for label, value in named if value) or "any release"


def choose_release(
    candidates: Sequence[Candidate],
    python: tuple[int, int],
    wanted: Wanted,
    requires_torch: RequiresTorch,
    *,
    where: str,
) -> VendorRelease:
    """The newest release that is wanted and fits. Raises `ReleaseError`, saying what there is instead."""
    fitting = group_releases(candidates, interpreter_tags(python), requires_torch)
    for release in fitting:
        if wanted.admits(release.version):
            return release
    raise ReleaseError(
        f"{where} has no vendor torch for Python {python[0]}.{python[1]} ({wanted})",
        why=_what_there_is(candidates, fitting),
        remedy="envtool vendor list   shows the sources; envtool vendor add SOURCE adds one",
    )


def _what_there_is(candidates: Sequence[Candidate], fitting: Sequence[VendorRelease]) -> str:
    if fitting:
        return "it has " + ", ".join(release.version.text for release in fitting)
    ours = [item.wheel for item in candidates if item.wheel.name == TORCH and our_version(item.wheel.version)]
    if ours:
        return "its wheels are for other interpreters: " + ", ".join(wheel.filename for wheel in ours)
    others = [item.wheel.filename for item in candidates if item.wheel.name == TORCH]
    return f"its torch wheels are not the vendor's: {', '.join(others)}" if others else "it has no torch wheel"
