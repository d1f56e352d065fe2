"""Protects an environment's torch from pip, uv and conda, or takes that back: every stage of `envtool protect`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.atomic_file import write_atomic
from envtool.environment.change_scope import get_prefix_scope
from envtool.environment.effective_pin import find_effective_pin
from envtool.environment.prefix import find_prefix
from envtool.environment.reader import read_environment
from envtool.errors import ReleaseError
from envtool.language import tell
from envtool.protect.manifest import MANIFEST, FileEdit, read_manifest, render_manifest, require_own_manifest
from envtool.protect.plan import list_places, plan_protection, plan_removal
from envtool.regular_file import read_regular_file
from envtool.transaction.as_owner import run_as_owner
from envtool.transaction.change import make_change
from envtool.transaction.hand_over import hand_over_folders
from envtool.transaction.journal import JournalStep, order_steps
from envtool.transaction.lock import translate_os_errors
from envtool.transaction.move import Move
from envtool.transaction.recovery import recover

if TYPE_CHECKING:
    from envtool.environment.prefix import Prefix
    from envtool.environment.reader import Environment
    from envtool.release.pin import VendorPin


@dataclass(frozen=True, kw_only=True)
class ProtectRequest:
    """Which environment to protect; `undo` takes it back, `dry_run` changes nothing."""

    prefix: Path | None = None
    python: Path | None = None
    undo: bool = False
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class ProtectResult:
    """The files that were changed, or would be. `pin` is `None` where a protection was taken back."""

    prefix: Prefix
    pin: VendorPin | None
    edits: tuple[FileEdit, ...]


def protect(request: ProtectRequest) -> ProtectResult:
    """Write the pin and the constraints into an environment, or take them back; all of it or nothing.

    Raises `PrefixError`; `ReleaseError` where nothing says which torch there should be; `RestoreError` where a file
    cannot be changed: the environment is then as it was, or the next command completes it.
    """
    prefix = find_prefix(request.prefix, request.python)
    if not request.dry_run:
        recover(get_prefix_scope(prefix))
    owner = get_prefix_scope(prefix).find_owner()
    if owner is None and os.geteuid() == 0:
        require_own_manifest(prefix.path)
    places = list_places(prefix, owner)
    present = read_manifest(prefix.path, places)
    if request.undo:
        edits = plan_removal(present) if present is not None else []
        if present is not None and not request.dry_run:
            _apply(prefix, [*edits, _make_manifest_edit(prefix, None)])
        return ProtectResult(prefix=prefix, pin=None, edits=tuple(edits))
    environment = read_environment(prefix)
    pin = _require_pin(environment)
    edits = plan_protection(environment, pin, present, places)
    manifest = render_manifest(edits, pin.requirements, prefix.path)
    changed = [item for item in edits if _differs(item)]
    if changed and not request.dry_run:
        _apply(prefix, [*changed, _make_manifest_edit(prefix, manifest)])
    return ProtectResult(prefix=prefix, pin=pin, edits=tuple(changed))


def find_protected_pin(prefix: Path | None = None, python: Path | None = None) -> VendorPin:
    """What an environment would be held to. Raises `PrefixError`, and `ReleaseError` where nothing says that."""
    return _require_pin(read_environment(find_prefix(prefix, python)))


def _require_pin(environment: Environment) -> VendorPin:
    pin = find_effective_pin(environment)
    if pin is None:
        raise ReleaseError(
            tell("nothing says which torch {path} should keep", path=environment.prefix.path),
            why=tell("it has neither a pin nor a vendor's torch that is known here"),
            remedy=tell(
                "envtool profile list   and name the vendor with --profile; cpu and cuda are upstream's own builds"
            ),
        )
    return pin


def _differs(edit: FileEdit) -> bool:
    try:
        return read_regular_file(edit.path) != edit.after
    except OSError:
        return True


def _make_manifest_edit(prefix: Prefix, data: bytes | None) -> FileEdit:
    return FileEdit(path=prefix.path / MANIFEST, edit="whole", before=None, after=data)


def _apply(prefix: Prefix, edits: Sequence[FileEdit]) -> None:
    """Change the files of the prefix in one transaction, then the machine's, which the manifest tells of already."""
    inside = [edit for edit in edits if edit.path.is_relative_to(prefix.path)]
    scope = get_prefix_scope(prefix)
    owner = scope.find_owner()
    with translate_os_errors(prefix.path):
        hand_over_folders(owner, prefix.path, [edit.path for edit in inside])
        run_as_owner(owner, lambda _report: make_change(scope, lambda staging: _stage(inside, staging)))
        for edit in edits:
            if edit not in inside:
                _replace(edit)


def _stage(edits: Sequence[FileEdit], staging: Path) -> tuple[JournalStep, ...]:
    moves, removals = [], []
    for number, edit in enumerate(edits):
        if edit.after is None:
            removals.append(edit.path)
            continue
        staged = staging / f"{number}-{edit.path.name}"
        staged.write_bytes(edit.after)
        staged.chmod(edit.mode)
        moves.append(Move(staged, edit.path))
    return order_steps(removals, moves)


def _replace(edit: FileEdit) -> None:
    if edit.after is None:
        edit.path.unlink(missing_ok=True)
        return
    edit.path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(edit.path, edit.after.decode(), mode=edit.mode)
