"""Diagnosis → RestorePlan: what a restore will do. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.doctor.checks import conda, shadowed
from envtool.environment.leftover import match_leftover
from envtool.environment.owned_files import PathBoundary
from envtool.environment.search_path import PathOrigin
from envtool.language import join_messages, tell
from envtool.release.profile import COMPANIONS, TOP_LEVEL_NAMES
from envtool.release.version import versions_equal
from envtool.restore.orphans import Orphans, find_orphans
from envtool.restore.removal import FileOwnership
from envtool.restore.unrecorded import find_unrecorded
from envtool.told_kind import Severity

if TYPE_CHECKING:
    from envtool.doctor.findings import Finding, Report
    from envtool.environment.distribution import Distribution
    from envtool.environment.reader import Environment
    from envtool.release.pin import PinnedDistribution, VendorPin
    from envtool.restore.damage import FileDamage
    from envtool.wheel.record import RecordRow

# Findings that writing single files anew fixes.
_FILE_FINDINGS = frozenset({"torch-files-missing", "torch-files-changed"})
# Findings that a plan has actions or words of its own for.
_PLANNED_FINDINGS = frozenset({"restore-interrupted", "torch-shadowed", "cuda-wheels", "companion-mismatch"})


@dataclass(frozen=True, kw_only=True)
class Replacement:
    """One distribution to put in place of whatever is there.

    `remove` are the files and whole folders that the present versions own inside the prefix.
    """

    name: str
    version: str
    present: tuple[str, ...]
    reasons: tuple[str, ...]
    remove: tuple[Path, ...]


@dataclass(frozen=True, kw_only=True)
class Repair:
    """A distribution of which some files are to be written anew. `rows` are those of RECORD, of `total`."""

    name: str
    version: str
    rows: tuple[RecordRow, ...]
    total: int
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Removal:
    """A distribution to take away."""

    name: str
    version: str
    why: str
    remove: tuple[Path, ...]


@dataclass(frozen=True, kw_only=True)
class UserSiteRemoval:
    """A copy in the user's own site-packages to take away, which is outside the environment: only if a person agrees.

    `base` is the folder that the user's files are below.
    """

    name: str
    version: str
    folder: Path
    base: Path
    remove: tuple[Path, ...]


@dataclass(frozen=True, kw_only=True)
class RestorePlan:
    """Everything a restore will do.

    `unrecorded` are files that go with the folders that they are in, though nothing says whose they are. `left_alone`
    are lines for a person: what stays, and why.
    """

    environment: Environment
    pin: VendorPin
    keep: tuple[PinnedDistribution, ...] = ()
    replacements: tuple[Replacement, ...] = ()
    repairs: tuple[Repair, ...] = ()
    removals: tuple[Removal, ...] = ()
    leftovers: tuple[Path, ...] = ()
    unrecorded: tuple[Path, ...] = ()
    user_copies: tuple[UserSiteRemoval, ...] = ()
    left_alone: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do inside of the environment."""
        return not (self.replacements or self.repairs or self.removals or self.leftovers)

    @property
    def mended(self) -> tuple[Replacement | Repair, ...]:
        """What gets new files."""
        return (*self.replacements, *self.repairs)

    @property
    def leaving(self) -> tuple[Replacement | Removal, ...]:
        """What of the present state goes."""
        return (*self.replacements, *self.removals)


@dataclass(frozen=True)
class PinnedDiagnosis:
    """An environment diagnosis against a pin: doctor's report, and the damage to single files by distribution."""

    report: Report
    pin: VendorPin
    damage: Mapping[str, FileDamage]

    def list_reasons(self, name: str) -> tuple[str, ...]:
        """The ids of what is wrong with one pinned distribution."""
        ids = [item.id for item in self.report.findings if item.distribution == name]
        # Found by hashing, where doctor's quick look saw nothing.
        if not ids and (damage := self.damage.get(name)) is not None and damage.rows:
            ids = ["torch-files-changed"]
        return tuple(dict.fromkeys(ids))

    def find_repairable(self, name: str) -> FileDamage | None:
        """The damage of a distribution that single files mend, or `None`."""
        damage = self.damage.get(name)
        if damage is None or not damage.is_repairable or not damage.rows:
            return None
        return damage if set(self.list_reasons(name)) <= _FILE_FINDINGS else None


