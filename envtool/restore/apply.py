"""RestorePlan → the prefix: stage, write the journal, swap. The only module of this room that changes a prefix."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.environment.change_scope import get_prefix_scope, get_user_site_scope
from envtool.errors import RestoreError
from envtool.language import tell
from envtool.release.pin import PIN_FILE, VendorPin, render_pin
from envtool.release.profile import TOP_LEVEL_NAMES
from envtool.restore.incoming import IncomingWheel, share_wheels
from envtool.restore.stage import prepare_stage, stage_plan
from envtool.restore.unrecorded import list_top_names
from envtool.transaction.as_owner import run_as_owner
from envtool.transaction.change import make_change
from envtool.transaction.hand_over import hand_over_folders
from envtool.transaction.journal import order_steps
from envtool.transaction.lock import translate_os_errors
from envtool.transaction.mounts import refuse_mounts
from envtool.transaction.unlinked_file import replace_file

if TYPE_CHECKING:
    from envtool.environment.prefix import Prefix
    from envtool.progress import Progress
    from envtool.restore.plan import RestorePlan, UserSiteRemoval
    from envtool.transaction.scope import ChangeScope

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
    scope = get_prefix_scope(prefix)
    owner = scope.find_owner()
    _require_disk_space(plan, wheels)
    with translate_os_errors(prefix.path), share_wheels(wheels, owner) as shared:
        prepared = prepare_stage(plan, shared, command)
        hand_over_folders(owner, prefix.site_packages, _list_touched(plan))
        hand_over_folders(owner, prefix.path, (prefix.path / PIN_FILE,))
        run_as_owner(
            owner,
            lambda report: make_change(scope, lambda staging: stage_plan(prepared, staging, report)),
            progress,
        )


def remove_user_copy(prefix: Prefix, copy: UserSiteRemoval) -> None:
    """Remove a copy from the user's site-packages. Raises `RestoreError`."""
    scope = get_user_site_scope(prefix, copy.folder)
    owner = scope.find_owner()
    with translate_os_errors(prefix.path):
        hand_over_folders(owner, copy.folder, copy.remove)
    run_as_owner(owner, lambda _report: make_change(scope, lambda _staging: order_steps(copy.remove, ())))


def write_pin(prefix: Prefix, pin: VendorPin) -> None:
    """Make `pin` the prefix's own. Raises `RestoreError` where the prefix cannot be written."""
    scope = get_prefix_scope(prefix)
    owner = scope.find_owner()
    text = render_pin(pin)
    with translate_os_errors(prefix.path):
        hand_over_folders(owner, prefix.path, (prefix.path / PIN_FILE,))
    run_as_owner(owner, lambda _report: _write_pin(scope, prefix.path / PIN_FILE, text))


def _write_pin(scope: ChangeScope, path: Path, text: str) -> None:
    with scope.open() as opened:
        replace_file(opened, opened.locate(path), text.encode())


def refuse_mounted(plan: RestorePlan) -> None:
    """Refuse a plan that would replace or remove what is mounted, before anything is made. Raises `RestoreError`."""
    tops = list_top_names([item.name for item in plan.replacements])
    paths = [*_list_going(plan), *(plan.environment.prefix.site_packages / name for name in tops)]
    refuse_mounts(f"{os.path.realpath(path.parent)}/{path.name}" for path in paths)


def _list_going(plan: RestorePlan) -> Iterator[Path]:
    yield from (path for item in plan.leaving for path in item.remove)
    yield from plan.leftovers


def _list_touched(plan: RestorePlan) -> Iterator[Path]:
    """What is replaced or goes, and what a wheel of the vendor's may bring."""
    yield from _list_going(plan)
    site_packages = plan.environment.prefix.site_packages
    yield from (site_packages / name for name in TOP_LEVEL_NAMES if plan.mended)


def _require_disk_space(plan: RestorePlan, wheels: Wheels) -> None:
    """Refuse before anything is written: a wheel may declare any size, and a full disk helps nobody."""
    folder = plan.environment.prefix.site_packages
    size = sum(wheels[item.name].size for item in plan.replacements)
    with translate_os_errors(plan.environment.prefix.path):
        free = shutil.disk_usage(folder).free
    if size + _MARGIN > free and size:
        raise RestoreError(
            tell("the disk is full: {folder}", folder=folder),
            why=tell(
                "the new files take {size:.0f} MB beside the old ones, and {free:.0f} MB are free",
                size=size / 1000000.0,
                free=free / 1000000.0,
            ),
            remedy=tell("make room and try again; nothing was changed"),
        )
