"""The environment that dependency files are held against: installed, or assumed from a pin alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from envtool.environment.distribution import Distribution
    from envtool.release.pin import VendorPin
    from envtool.requirements.model import DeclaredRequirement
    from envtool.transaction.owner import Owner


MarkerEnvironment: TypeAlias = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where an install would go.

    `python` is a version of two or three parts. `interpreter` is the environment's. An environment that is only assumed
    has none; its distributions' records are in `folder`. As `owner` root runs the interpreter, where it is somebody
    else's.
    """

    pin: VendorPin
    python: str
    interpreter: Path | None = None
    folder: Path | None = None
    installed: Mapping[str, Distribution] = field(default_factory=dict)
    owner: Owner | None = None

    @property
    def marker_environment(self) -> MarkerEnvironment:
        """The values of environment markers there (PyPA specifications, "Environment markers")."""
        from packaging.markers import default_environment

        here: MarkerEnvironment = {key: str(value) for key, value in default_environment().items()}
        parts = self.python.split(".")
        full = self.python if len(parts) > 2 else f"{self.python}.0"
        here |= {"python_version": ".".join(parts[:2]), "python_full_version": full, "implementation_version": full}
        return here | {"implementation_name": "cpython", "platform_python_implementation": "CPython", "extra": ""}

    def is_applicable(self, entry: DeclaredRequirement) -> bool:
        """Whether an entry's marker holds here."""
        if entry.marker is None:
            return True
        # What only a lock may ask (PEP 751) holds nowhere else.
        nothing: frozenset[str] = frozenset()
        here = {**self.marker_environment, "extra": entry.group or ""}
        return entry.marker.evaluate({**here, "extras": nothing, "dependency_groups": nothing})

    def is_met_by_pin(self, entry: DeclaredRequirement) -> bool:
        """Whether the pinned distribution of an entry's name is what it asks for."""
        pinned = self.pin.find(entry.name or "")
        return pinned is not None and entry.specifier.contains(pinned.version, prereleases=True)
