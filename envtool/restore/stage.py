"""RestorePlan → the staging folder filled, and the steps that put what is in it in place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.environment.history import DistributionChange, HistoryEntry, append_history, make_history_entry
from envtool.environment.install_layout import get_layout
from envtool.environment.owned_files import PathBoundary, find_bytecode, refuse_foreign_commands
from envtool.errors import ReleaseError
from envtool.release.pin import HISTORY_FILE, PIN_FILE, PinOrigin, VendorPin, read_pin, render_pin
from envtool.restore.incoming import IncomingWheel, list_top_folders
from envtool.restore.removal import list_foreign_files
from envtool.transaction.journal import JournalStep, order_steps
from envtool.transaction.move import Move
from envtool.wheel.contents import WheelContents, bind_progress
from envtool.wheel.hardlink import stage_links
from envtool.wheel.layout import Layout, keep_foreign_files, stage_files, stage_wheel

if TYPE_CHECKING:
    from envtool.environment.prefix import Prefix
    from envtool.progress import Progress
    from envtool.restore.plan import RestorePlan


@dataclass(frozen=True)
class StagePlan:
    """A plan, with what has to be found out by whoever may read everything, before the change of user.

    `foreign` are the files of other distributions in the folders of each replaced one, `entry` what history will say.
    """

    plan: RestorePlan
    wheels: Mapping[str, IncomingWheel]
    foreign: Mapping[str, tuple[str, ...]]
    entry: HistoryEntry


def prepare_stage(plan: RestorePlan, wheels: Mapping[str, IncomingWheel], command: str) -> StagePlan:
    """Find out what staging a plan needs; `command` is what the history records."""
    leaving = {item.name for item in plan.leaving}
    foreign = {
        item.name: tuple(
            path
            for top in sorted(list_top_folders(wheels[item.name]))
            for path in list_foreign_files(plan.environment, top, leaving)
        )
        for item in plan.replacements
    }
    reasons = {text for item in plan.mended for text in item.reasons}
    entry = make_history_entry(command, tuple(sorted(reasons)), tuple(_list_changes(plan, wheels)))
    return StagePlan(plan, wheels, foreign, entry)


def _list_changes(plan: RestorePlan, wheels: Mapping[str, IncomingWheel]) -> Iterator[DistributionChange]:
    for item in plan.replacements:
        sha256 = wheels[item.name].wheel.sha256
        yield DistributionChange(distribution=item.name, before=item.present, after=item.version, sha256=sha256)
    for repair in plan.repairs:
        name, version = repair.name, repair.version
        yield DistributionChange(distribution=name, before=(version,), after=version, files=len(repair.rows))
    for gone in plan.removals:
        yield DistributionChange(distribution=gone.name, before=(gone.version,), after=None)


def stage_plan(prepared: StagePlan, staging: Path, progress: Progress) -> tuple[JournalStep, ...]:
    """Lay out below `staging` everything that comes, and return the steps that put it in place."""
    plan, wheels = prepared.plan, prepared.wheels
    prefix, layout = plan.environment.prefix, get_layout(plan.environment.prefix)
    bounds = PathBoundary.of(prefix)
    removals = [*plan.leftovers, *(path for item in plan.leaving for path in item.remove)]
    moves: list[Move] = []
    for item in plan.replacements:
        moves += _stage_distribution(wheels[item.name], layout, staging, progress)
        keep_foreign_files(staging / item.name, prefix.site_packages, prepared.foreign[item.name])
    for repair in plan.repairs:
        wheel = wheels[repair.name]
        assert isinstance(wheel, WheelContents)
        repaired = stage_files(wheel, repair.rows, layout, staging)
        # By time and size alone, Python might take the bytecode of the old file for the new one's.
        removals += [path for move in repaired for path in find_bytecode(move.final, bounds)]
        moves += repaired
    moves += _stage_records(prepared, staging)
    refuse_foreign_commands(prefix, (move.final for move in moves))
    return order_steps(removals, moves)


def _stage_distribution(wheel: IncomingWheel, layout: Layout, staging: Path, progress: Progress) -> tuple[Move, ...]:
    report = bind_progress(wheel.wheel.name.name, wheel.size, progress)
    if isinstance(wheel, WheelContents):
        return stage_wheel(wheel, layout, staging, requested=True, progress=report)
    moves = stage_links(wheel, layout, staging, requested=True)
    report(wheel.size)
    return moves


def _stage_records(prepared: StagePlan, staging: Path) -> Iterator[Move]:
    """The pin and the history, which change in the same transaction as what they tell of."""
    prefix, pin = prepared.plan.environment.prefix, prepared.plan.pin
    folder = staging / "records"
    folder.mkdir()
    if pin.origin is not PinOrigin.FILE:
        (folder / "pin.toml").write_text(render_pin(pin))
        yield Move(folder / "pin.toml", prefix.path / PIN_FILE)
    # Read by whoever makes the change: what the owner cannot read must not come into the owner's history.
    entry = replace(prepared.entry, pin=_read_previous_pin(prefix))
    (folder / "history.jsonl").write_bytes(append_history(prefix.path / HISTORY_FILE, entry))
    yield Move(folder / "history.jsonl", prefix.path / HISTORY_FILE)


def _read_previous_pin(prefix: Prefix) -> VendorPin | None:
    try:
        return read_pin(prefix.path)
    except ReleaseError:
        # A damaged pin file is nothing to go back to.
        return None
