"""Walks an image's layers from the first to the last and finds those that changed torch, a companion or the guard.

Pure: an image that was read → `BlameReport`. A distribution is good while it has the pinned version and the files of
its RECORD. The culprit is the layer after which that was no longer so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import ReleaseError
from envtool.image.blame.import_loss import ImportLoss, ImportVerdict, judge_imports
from envtool.image.blame.installed import (
    DistributionLocation,
    TorchRequirement,
    find_damaged_files,
    find_owning_distribution,
    find_torch_requirements,
    list_versions,
)
from envtool.image.blame.other_vendor import extend_vendor_pin
from envtool.image.blame.settings import CONSTRAINTS, GUARD_PROGRAM, SettingChange, find_setting_changes
from envtool.image.read.layer import Kind, LayerEntry
from envtool.image.read.overlay import LayerChanges, Overlay
from envtool.release.pin import VendorPin, parse_pin
from envtool.release.profile import TORCH
from envtool.release.version import parse_vendor_version

if TYPE_CHECKING:
    from envtool.image.read.image import ImageStep, StoredImage

_PIN = re.compile(r"^(.+)/etc/hac/pin\.toml$")
_GUARD_FILES = (GUARD_PROGRAM, CONSTRAINTS.lstrip("/"), "etc/hac/guard.conf")
# Files named at the most where a distribution is not as its RECORD has it.
_NAMED = 20


@dataclass(frozen=True, kw_only=True)
class TorchChange:
    """What one layer did to a pinned distribution in a folder.

    `files` counts the files whose bytes changed; `size` is what they gained, in bytes. `is_good` tells whether all was
    well with it afterwards. `damaged_files` are files that are not as RECORD has them.
    """

    step: ImageStep
    layer: int
    location: DistributionLocation
    before: tuple[str, ...]
    after: tuple[str, ...]
    files: int
    size: int
    requirements: tuple[TorchRequirement, ...]
    is_good: bool
    damaged_files: tuple[str, ...] = ()


@dataclass(frozen=True)
class GuardLoss:
    """A file of the guard that is gone or another one, and the layer that did it."""

    path: str
    step: ImageStep
    layer: int
    is_gone: bool


@dataclass(frozen=True, kw_only=True)
class BlameReport:
    """All that changed. `culprits` are the changes that left a distribution damaged, one for each that is.

    `overlay` is what a container would see in the end. `import_losses` say where its `python`, or its command, imports
    another torch than the pinned one.
    """

    image: StoredImage
    overlay: Overlay
    pin: VendorPin | None
    changes: tuple[TorchChange, ...]
    culprits: tuple[TorchChange, ...]
    guard_losses: tuple[GuardLoss, ...]
    settings: tuple[SettingChange, ...]
    import_losses: tuple[ImportLoss, ...] = ()

    @property
    def is_intact(self) -> bool:
        """Whether the vendor torch is in place at the end."""
        return bool(self.changes) and not self.culprits and not self.import_losses


@dataclass(kw_only=True)
class _Trace:
    image: StoredImage
    overlay: Overlay = field(default_factory=Overlay)
    pin: VendorPin | None = None
    # The environment that torch belongs to, as a prefix or the folder where it was first seen.
    home: str | None = None
    changes: list[TorchChange] = field(default_factory=list)
    guard: dict[str, LayerEntry] = field(default_factory=dict)
    guard_losses: dict[str, GuardLoss] = field(default_factory=dict)


def trace_changes(image: StoredImage) -> BlameReport:
    """Trace torch, its companions and the guard from the first layer to the last."""
    state = _Trace(image=image)
    for number, layer in enumerate(image.layers, 1):
        changed = state.overlay.apply(number, layer)
        _follow_pin(state, changed)
        for location, touched in _group_changes(changed).items():
            _follow(state, number, location, touched, changed)
        _follow_guard(state, number, changed)
    verdict = judge_imports(image, state.overlay, state.pin, state.home) if state.changes else ImportVerdict((), {})
    return BlameReport(
        image=image,
        overlay=state.overlay,
        pin=state.pin,
        changes=tuple(state.changes),
        culprits=tuple(_select_culprits(state, verdict)),
        import_losses=verdict.losses,
        guard_losses=tuple(state.guard_losses.values()),
        settings=tuple(find_setting_changes(image)) if GUARD_PROGRAM in state.guard else (),
    )


def _follow_pin(state: _Trace, changed: LayerChanges) -> None:
    """Take over a new pin; the old one stays in force where the new one is damaged, or a layer removes it."""
    for path, (_before, entry) in changed.added.items():
        match = _PIN.match(path) if path.endswith("/pin.toml") else None
        if match is None or entry.data is None:
            continue
        try:
            state.pin = parse_pin(entry.data, Path(path))
        except ReleaseError:
            continue
        state.home = match[1]


Touched = list[tuple[str, LayerEntry | None, LayerEntry | None]]


def _group_changes(changed: LayerChanges) -> Mapping[DistributionLocation, Touched]:
    """The changes by the distribution that they concern."""
    found: dict[DistributionLocation, Touched] = {}
    for path, before, after in changed.list_content_changes():
        owner = find_owning_distribution(path)
        if owner is not None:
            found.setdefault(DistributionLocation(*owner), []).append((path, before, after))
    return dict(sorted(found.items()))


def _follow(
    state: _Trace, number: int, location: DistributionLocation, touched: Touched, changed: LayerChanges
) -> None:
    past = [item for item in state.changes if item.location == location]
    before = past[-1].after if past else ()
    after = list_versions(state.overlay, location)
    files = [(old, new) for _path, old, new in touched if not _is_folder(old) and not _is_folder(new)]
    if not files or not (before or after):
        return
    if state.home is None and location.name == TORCH:
        state.home = location.site
    if not past and f"{location.site}/".startswith(f"{state.home}/"):
        state.pin = extend_vendor_pin(state.pin, location.name, after)
    pinned = state.pin.find(location.name) if state.pin is not None else None
    expected = pinned.version if pinned is not None else None
    damaged_files, is_good = _assess(state, location, after, expected)
    added = {path: entry for path, (_before, entry) in changed.added.items()}
    requirements = find_torch_requirements(added, location, expected) if before != after and after else ()
    size = sum((new.size if new else 0) - (old.size if old else 0) for old, new in files)
    state.changes.append(
        TorchChange(
            step=state.image.find_step(number),
            layer=number,
            location=location,
            before=before,
            after=after,
            files=len(files),
            size=size,
            requirements=requirements,
            is_good=is_good,
            damaged_files=tuple(damaged_files[:_NAMED]),
        )
    )


def _is_folder(entry: LayerEntry | None) -> bool:
    return entry is not None and entry.kind is Kind.FOLDER


def _assess(
    state: _Trace, location: DistributionLocation, after: tuple[str, ...], expected: str | None
) -> tuple[list[str], bool]:
    """The files that are not as RECORD has them, and whether the distribution is as it should be."""
    if state.home is None or not f"{location.site}/".startswith(f"{state.home}/"):
        # In another folder, torch is bad if Python finds it first, which is asked at the end.
        return [], True
    if expected is None:
        return [], location.name != TORCH or (bool(after) and all(parse_vendor_version(version) for version in after))
    if after != (expected,):
        return [], False
    damaged_files = find_damaged_files(state.overlay, location, expected)
    return damaged_files, not damaged_files


def _select_culprits(state: _Trace, verdict: ImportVerdict) -> Iterator[TorchChange]:
    """The environment's own culprits, but for what is whole where it is imported from; then the torch that is imported.

    An environment that was moved and linked to is whole, though its old folder has nothing any more.
    """
    for item in _find_culprits(state.changes):
        if verdict.good_sites.get(item.location.name, item.location.site) == item.location.site:
            yield item
    for loss in verdict.losses:
        past = [item for item in state.changes if item.location == DistributionLocation(loss.site, TORCH)]
        if past and past[-1].is_good:
            yield replace(past[-1], is_good=False)


def _find_culprits(changes: list[TorchChange]) -> Iterator[TorchChange]:
    """For each distribution that is bad at the end, the change since which it has been bad."""
    for location in dict.fromkeys(item.location for item in changes):
        past = [item for item in changes if item.location == location]
        if past[-1].is_good:
            continue
        last_good = max((index for index, item in enumerate(past) if item.is_good), default=-1)
        yield past[last_good + 1]


def _follow_guard(state: _Trace, number: int, changed: LayerChanges) -> None:
    for path in _GUARD_FILES:
        if path in changed.removed:
            state.guard_losses[path] = GuardLoss(path, state.image.find_step(number), number, is_gone=True)
        elif path in changed.added:
            entry = changed.added[path][1]
            first = state.guard.setdefault(path, entry)
            if first.has_same_content(entry):
                state.guard_losses.pop(path, None)
            else:
                state.guard_losses[path] = GuardLoss(path, state.image.find_step(number), number, is_gone=False)
