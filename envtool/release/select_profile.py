"""Which profile holds: the one that is named, else the one that what is installed tells, else the default."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from packaging.version import InvalidVersion, Version

from envtool.errors import SettingsError
from envtool.language import tell
from envtool.project_settings import find_table
from envtool.release.profile import TORCH, BuildEvidence, Profile, SignNeed, VersionRule
from envtool.release.read_profile import list_profiles, load_profile

# Names a profile, or a profile's file; also what `--profile` sets.
ENVIRONMENT_VARIABLE = "HAC_PROFILE"


def find_named_profile(folder: Path | None = None) -> Profile | None:
    """The profile that `HAC_PROFILE` names, or `profile` in the `hac.toml` at or above `folder`.

    Raises `SettingsError` where there is no such profile.
    """
    if named := os.environ.get(ENVIRONMENT_VARIABLE):
        return load_profile(named)
    found = find_table(folder or Path.cwd(), "profile")
    if found is None:
        return None
    value, path = found
    if not isinstance(value, str) or not value:
        raise SettingsError(
            tell("the settings in {path} cannot be followed", path=path),
            why=tell("profile is not the name of a profile"),
            remedy="envtool profile list",
        )
    is_file = "/" in value or value.endswith(".toml")
    return load_profile(str(path.parent / value) if is_file else value, path)


def find_profile_settings(folder: Path | None = None) -> Path | None:
    """The file of settings whose profile `find_named_profile` takes, where there is one. Raises `SettingsError`."""
    found = None if os.environ.get(ENVIRONMENT_VARIABLE) else find_table(folder or Path.cwd(), "profile")
    return found[1] if found is not None else None


def match_profile(
    profile: Profile, versions: Mapping[str, Sequence[str]], evidence: BuildEvidence | None = None
) -> bool:
    """Whether one of the versions, by distribution, is the profile's. Without `evidence` they alone are judged."""
    return any(_rate_matches(profile, versions, evidence))


def detect_profile(
    versions: Mapping[str, Sequence[str]],
    evidence: BuildEvidence | None = None,
    *,
    profiles: Iterable[Profile] | None = None,
    also_plain: bool = False,
) -> Profile | None:
    """The profile that what is installed tells, or `None`. `also_plain`: also those that else must be named.

    A version that needs a sign of its vendor, and has it, tells more than one that needs none.
    """
    best: tuple[int, Profile] | None = None
    for profile in list_profiles() if profiles is None else profiles:
        if not profile.detected and not also_plain:
            continue
        strength = max(_rate_matches(profile, versions, evidence), default=0)
        if strength and (best is None or strength > best[0]):
            best = (strength, profile)
    return best[1] if best is not None else None


def _rate_matches(
    profile: Profile, versions: Mapping[str, Sequence[str]], evidence: BuildEvidence | None
) -> Iterator[int]:
    """How much each version that is the profile's tells, from 1 on."""
    for rule in profile.versions:
        texts = versions.get(rule.distribution, ())
        needs_sign = rule.sign is not SignNeed.NONE
        # A sign is looked for before the pattern is compiled: a look compiles as few as it can.
        if not texts or (needs_sign and not _may_be_signed(profile, rule, evidence)):
            continue
        for text in texts:
            try:
                version = str(Version(text))
            except InvalidVersion:
                # Installers take it for none either, so nothing can hold it.
                continue
            if rule.pattern.fullmatch(version) is None:
                continue
            if rule.platform and evidence and not evidence.has_platform(rule.distribution, text, rule.platform):
                continue
            if needs_sign:
                yield 3 if evidence else 1
            else:
                # A plug-in tells more than the torch beside it.
                yield 1 if rule.distribution == TORCH else 2


def _may_be_signed(profile: Profile, rule: VersionRule, evidence: BuildEvidence | None) -> bool:
    """Whether a sign that the rule needs is there; where there is no evidence, one that is only expected may be."""
    return rule.sign is SignNeed.EXPECTED if evidence is None else evidence.has_sign(profile.signs)
