"""RestorePlan → the prefix: stage, write the journal, swap, verify. The only module here that changes a prefix."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

from envtool.doctor.checks.half_done import but_for_this_one
from envtool.doctor.diagnose import diagnose
from envtool.doctor.findings import Report
from envtool.environment.history import Change, Entry, appended
from envtool.environment.leftover import STAGING_NAME
from envtool.environment.owned import Bounds, bytecode_of
from envtool.environment.prefix import Prefix
from envtool.environment.reader import read_environment
from envtool.errors import ReleaseError, RestoreError
from envtool.install.belonging import as_open_as, give_to_owner_of
from envtool.install.durable import sync_file_system, sync_folders
from envtool.install.journal import (
    TRASH_NAME,
    Journal,
    Remove,
    beginning,
    carry_out,
    end,
    journal_steps,
    marked,
    write_journal,
)
from envtool.install.layout import keep_foreign_files, stage_files
from envtool.install.place import Place
from envtool.install.prune import prune
from envtool.restore.discard import crowd_of, discarding
from envtool.restore.exclusive import alone, reported
from envtool.restore.layout import layout_of
from envtool.restore.plan import RestorePlan, Unshadowing
from envtool.restore.removal import foreign_files
from envtool.restore.supply import Supply
from envtool.vendor.pin import HISTORY_FILE, PIN_FILE, PinOrigin, VendorPin, read_pin, render_pin

Progress = Callable[[str, int, int], None]
# Bytes that a file system wants for itself beside the files: folders, RECORD, the journal.
_MARGIN = 16 << 20


def perform(plan: RestorePlan, supply: Supply, *, reason: str, progress: Progress) -> Report:
    """Carry a plan out with the files that it wants, and return doctor's report on what is there then.

    `progress` is told of a name, bytes written and bytes in all.
    The plan must come from an environment that was read after `recover`. Raises `SourceError` or `HashError` for an
    unsound wheel and `RestoreError` where the prefix cannot be written; the environment is as it was then, or, once the
    journal is written, will be completed by the next `recover`.
    """
    prefix = plan.environment.prefix
    _require_room(plan, supply)
    crowd = crowd_of(plan)
    # What is laid out ahead is so in the staging folder, with the lock held.
    held = alone(prefix) if supply.ahead is None else nullcontext()
    with reported(prefix), held, as_open_as(prefix.site_packages):
        staging = prefix.site_packages / STAGING_NAME
        with beginning(staging) if supply.ahead is None else supply.ahead.beginning():
            journal = _staged(plan, supply, staging, reason, progress)
            give_to_owner_of(prefix.site_packages, staging)
            sync_file_system(staging)
            write_journal(staging, journal)
        carry_out(journal, staging / TRASH_NAME)
        prune(prefix.path, (prefix.site_packages, prefix.scripts), _removed(journal))
        with discarding(staging, journal, crowd):
            after = _verified(plan)
        end(staging)
        # Else the cleared folder could be there again after a loss of power.
        sync_folders((prefix.site_packages,))
    return after


def unshadow(prefix: Prefix, item: Unshadowing) -> None:
    """Take a copy in the user's site-packages away, as a transaction of its own. Raises `RestoreError`."""
    with reported(prefix), alone(prefix):
        staging = item.folder / STAGING_NAME
        with beginning(staging):
            journal = Journal(tuple(Remove(path) for path in item.remove))
            write_journal(staging, journal)
        carry_out(journal, staging / TRASH_NAME)
        prune(item.base, (item.folder,), item.remove)
        end(staging)


def keep_pin(prefix: Prefix, pin: VendorPin) -> None:
    """Make `pin` the prefix's own. Raises `RestoreError` where the prefix cannot be written."""
    path = prefix.path / PIN_FILE
    with reported(prefix), as_open_as(prefix.site_packages):
        path.parent.mkdir(parents=True, exist_ok=True)
        incoming = path.with_suffix(".incoming")
        incoming.write_text(render_pin(pin))
        incoming.replace(path)


