"""A torch with a label that no profile knows: which one it is, and the command that makes it known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from envtool.language import tell
from envtool.release.profile import TORCH
from envtool.release.read_profile import list_profiles
from envtool.release.select_profile import detect_profile, match_profile

if TYPE_CHECKING:
    from envtool.release.profile import BuildEvidence


@dataclass(frozen=True)
class UnknownBuild:
    """A build of torch that nothing tells the vendor of.

    `label` is its local version label (PEP 440). `candidates` are the profiles whose versions are of that form, though
    nothing else says that it is theirs; `is_plain`: all of these are such as must be named. `is_invalid`: PEP 440 does
    not admit the version.
    """

    version: str
    label: str
    candidates: tuple[str, ...] = ()
    is_plain: bool = False
    is_invalid: bool = False

    @property
    def title(self) -> str:
        """What it is, in a line."""
        if self.is_invalid:
            return tell("torch {version} is a build whose version PEP 440 does not admit", version=self.version)
        return tell(
            "torch {version} is a build that no profile knows: its label is {label}",
            version=self.version,
            label=self.label,
        )

    @property
    def why(self) -> str:
        """Which label it is, and what the profiles say of it."""
        if self.is_invalid:
            return tell("pip from 24.1 on and uv refuse every install beside a version that PEP 440 does not admit")
        if self.is_plain:
            return tell(
                "the label {label} is upstream's own, which counts only where its profile is named", label=self.label
            )
        if self.candidates:
            return tell("the label {label} is any build's from source; nothing says whose", label=self.label)
        return tell("no profile knows the label {label}", label=self.label)

    @property
    def remedy(self) -> str:
        """The next command: a profile that may be meant is named, or one is written and checked."""
        if self.is_invalid:
            return tell("python -m pip install pip==24.0   (later ones and uv refuse every install beside it)")
        if self.candidates:
            return tell(
                "add --profile {name}, if it is that vendor's   (envtool profile show {name})",
                name=" | ".join(self.candidates),
            )
        return tell(
            "envtool profile check FILE --version {version}   (a profile of your own; then add --profile FILE)",
            version=self.version,
        )


def find_unknown_build(version: str, evidence: BuildEvidence | None = None) -> UnknownBuild | None:
    """The build that a version of torch names, where no profile knows it; `None` also for one without a label.

    Raises `SettingsError` for a profile of the user's that is none.
    """
    try:
        label = Version(version).local
    except InvalidVersion:
        label = version.partition("+")[2]
        return UnknownBuild(version, label, is_invalid=True) if label else None
    if label is None or detect_profile({TORCH: [version]}, evidence) is not None:
        return None
    fitting = [profile for profile in list_profiles() if match_profile(profile, {TORCH: [version]})]
    is_plain = bool(fitting) and not any(profile.detected for profile in fitting)
    return UnknownBuild(version, label, tuple(profile.id for profile in fitting), is_plain)
