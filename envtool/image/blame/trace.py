"""Walks an image's layers from the first to the last and says which one changed torch, a companion or the guard.

Pure: an image that was read → its story. A distribution is good while it is the pinned version and as its RECORD has
it; the culprit is the layer after which it was good no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from envtool.errors import ReleaseError
from envtool.image.blame.installed import (
    DistributionLocation,
    TorchRequirement,
    damaged_files,
    demands_among,
    owner_of,
    versions,
)
from envtool.image.blame.settings import CONSTRAINTS, GUARD_PROGRAM, SettingChange, changed_settings
from envtool.image.read.image import ImageStep, StoredImage
from envtool.image.read.layer import Kind, LayerEntry
from envtool.image.read.overlay import Changed, Overlay
from envtool.release.pin import VendorPin, parse_pin
from envtool.release.profile import TORCH
from envtool.release.version import parse_vendor_version

_PIN = re.compile(r"^(.+)/etc/hac/pin\.toml$")
_GUARD_FILES = (GUARD_PROGRAM, CONSTRAINTS.lstrip("/"), "etc/hac/guard.conf")
# A user's own site-packages, whose modules come before the environment's.
_USER_SITE = re.compile(r"(?:^|/)\.local/lib/python[\d.]+/site-packages$")
# Files named at the most where a distribution is not as its RECORD has it.
_NAMED = 20


@dataclass(frozen=True)
class TorchChange:
    """What one layer did to a pinned distribution in a folder.

    `files` counts the files whose bytes changed; `size` is what they gained, in bytes. `is_good` tells whether all was
    well with it afterwards. `broken` are files that are not as RECORD has them.
    """

    step: ImageStep
    layer: int
    place: DistributionLocation
    before: tuple[str, ...]
    after: tuple[str, ...]
    files: int
    size: int
    demands: tuple[TorchRequirement, ...]
    is_good: bool
    broken: tuple[str, ...] = ()


@dataclass(frozen=True)
class GuardLoss:
    """A file of the guard that is gone or another one, and the layer that did it."""

    path: str
    step: ImageStep
    layer: int
    is_gone: bool


@dataclass(frozen=True)
class BlameReport:
    """All that happened. `culprits` are the happenings that left something bad, one for each distribution that is.

    `overlay` is what a container would see in the end.
    """

    image: StoredImage
    overlay: Overlay
    pin: VendorPin | None
    happenings: tuple[TorchChange, ...]
    culprits: tuple[TorchChange, ...]
    losses: tuple[GuardLoss, ...]
    settings: tuple[SettingChange, ...]

    @property
    def is_whole(self) -> bool:
        """Whether the vendor torch is in place at the end."""
        return bool(self.happenings) and not self.culprits


@dataclass
class _Walk:
    image: StoredImage
    overlay: Overlay = field(default_factory=Overlay)
    pin: VendorPin | None = None
    # The environment that torch belongs to, as a prefix or the folder where it was first seen.
    home: str | None = None
    happenings: list[TorchChange] = field(default_factory=list)
    guard: dict[str, LayerEntry] = field(default_factory=dict)
    losses: dict[str, GuardLoss] = field(default_factory=dict)


def trace(image: StoredImage) -> BlameReport:
    """The story of an image."""
    state = _Walk(image)
    for number, layer in enumerate(image.layers, 1):
        changed = state.overlay.apply(number, layer)
        _follow_pin(state, changed)
        for place, touched in _touched(changed).items():
            _follow(state, number, place, touched, changed)
        _follow_guard(state, number, changed)
    return BlameReport(
        image,
        state.overlay,
        state.pin,
        tuple(state.happenings),
        tuple(_culprits(state.happenings)),
        tuple(state.losses.values()),
        tuple(changed_settings(image)) if GUARD_PROGRAM in state.guard else (),
    )


def _follow_pin(state: _Walk, changed: Changed) -> None:
    """A pin of the vendor's form replaces the one before; one that is lost or spoilt leaves it in force."""
    for path, (_before, entry) in changed.placed.items():
        match = _PIN.match(path) if path.endswith("/pin.toml") else None
        if match is None or entry.data is None:
            continue
        try:
            state.pin = parse_pin(entry.data, Path(path))
        except ReleaseError:
            continue
        state.home = match[1]


Touched = list[tuple[str, LayerEntry | None, LayerEntry | None]]


def _touched(changed: Changed) -> Mapping[DistributionLocation, Touched]:
    """The changes by the distribution that they concern."""
    found: dict[DistributionLocation, Touched] = {}
    for path, before, after in changed.differing():
        owner = owner_of(path)
        if owner is not None:
            found.setdefault(DistributionLocation(*owner), []).append((path, before, after))
    return dict(sorted(found.items()))


def _follow(state: _Walk, number: int, place: DistributionLocation, touched: Touched, changed: Changed) -> None:
    past = [item for item in state.happenings if item.place == place]
    before = past[-1].after if past else ()
    after = versions(state.overlay, place)
    files = [(old, new) for _path, old, new in touched if not _is_folder(old) and not _is_folder(new)]
    if not files or not (before or after):
        return
    if state.home is None and place.name == TORCH:
        state.home = place.site
    expected = _expected(state, place.name)
    broken, is_good = _judged(state, place, after, expected)
    placed = {path: entry for path, (_before, entry) in changed.placed.items()}
    demands = demands_among(placed, place, expected) if before != after and after else ()
    size = sum((new.size if new else 0) - (old.size if old else 0) for old, new in files)
    state.happenings.append(
        TorchChange(
            state.image.step_of(number),
            number,
            place,
            before,
            after,
            len(files),
            size,
            demands,
            is_good,
            tuple(broken[:_NAMED]),
        )
    )


def _is_folder(entry: LayerEntry | None) -> bool:
    return entry is not None and entry.kind is Kind.FOLDER


def _expected(state: _Walk, name: str) -> str | None:
    pinned = state.pin.find(name) if state.pin is not None else None
    return pinned.version if pinned is not None else None


def _judged(
    state: _Walk, place: DistributionLocation, after: tuple[str, ...], expected: str | None
) -> tuple[list[str], bool]:
    """The files that are not as RECORD has them, and whether the distribution is as it should be."""
    if state.home is None or not f"{place.site}/".startswith(f"{state.home}/"):
        # In another folder one is bad where Python finds it first, unless it is the vendor's as well.
        hides = _USER_SITE.search(place.site) is not None and not all(map(parse_vendor_version, after))
        return [], not hides or place.name != TORCH
    if expected is None:
        return [], place.name != TORCH or (bool(after) and all(parse_vendor_version(version) for version in after))
    if after != (expected,):
        return [], False
    broken = damaged_files(state.overlay, place, expected)
    return broken, not broken


def _culprits(happenings: list[TorchChange]) -> Iterator[TorchChange]:
    """For each distribution that is bad at the end, what made it so and was never mended."""
    for place in dict.fromkeys(item.place for item in happenings):
        past = [item for item in happenings if item.place == place]
        if past[-1].is_good:
            continue
        last_good = max((index for index, item in enumerate(past) if item.is_good), default=-1)
        yield past[last_good + 1]


def _follow_guard(state: _Walk, number: int, changed: Changed) -> None:
    for path in _GUARD_FILES:
        if path in changed.removed:
            state.losses[path] = GuardLoss(path, state.image.step_of(number), number, is_gone=True)
        elif path in changed.placed:
            entry = changed.placed[path][1]
            first = state.guard.setdefault(path, entry)
            if first.same_content(entry):
                state.losses.pop(path, None)
            else:
                state.losses[path] = GuardLoss(path, state.image.step_of(number), number, is_gone=False)