def select_wheels(diagnosis: PinnedDiagnosis, *, force: bool) -> tuple[str, ...]:
    """The pinned distributions whose wheels a restore will need."""
    return tuple(item.name for item in diagnosis.pin.distributions if force or diagnosis.list_reasons(item.name))


def plan_restore(
    diagnosis: PinnedDiagnosis,
    requires: Mapping[str, tuple[str, ...]],
    *,
    force: bool = False,
    keep_orphans: bool = False,
) -> RestorePlan:
    """Plan what makes the environment hold its pin.

    `requires` are the `Requires-Dist` lines of the wheels that will be put in place. `force` replaces what is healthy
    too; `keep_orphans` leaves what only an intruder brought.
    """
    environment, pin = diagnosis.report.environment, diagnosis.pin
    strangers = _find_mismatched_companions(diagnosis)
    intruders = [*_find_intruders(environment, pin), *strangers]
    required = _list_required(diagnosis, requires)
    orphans = Orphans() if keep_orphans else find_orphans(environment, intruders, required, pin.profile)
    replaced = {
        name for name in select_wheels(diagnosis, force=force) if force or diagnosis.find_repairable(name) is None
    }
    leaving = replaced | {item.name for item in strangers} | {orphan.item.name for orphan in orphans.leaving}
    ownership = FileOwnership(environment, leaving)
    keep, replacements, repairs = _plan_pinned(diagnosis, ownership, force=force)
    removed: list[tuple[Distribution, str]] = [*((item, tell("it belongs to another torch")) for item in strangers)]
    removed += [(orphan.item, orphan.why) for orphan in orphans.leaving]
    removals = tuple(Removal(item.name, item.version, why, ownership.list_paths((item,))) for item, why in removed)
    user_copies, other_copies = _plan_copies(environment, pin)
    going: tuple[Replacement | Removal, ...] = (*replacements, *removals)
    left_alone = (
        *(
            tell("{path}: outside the environment, or no file of it, though RECORD names it", path=path)
            for path in ownership.refused
        ),
        *other_copies,
        *(join_messages(": ", (f"{orphan.item.name} {orphan.item.version}", orphan.why)) for orphan in orphans.staying),
        *_list_conda_records(diagnosis, tuple(item.name for item in replacements)),
        *_list_unplanned(diagnosis.report.findings, keep_orphans=keep_orphans),
    )
    return RestorePlan(
        environment=environment,
        pin=pin,
        keep=keep,
        replacements=replacements,
        repairs=repairs,
        removals=removals,
        leftovers=tuple(path for path in environment.leftovers if match_leftover(path.name, TOP_LEVEL_NAMES)),
        unrecorded=tuple(find_unrecorded(environment, (path for item in going for path in item.remove), replaced)),
        user_copies=user_copies,
        left_alone=tuple(dict.fromkeys(left_alone)),
    )


