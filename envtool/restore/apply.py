"""RestorePlan → the prefix: stage, write the journal, swap, verify. The only module here that changes a prefix."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

from envtool.doctor.checks.interrupted_install import without_own_transaction
from envtool.doctor.diagnose import diagnose
from envtool.doctor.findings import Report
from envtool.environment.history import DistributionChange, HistoryEntry, append_history
from envtool.environment.install_layout import get_layout
from envtool.environment.owned_files import PathBoundary, find_bytecode
from envtool.environment.prefix import Prefix
from envtool.environment.reader import read_environment
from envtool.errors import ReleaseError, RestoreError
from envtool.progress import Progress
from envtool.release.pin import HISTORY_FILE, PIN_FILE, PinOrigin, VendorPin, read_pin, render_pin
from envtool.restore.discard import crowd_of, discarding
from envtool.restore.plan import RestorePlan, UserSiteRemoval
from envtool.restore.removal import list_foreign_files
from envtool.restore.supply import Supply
from envtool.transaction.fsync import sync_file_system, sync_folders
from envtool.transaction.journal import (
    TRASH_NAME,
    Journal,
    Remove,
    close_transaction,
    mark_staged,
    order_steps,
    replay,
    staging_folder,
    write_journal,
)
from envtool.transaction.lock import prefix_lock, translate_os_errors
from envtool.transaction.move import Move
from envtool.transaction.permissions import chown_like, umask_like
from envtool.transaction.prune import prune
from envtool.transaction.staging import STAGING_NAME
from envtool.wheel.layout import keep_foreign_files, stage_files

# Bytes that a file system wants for itself beside the files: folders, RECORD, the journal.
_MARGIN = 16 << 20


def apply_plan(plan: RestorePlan, supply: Supply, *, reason: str, progress: Progress) -> Report:
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
    held = prefix_lock(prefix.path, prefix.site_packages) if supply.ahead is None else nullcontext()
    with translate_os_errors(prefix.path), held, umask_like(prefix.site_packages):
        staging = prefix.site_packages / STAGING_NAME
        with staging_folder(staging) if supply.ahead is None else supply.ahead.beginning():
            journal = _staged(plan, supply, staging, reason, progress)
            chown_like(prefix.site_packages, staging)
            sync_file_system(staging)
            write_journal(staging, journal)
        replay(journal, staging / TRASH_NAME)
        prune(prefix.path, (prefix.site_packages, prefix.scripts), _removed(journal))
        with discarding(staging, journal, crowd):
            after = _verified(plan)
        close_transaction(staging)
        # Else the cleared folder could be there again after a loss of power.
        sync_folders((prefix.site_packages,))
    return after


def remove_user_copy(prefix: Prefix, item: UserSiteRemoval) -> None:
    """Take a copy in the user's site-packages away, as a transaction of its own. Raises `RestoreError`."""
    with translate_os_errors(prefix.path), prefix_lock(prefix.path, prefix.site_packages):
        staging = item.folder / STAGING_NAME
        with staging_folder(staging):
            journal = Journal(tuple(Remove(path) for path in item.remove))
            write_journal(staging, journal)
        replay(journal, staging / TRASH_NAME)
        prune(item.base, (item.folder,), item.remove)
        close_transaction(staging)


def write_pin(prefix: Prefix, pin: VendorPin) -> None:
    """Make `pin` the prefix's own. Raises `RestoreError` where the prefix cannot be written."""
    path = prefix.path / PIN_FILE
    with translate_os_errors(prefix.path), umask_like(prefix.site_packages):
        path.parent.mkdir(parents=True, exist_ok=True)
        incoming = path.with_suffix(".incoming")
        incoming.write_text(render_pin(pin))
        incoming.replace(path)


def _require_room(plan: RestorePlan, supply: Supply) -> None:
    """Before anything is written: a wheel may declare any size, and a full disk helps nobody."""
    folder = plan.environment.prefix.site_packages
    size = sum(supply.coming(item.name).size for item in plan.replacements)
    with translate_os_errors(plan.environment.prefix.path):
        free = shutil.disk_usage(folder).free
    if size + _MARGIN > free and size:
        raise RestoreError(
            f"the disk is full: {folder}",
            why=f"the new files take {size / 1e6:.0f} MB beside the old ones, and {free / 1e6:.0f} MB are free",
            remedy="make room and try again; nothing was changed",
        )


