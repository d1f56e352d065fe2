"""RestorePlan → the prefix: stage, write the journal, swap. The only module of this room that changes a prefix."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.environment.history import DistributionChange, append_history, make_history_entry
from envtool.environment.install_layout import get_layout
from envtool.environment.owned_files import PathBoundary, find_bytecode
from envtool.errors import ReleaseError, RestoreError
from envtool.release.pin import HISTORY_FILE, PIN_FILE, PinOrigin, VendorPin, read_pin, render_pin
from envtool.restore.incoming import IncomingWheel
from envtool.restore.removal import list_foreign_files
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
from envtool.wheel.contents import WheelContents, bind_progress
from envtool.wheel.hardlink import stage_links
from envtool.wheel.layout import Layout, keep_foreign_files, stage_files, stage_wheel

if TYPE_CHECKING:
    from envtool.environment.prefix import Prefix
    from envtool.progress import Progress
    from envtool.restore.plan import RestorePlan, UserSiteRemoval

# Bytes that a file system wants for itself beside the files: folders, RECORD, the journal.
_MARGIN = 16 << 20

Wheels = Mapping[str, IncomingWheel]


def apply_plan(plan: RestorePlan, wheels: Wheels, *, command: str, progress: Progress) -> None:
    """Carry out a plan with the wheels that it needs; `command` is what the history records.

    `progress` gets a name, bytes written and bytes in all. The environment must have been read after it was recovered.
    Raises `SourceError` or `HashError` for an unsound wheel and `RestoreError` where the prefix cannot be written; the
    environment is then as it was, or, once the journal is written, the next recovery completes it.
    """
    prefix = plan.environment.prefix
    _require_disk_space(plan, wheels)
    _run_transaction(
        prefix,
        prefix.site_packages,
        lambda staging: _stage(plan, wheels, staging, command, progress),
        root=prefix.path,
        keep=(prefix.site_packages, prefix.scripts),
    )


def remove_user_copy(prefix: Prefix, copy: UserSiteRemoval) -> None:
    """Remove a copy from the user's site-packages. Raises `RestoreError`."""
    journal = Journal(tuple(Remove(path) for path in copy.remove))
    _run_transaction(prefix, copy.folder, lambda _staging: journal, root=copy.base, keep=(copy.folder,))


