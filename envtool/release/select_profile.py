"""Which profile holds: the one that is named, else the one that what is installed tells, else the default."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from packaging.version import InvalidVersion, Version

from envtool.errors import SettingsError
from envtool.language import tell
from envtool.project_settings import find_table
from envtool.release.profile import TORCH, BuildEvidence, Profile, SignNeed
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
        for text in versions.get(rule.distribution, ()):
            if rule.pattern.fullmatch(normalize_version(text)) is None:
                continue
            if rule.platform and evidence and not evidence.has_platform(rule.distribution, text, rule.platform):
                continue
            if rule.sign is SignNeed.NONE:
                # A plug-in tells more than the torch beside it.
                yield 1 if rule.distribution == TORCH else 2
            elif evidence is None:
                if rule.sign is SignNeed.EXPECTED:
                    yield 1
            elif evidence.has_sign(profile.signs):
                yield 3


def normalize_version(text: str) -> str:
    """A version as PEP 440 normalises it; what is none stays as it is."""
    try:
        return str(Version(text))
    except InvalidVersion:
        return text
