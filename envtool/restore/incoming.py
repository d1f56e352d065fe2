"""Opens the wheels that a restore puts in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from envtool.release.select import fetch_pinned_wheels
from envtool.release.source.configured import open_sources
from envtool.restore.plan import PinnedDiagnosis, select_wheels
from envtool.wheel.contents import WheelContents, read_contents, verify_contents
from envtool.wheel.store import get_default_store
from envtool.wheel.unpacked_store import UnpackedWheel, find_unpacked

if TYPE_CHECKING:
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
        contents = {name: read_contents(fetched[name]) for name in names}
        for item in contents.values():
            # Nothing vouches for it yet. Later its own sha256 does, and files are checked as they are written.
            verify_contents(item)
        return {**contents}
    store = get_default_store()
    found: dict[str, IncomingWheel] = {}
    for name in names:
        pinned = diagnosis.pin.find(name)
        # Single files are repaired from the wheel.
        is_replaced = force or diagnosis.find_repairable(name) is None
        if is_replaced and pinned is not None and pinned.wheel is not None and pinned.sha256 is not None:
            unpacked = find_unpacked(pinned.wheel, pinned.sha256, store)
            if unpacked is not None:
                found[name] = unpacked
    missing = [name for name in names if name not in found]
    if missing:
        wheels = fetch_pinned_wheels(diagnosis.pin, open_sources(vendor), store, missing)
        found |= {name: read_contents(wheel) for name, wheel in wheels.items()}
    return found