def write_pin(prefix: Prefix, pin: VendorPin) -> None:
    """Make `pin` the prefix's own. Raises `RestoreError` where the prefix cannot be written."""
    path = prefix.path / PIN_FILE
    with (
        translate_os_errors(prefix.path),
        prefix_lock(prefix.path, prefix.site_packages),
        umask_like(prefix.site_packages),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        incoming = path.with_suffix(".incoming")
        # Whatever has that name, a link to elsewhere even, is not written to.
        incoming.unlink(missing_ok=True)
        with open(incoming, "x") as stream:
            stream.write(render_pin(pin))
        chown_like(prefix.site_packages, incoming)
        incoming.replace(path)


def _run_transaction(
    prefix: Prefix, folder: Path, stage: Callable[[Path], Journal], *, root: Path, keep: tuple[Path, ...]
) -> None:
    """Change what is in and around `folder`, alone in the prefix: `stage` fills the staging folder.

    Folders below `root` that become empty go, but for those in `keep`.
    """
    with translate_os_errors(prefix.path), prefix_lock(prefix.path, prefix.site_packages), umask_like(folder):
        staging = folder / STAGING_NAME
        with staging_folder(staging):
            journal = stage(staging)
            chown_like(folder, staging)
            sync_file_system(staging)
            write_journal(staging, journal)
        replay(journal, staging / TRASH_NAME)
        prune(root, keep, (step.path for step in journal.steps if isinstance(step, Remove)))
        close_transaction(staging)
        # Else the cleared folder could be there again after a loss of power.
        sync_folders((folder,))


def _require_disk_space(plan: RestorePlan, wheels: Wheels) -> None:
    """Refuse before anything is written: a wheel may declare any size, and a full disk helps nobody."""
    folder = plan.environment.prefix.site_packages
    size = sum(wheels[item.name].size for item in plan.replacements)
    with translate_os_errors(plan.environment.prefix.path):
        free = shutil.disk_usage(folder).free
    if size + _MARGIN > free and size:
        raise RestoreError(
            f"the disk is full: {folder}",
            why=f"the new files take {size / 1e6:.0f} MB beside the old ones, and {free / 1e6:.0f} MB are free",
            remedy="make room and try again; nothing was changed",
        )


def _stage(plan: RestorePlan, wheels: Wheels, staging: Path, command: str, progress: Progress) -> Journal:
    """Lay out below `staging` everything that comes, and return the steps that put it in place."""
    prefix, layout = plan.environment.prefix, get_layout(plan.environment.prefix)
    leaving = {item.name for item in plan.leaving}
    removals = [*plan.leftovers, *(path for item in plan.leaving for path in item.remove)]
    moves: list[Move] = []
    for item in plan.replacements:
        moves += _stage_distribution(wheels[item.name], layout, staging, progress)
        tree = staging / item.name
        for top in [entry.name for entry in tree.iterdir() if entry.is_dir()]:
            keep_foreign_files(tree, prefix.site_packages, list_foreign_files(plan.environment, top, leaving))
    for repair in plan.repairs:
        wheel = wheels[repair.name]
        assert isinstance(wheel, WheelContents)
        repaired = stage_files(wheel, repair.rows, layout, staging)
        # By time and size alone, Python might take the bytecode of the old file for the new one's.
        removals += [path for move in repaired for path in find_bytecode(move.final)]
        moves += repaired
    moves += _stage_records(plan, wheels, staging, command)
    _refuse_outside(prefix, moves)
    return mark_staged(order_steps(removals, moves))


def _stage_distribution(wheel: IncomingWheel, layout: Layout, staging: Path, progress: Progress) -> tuple[Move, ...]:
    report = bind_progress(wheel.wheel.name.name, wheel.size, progress)
    if isinstance(wheel, WheelContents):
        return stage_wheel(wheel, layout, staging, requested=True, progress=report)
    moves = stage_links(wheel, layout, staging, requested=True)
    report(wheel.size)
    return moves


def _stage_records(plan: RestorePlan, wheels: Wheels, staging: Path, command: str) -> Iterator[Move]:
    """The pin and the history, which change in the same transaction as what they tell of."""
    prefix = plan.environment.prefix
    folder = staging / "records"
    folder.mkdir()
    if plan.pin.origin is not PinOrigin.FILE:
        (folder / "pin.toml").write_text(render_pin(plan.pin))
        yield Move(folder / "pin.toml", prefix.path / PIN_FILE)
    changes = [
        *(
            DistributionChange(
                distribution=item.name,
                before=item.present,
                after=item.version,
                sha256=wheels[item.name].wheel.sha256,
            )
            for item in plan.replacements
        ),
        *(
            DistributionChange(distribution=item.name, before=(item.version,), after=item.version, files=len(item.rows))
            for item in plan.repairs
        ),
        *(DistributionChange(distribution=item.name, before=(item.version,), after=None) for item in plan.removals),
    ]
    reasons = {text for item in plan.mended for text in item.reasons}
    entry = make_history_entry(command, tuple(sorted(reasons)), tuple(changes), _read_previous_pin(prefix))
    (folder / "history.jsonl").write_bytes(append_history(prefix.path / HISTORY_FILE, entry))
    yield Move(folder / "history.jsonl", prefix.path / HISTORY_FILE)


def _read_previous_pin(prefix: Prefix) -> VendorPin | None:
    try:
        return read_pin(prefix.path)
    except ReleaseError:
        # A damaged pin file is nothing to go back to.
        return None


def _refuse_outside(prefix: Prefix, moves: list[Move]) -> None:
    bounds = PathBoundary.of(prefix)
    scripts = os.path.realpath(prefix.scripts)
    for move in moves:
        if not bounds.contains(move.final) and os.path.realpath(move.final.parent) != scripts:
            raise RestoreError(
                f"{move.final} would be written outside the environment",
                why=f"a link leads from {move.final.parent} to {os.path.realpath(move.final.parent)}",
                remedy=f"ls -ld {move.final.parent}   and take the link away; nothing was changed",
            )
