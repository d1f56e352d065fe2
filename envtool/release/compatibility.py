"""Which companions and which Python belong to a torch, as published."""

from __future__ import annotations

from envtool.release.pin import PinnedDistribution, PinOrigin, VendorPin
from envtool.release.profile import COMPANIONS, TORCH
from envtool.release.version import VendorVersion

# torch → torchvision and torchaudio (their projects' compatibility tables).
_COMPANIONS = {
    "1.7.1": ("0.8.2", "0.7.2"),
    "1.10.0": ("0.11.1", "0.10.0"),
    "1.13.1": ("0.14.1", "0.13.1"),
    "2.1.0": ("0.16.0", "2.1.0"),
}


# What the vendor has published, without its release, and for which Python.
_BUILDS = (("1.7.1+cu110", (3, 8)), ("1.10.0+cu111", (3, 8)), ("1.13.1+cu116", (3, 8)), ("2.1.0", (3, 10)))


def list_known_builds(python: tuple[int, int] | None) -> tuple[str, ...]:
    """The versions of the vendor's torch without their release, for one Python or for all."""
    return tuple(version for version, made_for in _BUILDS if python in {None, made_for})


def find_known_companion(torch: str, name: str) -> str | None:
    """The version of a companion that was published for a torch, or `None` where that is not known."""
    return dict(zip(COMPANIONS, _COMPANIONS.get(torch, ()), strict=False)).get(name)


def build_known_pin(version: str) -> VendorPin:
    """The pin that a vendor version stands for, without hashes. Raises `VersionError`."""
    torch = VendorVersion.parse(version)
    companions = _COMPANIONS.get(str(torch.public), ())
    rows = [PinnedDistribution(name=name, version=text) for name, text in zip(COMPANIONS, companions, strict=False)]
    return VendorPin((PinnedDistribution(name=TORCH, version=torch.text), *rows), PinOrigin.GIVEN)


def get_usual_python(pin: VendorPin) -> str:
    """The Python that the vendor ships a torch for: 3.8 up to torch 1, 3.10 from torch 2 on."""
    return "3.8" if pin.version.public.major < 2 else "3.10"