def _list_required(diagnosis: PinnedDiagnosis, requires: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """What the pinned distributions require, in the form in which they will be there."""
    for pinned in diagnosis.pin.distributions:
        if pinned.name in requires:
            yield from requires[pinned.name]
        else:
            for item in diagnosis.report.environment.find(pinned.name):
                yield from item.requires()


def _plan_pinned(
    diagnosis: PinnedDiagnosis, ownership: FileOwnership, *, force: bool
) -> tuple[tuple[PinnedDistribution, ...], tuple[Replacement, ...], tuple[Repair, ...]]:
    """What of the pin stays, what is replaced, and what is repaired."""
    keep: list[PinnedDistribution] = []
    replacements: list[Replacement] = []
    repairs: list[Repair] = []
    for pinned in diagnosis.pin.distributions:
        name, version = pinned.name, pinned.version
        reasons = diagnosis.list_reasons(name)
        damage = diagnosis.find_repairable(name)
        if not reasons and not force:
            keep.append(pinned)
        elif damage is not None and not force:
            repairs.append(Repair(name=name, version=version, rows=damage.rows, total=damage.total, reasons=reasons))
        else:
            installed = diagnosis.report.environment.find(name)
            replacement = Replacement(
                name=name,
                version=version,
                present=tuple(item.version for item in installed),
                reasons=reasons or (tell("forced"),),
                remove=ownership.list_paths(installed),
            )
            replacements.append(replacement)
    return tuple(keep), tuple(replacements), tuple(repairs)


def _find_intruders(environment: Environment, pin: VendorPin) -> Iterator[Distribution]:
    for pinned in pin.distributions:
        yield from (item for item in environment.find(pinned.name) if not versions_equal(item.version, pinned.version))


def _find_mismatched_companions(diagnosis: PinnedDiagnosis) -> list[Distribution]:
    """Companions that the pin does not name and that were built for another torch."""
    names = {name for item in diagnosis.report.findings if item.id == "companion-mismatch" for name in item.packages}
    return [item for name in COMPANIONS if name in names for item in diagnosis.report.environment.find(name)]


def _plan_copies(environment: Environment, pin: VendorPin) -> tuple[tuple[UserSiteRemoval, ...], tuple[str, ...]]:
    """The copies in the user's site-packages, and of other copies how a person removes them."""
    found: list[UserSiteRemoval] = []
    left: list[str] = []
    for shadow in shadowed.find_shadows(environment, pin):
        if shadow.folder.origin is not PathOrigin.USER_SITE:
            remedy = shadowed.build_shadow_remedy(environment, shadow)
            left.append(
                tell(
                    "{name} is imported from {folder} by {source}; run: {command}",
                    name=shadow.name,
                    folder=shadow.folder.path,
                    source=shadow.folder.source,
                    command=remedy,
                )
            )
            continue
        folder = shadow.folder.path
        base = folder.parents[2]
        paths = _list_copy(folder, shadow, PathBoundary((os.path.realpath(base),)))
        copy = UserSiteRemoval(name=shadow.name, version=shadow.version, folder=folder, base=base, remove=paths)
        found.append(copy)
    return tuple(found), tuple(left)


def _list_copy(folder: Path, shadow: shadowed.Shadow, bounds: PathBoundary) -> tuple[Path, ...]:
    """The paths of a copy: what is imported comes first, so that one step disables it; then what its records list."""
    from envtool.environment.distribution import read_distribution
    from envtool.environment.owned_files import find_owned_files

    paths = {shadow.found: None}
    for records in sorted(folder.glob(f"{shadow.name}-*.dist-info")):
        paths[records] = None
        item = read_distribution(records)
        owned = find_owned_files(item, bounds) if item is not None else None
        paths |= dict.fromkeys(owned.inside if owned is not None else ())
    return tuple(path for path in paths if path == shadow.found or shadow.found not in path.parents)


def _list_conda_records(diagnosis: PinnedDiagnosis, replaced: tuple[str, ...]) -> Iterator[str]:
    """The records of conda packages whose files lay over the vendor's: conda keeps them."""
    environment = diagnosis.report.environment
    for name in replaced:
        for record in conda.find_overlying_records(environment, name):
            # Both may be recorded; it is the files that can be one's or the other's only.
            yield tell(
                "conda's record of {package} {version}, though its files of {name} go; "
                "to have conda forget it: conda remove --force {package}, then envtool restore --force",
                package=record.name,
                version=record.version,
                name=name,
            )


def _list_unplanned(findings: Iterable[Finding], *, keep_orphans: bool) -> Iterator[str]:
    """The findings that no action of a restore fixes."""
    for item in findings:
        planned = _PLANNED_FINDINGS - ({"cuda-wheels"} if keep_orphans else set())
        if item.distribution is None and item.severity is not Severity.NOTE and item.id not in planned:
            yield tell("{title}; run: {command}", title=item.title, command=item.remedy)
