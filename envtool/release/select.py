"""Selects a release of the vendor's sources, and brings its wheels into the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import ReleaseError, SourceError
from envtool.language import join_messages, tell
from envtool.release.candidates import Candidate, VendorRelease, select_release
from envtool.release.pin import PinnedDistribution, PinOrigin, VendorPin
from envtool.release.read_profile import DEFAULT
from envtool.wheel.name import StoredWheel, WheelName, find_dist_info, open_wheel
from envtool.wheel.record import digest_content, parse_record
from envtool.wheel.zip_member import read_zip_member

if TYPE_CHECKING:
    from envtool.release.profile import Profile
    from envtool.release.release_filter import ReleaseFilter
    from envtool.release.source.interface import Source
    from envtool.wheel.store import FileStore


@dataclass(frozen=True)
class SelectedRelease:
    """A release as a pin, and its wheels in the store, checked against their hashes."""

    pin: VendorPin
    wheels: Mapping[str, StoredWheel]


def select_from_sources(
    python: tuple[int, int],
    sources: Sequence[Source],
    wanted: ReleaseFilter,
    store: FileStore,
    profile: Profile | None = None,
) -> SelectedRelease:
    """Fetch the newest wanted release of the first source that has one; of the default vendor's without `profile`.

    Raises `ReleaseError` where none has, `SourceError` where a source cannot be read.
    """
    refused: ReleaseError | None = None
    for source in sources:
        try:
            release = select_release(
                source.list_candidates(),
                python,
                wanted,
                source.read_torch_requirement,
                where=source.label,
                profile=profile,
            )
        except ReleaseError as error:
            refused = refused or error
            continue
        return fetch_release(source, release, store, profile.id if profile is not None else DEFAULT)
    raise refused or ReleaseError(
        tell("there is no vendor source to take torch from"),
        why=tell("no --vendor is given, HAC_VENDOR is not set and none was added"),
        remedy="envtool vendor add FOLDER_OR_INDEX",
    )


def fetch_release(
    source: Source, release: VendorRelease, store: FileStore, profile_id: str = DEFAULT
) -> SelectedRelease:
    """Bring a release's wheels into the store and make them a pin."""
    wheels = [fetch_candidate(source, candidate, store) for candidate in release.candidates]
    is_stand_in = source.find_tool("STAND-IN") is not None
    pinned = tuple(pin_wheel(wheel) for wheel in wheels)
    pin = VendorPin(pinned, PinOrigin.SOURCE, is_stand_in, source.label, profile_id)
    return SelectedRelease(pin, {wheel.name.name: wheel for wheel in wheels})


def fetch_pinned_wheels(
    pin: VendorPin, sources: Sequence[Source], store: FileStore, names: Sequence[str] | None = None
) -> Mapping[str, StoredWheel]:
    """Fetch the wheels of a pin, or those of `names`, from the store or from a source that has them.

    Raises `ReleaseError` where a wheel is nowhere, `HashError` where a source has another under its name.
    """
    wheels = {}
    for item in pin.distributions:
        if names is not None and item.name not in names:
            continue
        if item.sha256 is None or item.wheel is None:
            raise ReleaseError(
                tell(
                    "which wheel {name} {version} was installed from is not known", name=item.name, version=item.version
                ),
                why=tell("the pin comes from {value}, which hold no hash", value=pin.origin.value),
                remedy="envtool restore --vendor FOLDER_OR_INDEX",
            )
        wheels[item.name] = _fetch_pinned(item, item.wheel, item.sha256, sources, store)
    return wheels


def _fetch_pinned(
    item: PinnedDistribution, filename: str, sha256: str, sources: Sequence[Source], store: FileStore
) -> StoredWheel:
    wheel = WheelName.parse(filename)
    if (path := store.find(sha256)) is not None:
        return StoredWheel(wheel, path, sha256)
    unread = ""
    for source in sources:
        try:
            offered = source.list_candidates()
        except SourceError as error:
            unread = join_messages("; ", ("", error.what))
            continue
        for candidate in offered:
            if candidate.wheel.filename == filename:
                expected = Candidate(wheel, candidate.location, sha256)
                return StoredWheel(wheel, source.fetch(expected, store), sha256)
    altered = tell("; what the store has under that name are other bytes") if store.has(sha256) else ""
    raise ReleaseError(
        tell("the wheel of {name} {version} is nowhere to be had", name=item.name, version=item.version),
        why=tell(
            "neither the store {root} nor any of {sources_count} vendor sources has {filename}{unread}{altered}",
            root=store.root,
            sources_count=len(sources),
            filename=filename,
            unread=unread,
            altered=altered,
        ),
        remedy="envtool restore --vendor FOLDER_OR_INDEX",
    )


def fetch_candidate(source: Source, candidate: Candidate, store: FileStore) -> StoredWheel:
    """Bring one wheel of a source into the store. Raises `SourceError`, `HashError`, `StoreError`."""
    path = source.fetch(candidate, store)
    # The folder a stored file lies in is named after its hash, which the store has computed just now.
    return StoredWheel(candidate.wheel, path, path.parent.name)


def pin_wheel(wheel: StoredWheel) -> PinnedDistribution:
    """The entry of a pin for a wheel: its name, hash and the digest of what it installs. Raises `SourceError`."""
    return PinnedDistribution(
        name=wheel.name.name,
        version=wheel.name.version,
        wheel=wheel.name.filename,
        sha256=wheel.sha256,
        content=digest_wheel(wheel.path),
    )


def digest_wheel(path: Path) -> str:
    """`digest_content` of a wheel that is not installed. Raises `SourceError` where it has no RECORD."""
    with open_wheel(path) as archive:
        record = f"{find_dist_info(archive, WheelName.parse(path.name))}/RECORD"
        try:
            return digest_content(parse_record(read_zip_member(archive, record)).rows)
        except KeyError as error:
            raise SourceError(tell("{name} has no RECORD", name=path.name)) from error
