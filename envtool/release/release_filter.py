"""Filters the vendor's releases."""

from __future__ import annotations

from dataclasses import dataclass

from envtool.language import join_messages, tell
from envtool.release.version import VendorVersion, versions_equal


@dataclass(frozen=True)
class ReleaseFilter:
    """Which release to take: the exact version, the release, the torch; what is `None` is free.

    `served` is the only release that the driver of this machine works with, where that is known.
    """

    version: str | None = None
    release: str | None = None
    torch: str | None = None
    served: str | None = None

    def matches(self, version: VendorVersion) -> bool:
        """Whether `version` is one to take."""
        return (
            (self.version is None or versions_equal(self.version, version.text))
            and (self.release is None or versions_equal(self.release, str(version.release)))
            and (self.torch is None or versions_equal(self.torch, str(version.public)))
            and (self.served is None or versions_equal(self.served, str(version.release)))
        )

    @property
    def is_free(self) -> bool:
        """Whether any release that the driver serves will do."""
        return self.version is None and self.release is None and self.torch is None

    def __str__(self) -> str:
        named = (
            tell("version {value}", value=self.version) if self.version else "",
            tell("release {value}", value=self.release) if self.release else "",
            f"torch {self.torch}" if self.torch else "",
            tell("for the driver's release {value}", value=self.served) if self.served else "",
        )
        return join_messages(", ", filter(None, named)) or tell("any release")
