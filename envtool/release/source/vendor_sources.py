"""Where wheels of another vendor's build may be: what is configured, this machine's own folders, the vendor's indexes.

For the default vendor what is configured is all: nobody else has its wheels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.release.read_profile import DEFAULT
from envtool.release.source.configured import list_configured_sources, open_source, open_sources

if TYPE_CHECKING:
    from envtool.release.pin import VendorPin
    from envtool.release.profile import Profile
    from envtool.release.source.interface import Source


def open_vendor_sources(
    profile: Profile, vendor: Sequence[str], names: tuple[str, ...], pin: VendorPin | None = None
) -> list[Source]:
    """The sources of the distributions `names`, in the order in which they are to be asked.

    With `vendor` those alone. The index is asked only for a version that is known: its newest one is nobody's wish.
    Raises `SourceError`.
    """
    if profile.id == DEFAULT:
        return open_sources(vendor)
    sources = open_sources(vendor, names)
    if vendor:
        return sources
    sources += [open_source(folder, names) for folder in list_wheel_folders(profile)]
    return sources + [open_source(address, names) for address in (list_indexes(pin) if pin is not None else ())]


def list_wheel_folders(profile: Profile) -> tuple[str, ...]:
    """The folders with wheels that the vendor's images have, as far as they are on this machine."""
    return tuple(folder for folder in profile.wheels if _has_wheels(folder))


def list_indexes(pin: VendorPin) -> tuple[str, ...]:
    """The addresses of the indexes that may have the wheels of a pin: one for each compute platform, with some."""
    compute = pin.version.compute
    return tuple(
        index.replace("{compute}", compute or "")
        for index in pin.profile.indexes
        if compute or "{compute}" not in index
    )


def has_vendor_source(pin: VendorPin) -> bool:
    """Whether a source of a pin's wheels is known without naming one. It is not asked whether it has them."""
    return bool(list_configured_sources() or list_wheel_folders(pin.profile) or list_indexes(pin))


def _has_wheels(folder: str) -> bool:
    try:
        return any(path.suffix == ".whl" for path in Path(folder).iterdir())
    except OSError:
        return False
