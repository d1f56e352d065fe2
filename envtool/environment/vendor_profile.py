"""Whose torch an environment has: which profile its versions and the signs around it tell."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envtool.environment.leftover import match_leftover, parse_leftover_version
from envtool.regular_file import read_regular_text
from envtool.release.profile import COMPANIONS, TORCH, Profile, VendorSigns
from envtool.release.read_profile import DEFAULT, list_profiles
from envtool.release.select_profile import detect_profile
from envtool.wheel.requires import find_requirements_on, normalize_name

if TYPE_CHECKING:
    from envtool.environment.reader import Environment

_PLATFORM = re.compile(r"^Tag:\s*[^-\s]+-[^-\s]+-(\S+)", re.MULTILINE)
_PIN_LINE = re.compile(r"^\s*([A-Za-z0-9._-]+)\s*===?\s*([^\s;#]+)", re.MULTILINE)


@dataclass(frozen=True)
class NamedVersion:
    """A version that something in the environment names, and where."""

    distribution: str
    version: str
    source: str


@dataclass(frozen=True)
class EnvironmentEvidence:
    """What an environment tells beside its versions."""

    environment: Environment

    def has_sign(self, signs: VendorSigns) -> bool:
        """Whether one of a vendor's files, variables or distributions is there."""
        context = self.environment.context
        return (
            any(self.environment.find(name) for name in signs.distributions)
            or any(context.variables.get(name) for name in signs.variables)
            or any(os.path.exists(context.locate(path)) for path in signs.files)
        )

    def has_platform(self, distribution: str, version: str, platform: str) -> bool:
        """Whether an installed distribution's wheel has such a platform tag; of one not there, nobody knows."""
        installed = [item for item in self.environment.find(distribution) if item.version == version]
        texts = [(item.read("WHEEL") or b"").decode("utf-8", "replace") for item in installed]
        return all(
            "Tag:" not in text or any(tag.startswith(platform) for tag in _PLATFORM.findall(text)) for text in texts
        )


def detect_environment_profile(environment: Environment) -> Profile | None:
    """The profile, other than the default one, that what is installed tells; `None` where nothing does.

    Raises `SettingsError` for a profile of the user's that is none.
    """
    profiles = [profile for profile in list_profiles() if profile.id != DEFAULT]
    telling = {name for profile in profiles for name in profile.telling_names}
    versions: dict[str, list[str]] = {}
    for named in list_named_versions(environment, telling):
        versions.setdefault(named.distribution, []).append(named.version)
    for profile in profiles:
        for named in read_vendor_records(environment, profile):
            if named.distribution in telling:
                versions.setdefault(named.distribution, []).append(named.version)
    return detect_profile(versions, EnvironmentEvidence(environment), profiles=profiles)


def list_named_versions(environment: Environment, names: Iterable[str]) -> Iterator[NamedVersion]:
    """The versions of some distributions that the records name, the surest first: what is installed, then leftovers.

    After that, which torch an installed companion requires.
    """
    for name in names:
        for item in environment.find(name):
            yield NamedVersion(name, item.version, str(item.path))
        for path in environment.leftovers:
            version = parse_leftover_version(path.name)
            if version is not None and match_leftover(path.name, (name,)):
                yield NamedVersion(name, version, str(path))
    yield from list_required_torches(environment, COMPANIONS)


def list_required_torches(environment: Environment, names: Iterable[str]) -> Iterator[NamedVersion]:
    """The very versions of torch that some installed distributions require."""
    for name in names:
        for item in environment.find(name):
            for requirement in find_requirements_on(item.requires(), TORCH):
                for specifier in requirement.specifier:
                    if specifier.operator in {"==", "==="} and not specifier.version.endswith(".*"):
                        yield NamedVersion(TORCH, specifier.version, str(item.path / "METADATA"))


def read_vendor_records(environment: Environment, profile: Profile) -> Iterator[NamedVersion]:
    """The versions of pinned distributions that the vendor's image names in a file of its own."""
    for name in profile.records:
        path = environment.context.locate(name)
        if not os.path.isfile(path):
            continue
        try:
            text = read_regular_text(path)
        except (OSError, ValueError):
            continue
        for match in _PIN_LINE.finditer(text):
            distribution = normalize_name(match[1])
            if profile.find_pinned(distribution) is not None:
                yield NamedVersion(distribution, match[2], str(path))