def _require_room(plan: RestorePlan, supply: Supply) -> None:
    """Before anything is written: a wheel may declare any size, and a full disk helps nobody."""
    folder = plan.environment.prefix.site_packages
    size = sum(supply.coming(item.name).size for item in plan.replacements)
    with reported(plan.environment.prefix):
        free = shutil.disk_usage(folder).free
    if size + _MARGIN > free and size:
        raise RestoreError(
            f"the disk is full: {folder}",
            why=f"the new files take {size / 1e6:.0f} MB beside the old ones, and {free / 1e6:.0f} MB are free",
            remedy="make room and try again; nothing was changed",
        )


def _staged(plan: RestorePlan, supply: Supply, staging: Path, reason: str, progress: Progress) -> Journal:
    """Everything that comes, laid out below `staging`, and the steps that put it in place."""
    prefix, layout = plan.environment.prefix, layout_of(plan.environment.prefix)
    leaving = {item.name for item in plan.leaving}
    removals = [*plan.leftovers, *(path for item in plan.leaving for path in item.remove)]
    places: list[Place] = []
    for item in plan.replacements:
        places += supply.stage(item.name, layout, staging, progress)
        tree = staging / item.name
        for top in [entry.name for entry in tree.iterdir() if entry.is_dir()]:
            keep_foreign_files(tree, prefix.site_packages, foreign_files(plan.environment, top, leaving))
    for repair in plan.repairs:
        mended = stage_files(supply.contents[repair.name], repair.rows, layout, staging)
        # The bytecode of what was there in its place; by time and size alone Python might take it for the new one's.
        removals += [path for place in mended for path in bytecode_of(place.final)]
        places += mended
    places += _records(plan, supply, staging, reason)
    _refuse_outside(prefix, places)
    return marked(journal_steps(removals, places))


def _records(plan: RestorePlan, supply: Supply, staging: Path, reason: str) -> Iterator[Place]:
    """The pin and the history, which change in the same transaction as what they tell of."""
    prefix = plan.environment.prefix
    folder = staging / "records"
    folder.mkdir()
    if plan.pin.origin is not PinOrigin.FILE:
        (folder / "pin.toml").write_text(render_pin(plan.pin))
        yield Place(folder / "pin.toml", prefix.path / PIN_FILE)
    changes = [
        *(Change(item.name, item.present, item.version, supply.coming(item.name).sha256) for item in plan.replacements),
        *(Change(item.name, (item.version,), item.version, None, len(item.rows)) for item in plan.repairs),
        *(Change(item.name, (item.version,), None) for item in plan.removals),
    ]
    reasons = {text for item in plan.mended for text in item.reasons}
    entry = Entry.now(reason, tuple(sorted(reasons)), tuple(changes), _pin_before(prefix))
    (folder / "history.jsonl").write_bytes(appended(prefix.path / HISTORY_FILE, entry))
    yield Place(folder / "history.jsonl", prefix.path / HISTORY_FILE)


def _pin_before(prefix: Prefix) -> VendorPin | None:
    try:
        return read_pin(prefix.path)
    except ReleaseError:
        # A damaged pin file is nothing to go back to.
        return None


def _refuse_outside(prefix: Prefix, places: list[Place]) -> None:
    bounds = Bounds.of(prefix)
    scripts = os.path.realpath(prefix.scripts)
    for place in places:
        if not bounds.hold(place.final) and os.path.realpath(place.final.parent) != scripts:
            raise RestoreError(
                f"{place.final} would be written outside the environment",
                why=f"a link leads from {place.final.parent} to {os.path.realpath(place.final.parent)}",
                remedy=f"ls -ld {place.final.parent}   and take the link away; nothing was changed",
            )


def _removed(journal: Journal) -> Iterator[Path]:
    return (step.path for step in journal.steps if isinstance(step, Remove))


def _verified(plan: RestorePlan) -> Report:
    """Hold what is now installed against the pin; every file's hash was checked when it was written."""
    report = but_for_this_one(diagnose(read_environment(plan.environment.prefix), plan.pin))
    names = {item.name for item in plan.mended}
    damage = [item for item in report.findings if item.distribution in names]
    if damage:
        raise RestoreError(
            f"{damage[0].distribution} was put in place and is not in order",
            why=damage[0].title + "; something else wrote to site-packages at the same time",
            remedy="envtool restore --force",
        )
    return report
