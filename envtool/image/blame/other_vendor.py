"""The pin that an image of another vendor's stands for: the first torch in it that is that vendor's. Pure."""

from __future__ import annotations

from dataclasses import replace

from envtool.release.pin import PinnedDistribution, PinOrigin, VendorPin
from envtool.release.profile import TORCH, Profile
from envtool.release.read_profile import DEFAULT
from envtool.release.select_profile import detect_profile, find_named_profile
from envtool.release.version import normalize_version, parse_vendor_version


def find_image_profile() -> Profile | None:
    """The vendor that was named, where it is not the default one. Raises `SettingsError`."""
    named = find_named_profile()
    return named if named is not None and named.id != DEFAULT else None


def extend_vendor_pin(pin: VendorPin | None, name: str, versions: tuple[str, ...]) -> VendorPin | None:
    """The pin with a distribution that has come into the image for the first time, as far as it is the vendor's.

    Without a pin, a first torch of another vendor's, or of the one that is named, makes one. A pin of the default
    vendor's images says all there is by itself.
    """
    if len(versions) != 1:
        return pin
    if pin is None:
        profile = _find_profile(versions[0]) if name == TORCH else None
        if profile is None:
            return None
        torch = PinnedDistribution(name=TORCH, version=versions[0])
        return VendorPin((torch,), PinOrigin.RECORDS, profile_id=profile.id)
    if pin.profile_id == DEFAULT or pin.origin is not PinOrigin.RECORDS or pin.find(name) is not None:
        return pin
    rule = pin.profile.find_pinned(name)
    if rule is None or not rule.matches(normalize_version(versions[0])):
        return pin
    return replace(pin, distributions=(*pin.distributions, PinnedDistribution(name=name, version=versions[0])))


def _find_profile(torch: str) -> Profile | None:
    named = find_named_profile()
    if named is not None:
        return named if named.id != DEFAULT and parse_vendor_version(torch, named) is not None else None
    if parse_vendor_version(torch) is not None:
        return None
    found = detect_profile({TORCH: [torch]})
    return found if found is not None and found.id != DEFAULT else None
