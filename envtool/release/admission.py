"""Whether what a vendor's companion requires of torch admits the vendor's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import Version

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet


def admits_torch(specifier: SpecifierSet, torch: str) -> bool:
    """Whether a torch is admitted, or the release that it comes before: a vendor's companions name that one."""
    if specifier.contains(torch, prereleases=True):
        return True
    version = Version(torch)
    return version.is_prerelease and specifier.contains(version.base_version)