def _staged(plan: RestorePlan, supply: Supply, staging: Path, reason: str, progress: Progress) -> Journal:
    """Everything that comes, laid out below `staging`, and the steps that put it in place."""
    prefix, layout = plan.environment.prefix, get_layout(plan.environment.prefix)
    leaving = {item.name for item in plan.leaving}
    removals = [*plan.leftovers, *(path for item in plan.leaving for path in item.remove)]
    places: list[Move] = []
    for item in plan.replacements:
        places += supply.stage(item.name, layout, staging, progress)
        tree = staging / item.name
        for top in [entry.name for entry in tree.iterdir() if entry.is_dir()]:
            keep_foreign_files(tree, prefix.site_packages, list_foreign_files(plan.environment, top, leaving))
    for repair in plan.repairs:
        mended = stage_files(supply.contents[repair.name], repair.rows, layout, staging)
        # The bytecode of what was there in its place; by time and size alone Python might take it for the new one's.
        removals += [path for place in mended for path in find_bytecode(place.final)]
        places += mended
    places += _records(plan, supply, staging, reason)
    _refuse_outside(prefix, places)
    return mark_staged(order_steps(removals, places))


def _records(plan: RestorePlan, supply: Supply, staging: Path, reason: str) -> Iterator[Move]:
    """The pin and the history, which change in the same transaction as what they tell of."""
    prefix = plan.environment.prefix
    folder = staging / "records"
    folder.mkdir()
    if plan.pin.origin is not PinOrigin.FILE:
        (folder / "pin.toml").write_text(render_pin(plan.pin))
        yield Move(folder / "pin.toml", prefix.path / PIN_FILE)
    changes = [
        *(
            DistributionChange(item.name, item.present, item.version, supply.coming(item.name).sha256)
            for item in plan.replacements
        ),
        *(DistributionChange(item.name, (item.version,), item.version, None, len(item.rows)) for item in plan.repairs),
        *(DistributionChange(item.name, (item.version,), None) for item in plan.removals),
    ]
    reasons = {text for item in plan.mended for text in item.reasons}
    entry = HistoryEntry.now(reason, tuple(sorted(reasons)), tuple(changes), _pin_before(prefix))
    (folder / "history.jsonl").write_bytes(append_history(prefix.path / HISTORY_FILE, entry))
    yield Move(folder / "history.jsonl", prefix.path / HISTORY_FILE)


def _pin_before(prefix: Prefix) -> VendorPin | None:
    try:
        return read_pin(prefix.path)
    except ReleaseError:
        # A damaged pin file is nothing to go back to.
        return None


def _refuse_outside(prefix: Prefix, places: list[Move]) -> None:
    bounds = PathBoundary.of(prefix)
    scripts = os.path.realpath(prefix.scripts)
    for place in places:
        if not bounds.contains(place.final) and os.path.realpath(place.final.parent) != scripts:
            raise RestoreError(
                f"{place.final} would be written outside the environment",
                why=f"a link leads from {place.final.parent} to {os.path.realpath(place.final.parent)}",
                remedy=f"ls -ld {place.final.parent}   and take the link away; nothing was changed",
            )


def _removed(journal: Journal) -> Iterator[Path]:
    return (step.path for step in journal.steps if isinstance(step, Remove))


def _verified(plan: RestorePlan) -> Report:
    """Hold what is now installed against the pin; every file's hash was checked when it was written."""
    report = without_own_transaction(diagnose(read_environment(plan.environment.prefix), plan.pin))
    names = {item.name for item in plan.mended}
    damage = [item for item in report.findings if item.distribution in names]
    if damage:
        raise RestoreError(
            f"{damage[0].distribution} was put in place and is not in order",
            why=damage[0].title + "; something else wrote to site-packages at the same time",
            remedy="envtool restore --force",
        )
    return report
