"""Which pin an environment is to be held against."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from envtool.environment.vendor_profile import (
    EnvironmentEvidence,
    NamedVersion,
    detect_environment_profile,
    list_named_versions,
    list_required_torches,
    read_vendor_records,
)
from envtool.release.admission import admits_torch
from envtool.release.pin import HISTORY_FILE, PinnedDistribution, PinOrigin, VendorPin, read_pin
from envtool.release.profile import COMPANIONS, TORCH, Profile
from envtool.release.read_profile import DEFAULT, load_default_profile
from envtool.release.select_profile import find_named_profile, match_profile
from envtool.release.version import normalize_version, parse_vendor_version
from envtool.wheel.requires import find_requirements_on

if TYPE_CHECKING:
    from envtool.environment.reader import Environment


def find_effective_pin(environment: Environment) -> VendorPin | None:
    """The environment's own pin file; where it has none, the vendor build that its records name.

    Raises `ReleaseError` for a pin file that cannot be read.
    """
    return read_pin(environment.prefix.path) or infer_pin(environment)


def infer_pin(environment: Environment) -> VendorPin | None:
    """What the records themselves name, the surest first: an installed vendor torch, then pip's leftovers.

    After that, what an installed companion requires. Without a wheel there is no hash to hold anything to. Where no
    profile is named and no torch is the default vendor's, it is held to the vendor that its versions tell.
    Raises `SettingsError` where a profile is named that there is not.
    """
    named = find_named_profile()
    if named is not None:
        return _infer_as(environment, named)
    default = load_default_profile()
    pin = _infer_as(environment, default)
    if pin is not None or _was_default(environment, default):
        return pin
    detected = detect_environment_profile(environment)
    return _infer_as(environment, detected) if detected is not None else None


def _was_default(environment: Environment, default: Profile) -> bool:
    """Whether the environment bears traces of the default vendor, so that another's torch in it is an intruder."""
    if os.path.isfile(environment.prefix.path / HISTORY_FILE):
        return True
    return EnvironmentEvidence(environment).has_sign(default.signs)


def _infer_as(environment: Environment, profile: Profile) -> VendorPin | None:
    for named in _list_torches(environment, profile):
        if parse_vendor_version(named.version, profile):
            torch = PinnedDistribution(name=TORCH, version=named.version)
            companions = _list_companions(environment, named.version, profile)
            return VendorPin((torch, *companions), PinOrigin.RECORDS, detail=named.source, profile_id=profile.id)
    return None


def _list_torches(environment: Environment, profile: Profile) -> Iterator[NamedVersion]:
    """The torches that the records name, the surest first."""
    if TORCH in profile.telling_names:
        named = [item for item in list_named_versions(environment, (TORCH,)) if item.distribution == TORCH]
        if profile.id == DEFAULT:
            yield from named
            return
        for item in (*named, *read_vendor_records(environment, profile)):
            if item.distribution == TORCH and match_profile(
                profile, {TORCH: [item.version]}, EnvironmentEvidence(environment)
            ):
                yield item
        return
    # Beside a plug-in any torch may stand, but one that the plug-in does not admit is not what it was made for.
    plugins = [name for name in profile.telling_names if environment.find(name)]
    if plugins:
        for item in list_named_versions(environment, (TORCH,)):
            if item.distribution == TORCH and _is_admitted(environment, plugins, item.version):
                yield item
        yield from list_required_torches(environment, plugins)


def _is_admitted(environment: Environment, names: list[str], torch: str) -> bool:
    required = [
        requirement
        for name in names
        for item in environment.find(name)
        for requirement in find_requirements_on(item.requires(), TORCH)
    ]
    return all(requirement.specifier.contains(torch, prereleases=True) for requirement in required)


def _list_companions(environment: Environment, torch: str, profile: Profile) -> tuple[PinnedDistribution, ...]:
    """The installed companions, as far as their metadata says that they belong to this torch.

    Of other vendors, whatever belongs to their build by its version, unless its metadata says otherwise.
    """
    is_default = profile.id == DEFAULT
    found = []
    for name in COMPANIONS if is_default else [item.name for item in profile.pinned if item.name != TORCH]:
        rule = profile.find_pinned(name)
        for item in environment.find(name):
            required = tuple(find_requirements_on(item.requires(), TORCH))
            is_known = (
                bool(required) if is_default else rule is not None and rule.matches(normalize_version(item.version))
            )
            if is_known and all(admits_torch(entry.specifier, torch) for entry in required):
                found.append(PinnedDistribution(name=name, version=item.version))
                break
    return tuple(found)
