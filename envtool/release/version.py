"""The grammar of vendor versions: `<torch>+[<compute>.]<vendor><release>`.

The part behind `+` is a local version label (PEP 440, "Local version identifiers"). Most comparisons of the
`packaging` library ignore it, so everything that must tell one build from another compares here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from envtool.errors import VersionError
from envtool.language import tell
from envtool.release.profile import TORCH, Profile
from envtool.release.read_profile import load_default_profile, load_service

# Labels of the same shape that name a compute platform or a source revision rather than a vendor.
_NOT_VENDORS = frozenset({"cu", "cpu", "cuda", "rocm", "xpu", "hip", "cxx", "git", "g", "post", "abi", "full"})
_LABEL = re.compile(r"(?:(?P<compute>[a-z0-9]+(?:\.[0-9]+)*)\.)?(?P<vendor>[a-z]+)(?P<release>[0-9]+(?:\.[0-9]+)*)")
_REVISION = re.compile(r"(?:git|g)?[0-9a-f]{7,40}")


@dataclass(frozen=True, kw_only=True)
class VendorVersion:
    """One version of a vendor build, taken apart.

    `public` is the torch version it is a build of, `compute` the compute platform it names (`cu110`,
    `cpuonly`, or nothing), `vendor` who built it, `release` the vendor's release: numbers with dots, or what stands
    for one, such as the hash of a commit; "" where the version names none.
    """

    text: str
    public: Version
    compute: str | None
    vendor: str
    release: str

    @classmethod
    def parse(cls, text: str) -> VendorVersion:
        """Take `text` apart.

        Raises `VersionError` where it is not a PEP 440 version or carries no vendor's label.
        """
        version = parse_version(text)
        label = version.local
        match = _LABEL.fullmatch(label) if label else None
        if match is None or match["vendor"] in _NOT_VENDORS or _REVISION.fullmatch(match[0]):
            raise VersionError(
                tell("{text!r} is not a version of a vendor build", text=text),
                why=load_service().words.version_form,
                remedy="envtool vendor list",
            )
        return cls(
            text=str(version),
            public=Version(version.public),
            compute=match["compute"],
            vendor=match["vendor"],
            release=str(Version(match["release"])),
        )

    @classmethod
    def parse_as(cls, profile: Profile, text: str) -> VendorVersion | None:
        """Take `text` apart as a version of a profile's torch, or `None` where it is none.

        Of a torch that stands beside its vendor's plug-in any version is one.
        """
        try:
            version = Version(text)
        except InvalidVersion:
            return None
        for rule in profile.versions:
            match = rule.pattern.fullmatch(str(version)) if rule.distribution == TORCH else None
            if match is not None:
                parts = match.groupdict()
                return cls(
                    text=str(version),
                    public=Version(parts["public"]),
                    compute=parts.get("compute"),
                    vendor=parts.get("vendor") or profile.label or profile.id,
                    release=normalize_version(parts.get("release") or ""),
                )
        if TORCH in profile.telling_names:
            return None
        public = Version(version.public)
        return cls(text=str(version), public=public, compute=version.local, vendor=profile.id, release="")

    @property
    def is_ours(self) -> bool:
        """Whether the default profile's vendor built it."""
        return parse_vendor_version(self.text) is not None

    def is_newer_than(self, other: VendorVersion) -> bool:
        """Order by release, then by torch: release 22.8 is newer than 9.1, whatever the text says.

        A release that is no number, such as the hash of a commit, tells no order: then it is torch that does.
        """
        left, right = _order_release(self.release), _order_release(other.release)
        if left[0] and right[0]:
            return (left, self.public) > (right, other.public)
        return (self.public, left) > (other.public, right)

    def __str__(self) -> str:
        return self.text


def parse_version(text: str) -> Version:
    """Parse any PEP 440 version. Raises `VersionError`."""
    try:
        return Version(text)
    except InvalidVersion as error:
        raise VersionError(
            tell("{text!r} is not a version", text=text), why=tell("PEP 440 does not admit it: {error}", error=error)
        ) from error


def parse_any_vendor_version(text: str) -> VendorVersion | None:
    """`text` as a vendor version of any vendor, or `None` where it is none: upstream, or not a version."""
    try:
        return VendorVersion.parse(text)
    except VersionError:
        return None


def parse_vendor_version(text: str, profile: Profile | None = None) -> VendorVersion | None:
    """`text` as a version of a profile's vendor, or of the default one's; `None` where it is none."""
    return VendorVersion.parse_as(profile or load_default_profile(), text)


def parse_release(release: str, profile: Profile | None = None) -> VendorVersion | None:
    """A vendor's release by itself, as the version of a torch that is not known; `None` where it is none."""
    profile = profile or load_default_profile()
    return parse_vendor_version(f"0+{profile.label}{release}", profile)


def normalize_version(text: str) -> str:
    """A version as PEP 440 normalises it; what is none stays as it is."""
    try:
        return str(Version(text))
    except InvalidVersion:
        return text


def _order_release(text: str) -> tuple[bool, Version, str]:
    """Numbers by their value; what is no number comes before them, by its letters."""
    try:
        return (True, Version(text), "")
    except InvalidVersion:
        return (False, Version("0"), text)


def versions_equal(left: str, right: str) -> bool:
    """Whether two version texts name the same build, local label included and normalised as PEP 440 says."""
    try:
        return Version(left) == Version(right)
    except InvalidVersion:
        return left == right
