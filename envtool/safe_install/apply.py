"""InstallPlan → the environment changed, or as it was: stage, journal, swap, verify, or take everything back."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.doctor.cause import find_conflicting_requirements
from envtool.doctor.diagnose import diagnose
from envtool.environment.change_scope import get_prefix_scope
from envtool.environment.reader import read_environment
from envtool.errors import InstallError
from envtool.language import join_messages, tell
from envtool.safe_install.plan import InstallPlan, make_steps
from envtool.transaction.as_owner import run_as_owner
from envtool.transaction.fsync import sync_file_system
from envtool.transaction.hand_over import hand_over_folders
from envtool.transaction.journal import Journal, RemoveRow, make_journal
from envtool.transaction.journal_file import delete_journal, write_journal
from envtool.transaction.lock import translate_os_errors
from envtool.transaction.mounts import refuse_foreign_mounts
from envtool.transaction.postponed_signals import postponed_signals
from envtool.transaction.prune import prune
from envtool.transaction.replay import replay, roll_back
from envtool.transaction.staging import StagingFolder, delete_staging, make_staging

if TYPE_CHECKING:
    from envtool.environment.reader import Environment
    from envtool.transaction.scope import ChangeScope, OpenScope

# Lays the distributions of some lines out below a folder as if it were the prefix.
StageDistributions = Callable[[Sequence[str], Path], None]


def apply_install(plan: InstallPlan, stage: StageDistributions) -> None:
    """Carry a plan out.

    The environment must have been recovered before it was read. Raises `InstallError`, `SourceError`, `ResolutionError`
    and `RestoreError`; the environment is as it was then. After a kill the next `recover` takes the install back.
    """
    scope = get_prefix_scope(plan.environment.prefix)
    owner = scope.find_owner()
    with translate_os_errors(scope.prefix):
        hand_over_folders(owner, scope.folder, plan.removals)
    run_as_owner(owner, lambda _report: _apply(plan, scope, stage))


def _apply(plan: InstallPlan, scope: ChangeScope, stage: StageDistributions) -> None:
    with scope.open() as opened, ExitStack() as stack:
        with make_staging(opened) as staging:
            staged = staging.path / "prefix"
            staged.mkdir()
            if plan.lines:
                stage(plan.lines, staged)
            journal = make_journal(make_steps(plan, staged), opened, staging.path, backwards=True)
            refuse_foreign_mounts(journal, opened)
            if _has_replacements(journal, opened):
                sync_file_system(staging.handle)
            stack.enter_context(postponed_signals())
            write_journal(staging, journal)
            _swap(plan, journal, opened, staging)
            delete_journal(staging)
        delete_staging(opened)


def _has_replacements(journal: Journal, opened: OpenScope) -> bool:
    """Whether the install replaces or removes anything that is installed now.

    Then the new files must be on the disk before the old ones go. An install that only adds cannot lose anything by a
    loss of power but what it adds, which pip and uv do not bring to the disk either, and saves a third of a second.
    """
    return any(isinstance(row, RemoveRow) or os.path.lexists(opened.describe(row.target)) for row in journal.rows)


def _swap(plan: InstallPlan, journal: Journal, opened: OpenScope, staging: StagingFolder) -> None:
    try:
        replay(journal, opened, staging)
        # Before the look: a `.dist-info` without files would still count as a record.
        prune(opened, (row.target for row in journal.rows if isinstance(row, RemoveRow)))
        _verify(plan)
    except BaseException:
        roll_back(journal, opened, staging)
        delete_journal(staging)
        raise


def _verify(plan: InstallPlan) -> None:
    """Torch must be whole, and everything in the version that was planned."""
    environment = read_environment(plan.environment.prefix)
    # Not `torch_is_intact`, which this very transaction is a blemish to.
    damage = [item for item in diagnose(environment, plan.pin).findings if item.distribution is not None]
    if damage:
        raise InstallError(
            tell("the install was taken back, because it damaged torch"),
            why=damage[0].title,
            remedy=f"envtool doctor --prefix {plan.environment.prefix.path}",
        )
    for change in plan.changes:
        found = environment.find(change.name)
        if (change.after is None) == bool(found) or len(found) > 1:
            raise InstallError(
                tell("the install was taken back, because {name} is not there as planned", name=change.name),
                why=join_messages(
                    ", ", (tell("{name} in {reference}", name=item.version, reference=item.path.name) for item in found)
                )
                or tell("it is missing"),
            )
    _verify_requirements(plan, environment)


def _verify_requirements(plan: InstallPlan, environment: Environment) -> None:
    """What was built from source tells only now what it requires of the vendor's distributions."""
    changed = {change.name for change in plan.changes}
    for name in sorted(plan.proven_names):
        pinned = plan.pin.find(name)
        for demand in find_conflicting_requirements(environment, pinned) if pinned is not None else ():
            if demand.name in changed:
                raise InstallError(
                    tell("the install was taken back, because {demand}", demand=demand),
                    why=tell(
                        "the vendor's {name} is {version}",
                        name=name,
                        version=pinned.version if pinned is not None else "",
                    ),
                    remedy=tell("lock a version that is content with it"),
                )
