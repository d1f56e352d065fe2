"""Opens the wheels that a restore puts in place."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from envtool.release.pin import PinOrigin, VendorPin
from envtool.release.profile_wheels import fetch_vendor_wheels
from envtool.release.read_profile import DEFAULT
from envtool.release.select import fetch_pinned_wheels, pin_wheel
from envtool.release.source.vendor_sources import open_vendor_sources
from envtool.restore.plan import PinnedDiagnosis, select_wheels
from envtool.wheel.archive import OPEN_FILES
from envtool.wheel.contents import WheelContents, read_contents, verify_contents
from envtool.wheel.name import require_sha256
from envtool.wheel.record import get_installed_path
from envtool.wheel.store import get_default_store
from envtool.wheel.unpacked_store import UnpackedWheel, find_unpacked

if TYPE_CHECKING:
    from envtool.transaction.owner import Owner
    from envtool.wheel.name import StoredWheel

# What a distribution is laid out from.
IncomingWheel: TypeAlias = WheelContents | UnpackedWheel


def open_wheels(
    diagnosis: PinnedDiagnosis, fetched: Mapping[str, StoredWheel], vendor: Sequence[str], *, force: bool
) -> dict[str, IncomingWheel]:
    """The wheels that the plan will need, by distribution; `fetched` are those that selecting the pin has brought.

    The others come from the store, an unpacked copy first, or from the sources `vendor`; where none is needed, no
    source is asked. Raises `ReleaseError`, `SourceError`, `HashError` and `StoreError`.
    """
    names = select_wheels(diagnosis, force=force)
    if fetched:
        return {**_read_unvouched({name: fetched[name] for name in names})}
    store, pin = get_default_store(), diagnosis.pin
    found: dict[str, IncomingWheel] = {}
    for name in names:
        pinned = pin.find(name)
        # Single files are repaired from the wheel.
        is_replaced = force or diagnosis.find_repairable(name) is None
        if is_replaced and pinned is not None and pinned.wheel is not None and pinned.sha256 is not None:
            unpacked = find_unpacked(pinned.wheel, pinned.sha256, store)
            if unpacked is not None:
                found[name] = unpacked
    missing = tuple(name for name in names if name not in found)
    unhashed = tuple(name for name in missing if pin.profile_id != DEFAULT and not _has_hash(pin, name))
    if unhashed:
        python = diagnosis.report.environment.prefix.python
        sources = open_vendor_sources(pin.profile, vendor, unhashed, pin)
        found |= _read_unvouched(fetch_vendor_wheels(pin, unhashed, python, sources, store))
        missing = tuple(name for name in missing if name not in unhashed)
    if missing:
        wheels = fetch_pinned_wheels(pin, open_vendor_sources(pin.profile, vendor, missing, pin), store, missing)
        found |= {name: read_contents(wheel) for name, wheel in wheels.items()}
    return found


def _has_hash(pin: VendorPin, name: str) -> bool:
    item = pin.find(name)
    return item is not None and item.sha256 is not None


def _read_unvouched(wheels: Mapping[str, StoredWheel]) -> dict[str, WheelContents]:
    contents = {name: read_contents(wheel) for name, wheel in wheels.items()}
    for item in contents.values():
        # Nothing vouches for it yet. Later its own sha256 does, and files are checked as they are written.
        verify_contents(item)
    return contents


def complete_pin(pin: VendorPin, wheels: Mapping[str, IncomingWheel]) -> VendorPin:
    """The pin with the hashes of the wheels that were found for it by their versions."""
    rows = tuple(
        pin_wheel(wheels[item.name].wheel) if item.sha256 is None and item.name in wheels else item
        for item in pin.distributions
    )
    return pin if rows == pin.distributions else replace(pin, distributions=rows, origin=PinOrigin.SOURCE)


def list_top_folders(wheel: IncomingWheel) -> set[str]:
    """The folders of site-packages that a wheel has files in."""
    members = wheel.members if isinstance(wheel, WheelContents) else wheel.own
    paths = [path for member in members if (path := get_installed_path(member.path)) is not None]
    if not isinstance(wheel, WheelContents):
        paths += [f"{folder}/" for folder in wheel.shared if folder]
    return {path.partition("/")[0] for path in paths if "/" in path}


@contextmanager
def share_wheels(wheels: Mapping[str, IncomingWheel], owner: Owner | None) -> Iterator[Mapping[str, IncomingWheel]]:
    """The wheels such that a child process of this user's can read them as `owner`, who cannot reach root's store.

    They are opened here and read by their numbers. An unpacked copy is no use then: its files are root's, and a link
    to one would leave root's file in the owner's environment.
    """
    if owner is None:
        yield wheels
        return
    with ExitStack() as stack:
        yield {name: _open_wheel(wheel, stack) for name, wheel in wheels.items()}


def _open_wheel(wheel: IncomingWheel, stack: ExitStack) -> WheelContents:
    contents = wheel if isinstance(wheel, WheelContents) else read_contents(_find_hashed(wheel.wheel))
    handle = os.open(contents.wheel.path, os.O_RDONLY | os.O_CLOEXEC)
    stack.callback(os.close, handle)
    return replace(contents, wheel=replace(contents.wheel, path=Path(f"{OPEN_FILES}/{handle}")))


def _find_hashed(wheel: StoredWheel) -> StoredWheel:
    """The wheel of an unpacked copy, of which nothing was hashed yet. Raises `HashError` where it is another now."""
    path = get_default_store().find(wheel.sha256)
    if path is None:
        require_sha256(wheel.path, wheel.sha256, label=wheel.name.filename)
    return replace(wheel, path=path or wheel.path)
