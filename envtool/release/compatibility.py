"""Which companions and which Python belong to a torch, as its vendor's profile has them."""

from __future__ import annotations

from envtool.errors import VersionError
from envtool.release.pin import PinnedDistribution, PinOrigin, VendorPin
from envtool.release.profile import COMPANIONS, TORCH, Profile, PublishedBuild
from envtool.release.read_profile import load_default_profile
from envtool.release.select_profile import detect_profile, find_named_profile
from envtool.release.unknown_vendor import find_unknown_build
from envtool.release.version import VendorVersion, parse_any_vendor_version, parse_vendor_version


def list_known_builds(python: tuple[int, int] | None) -> tuple[str, ...]:
    """The versions of the default vendor's torch without their release, for one Python or for all."""
    published = load_default_profile().published
    return tuple(item.build for item in published if item.build is not None and python in {None, item.python})


def find_known_companion(torch: str, name: str, profile: Profile | None = None) -> str | None:
    """The version of a companion that was published for a torch, or `None` where that is not known."""
    published = _find_published(profile or load_default_profile(), torch)
    return published.companions.get(name) if published is not None else None


def build_known_pin(version: str) -> VendorPin:
    """The pin that a vendor version stands for, without hashes.

    Its profile is the one that is named, else the one whose versions are of that form. Raises `VersionError`.
    """
    profile = find_named_profile() or load_default_profile()
    torch = parse_vendor_version(version, profile)
    if torch is None and profile.id == load_default_profile().id:
        profile = detect_profile({TORCH: [version]}) or profile
        torch = parse_vendor_version(version, profile) or parse_any_vendor_version(version)
    if torch is None:
        torch = _parse_or_explain(version)
    published = _find_published(profile, str(torch.public))
    companions = published.companions if published is not None else {}
    rows = [PinnedDistribution(name=name, version=companions[name]) for name in COMPANIONS if name in companions]
    pinned = (PinnedDistribution(name=TORCH, version=torch.text), *rows)
    return VendorPin(pinned, PinOrigin.GIVEN, profile_id=profile.id)


def _parse_or_explain(version: str) -> VendorVersion:
    """A version of any vendor's form. Raises `VersionError`, which names a label that no profile knows."""
    try:
        return VendorVersion.parse(version)
    except VersionError as error:
        unknown = find_unknown_build(version)
        if unknown is None:
            raise
        raise VersionError(error.what, why=unknown.why, remedy=unknown.remedy) from error


def get_usual_python(pin: VendorPin) -> str:
    """The Python that the vendor ships a torch for; for one that its profile does not name, that of torch's time."""
    published = _find_published(pin.profile, str(pin.version.public))
    if published is not None and published.python is not None:
        return ".".join(str(number) for number in published.python)
    public = pin.version.public
    if public.major < 2:
        return "3.8"
    return "3.10" if public.minor < _NEWER_TORCH else "3.12"


# From this minor version of torch 2 on, vendors ship it for Python 3.12.
_NEWER_TORCH = 6


def _find_published(profile: Profile, torch: str) -> PublishedBuild | None:
    return next((item for item in profile.published if item.torch == torch), None)
