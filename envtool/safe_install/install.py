"""Installs packages beside the vendor torch: every stage of `envtool install`, in order."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.doctor.diagnose import diagnose
from envtool.doctor.finding_kind import FindingKind
from envtool.environment.change_scope import get_prefix_scope
from envtool.environment.missing_requirements import find_missing_requirements
from envtool.environment.prefix import find_prefix
from envtool.environment.reader import Environment, read_environment
from envtool.errors import InstallError, UsageError
from envtool.language import tell
from envtool.requirements.checker import Checker
from envtool.requirements.model import RequirementSet, SourceLocation
from envtool.requirements.open_target import configure_target, make_target
from envtool.requirements.readers.install_command import InstallCommand, NamedLock, read_command
from envtool.requirements.uv_options import Installer
from envtool.safe_install.apply import apply_install
from envtool.safe_install.plan import InstallPlan, plan_install
from envtool.transaction.recovery import recover

if TYPE_CHECKING:
    from envtool.requirements.prediction import Prediction
    from envtool.requirements.resolve import Resolver
    from envtool.requirements.target import Target

# Seconds. A large download on a slow line, or a source distribution that compiles.
TIME_LIMIT = 3600.0


class _CommandLine(SourceLocation):
    """Where requirements stand that are arguments."""

    def __str__(self) -> str:
        return tell("the command line")

    @property
    def edit_command(self) -> str:
        return "envtool install --help"


# Relative paths in the arguments start at the current folder, as this has none of its own.
_COMMAND_LINE = _CommandLine(Path("the command line"), 1)


class InstallStatus(Enum):
    """How an install ended."""

    PLANNED = "planned"
    INSTALLED = "installed"
    NOTHING_TO_DO = "nothing-to-do"
    UNSOLVABLE = "unsolvable"


@dataclass(frozen=True, kw_only=True)
class InstallRequest:
    """What to install, in the words that `pip install` takes, and where. `time_limit` is in seconds for all of it."""

    arguments: tuple[str, ...]
    prefix: Path | None = None
    dry_run: bool = False
    time_limit: float = TIME_LIMIT


@dataclass(frozen=True, kw_only=True)
class InstallResult:
    """How an install ended.

    `plan` is there unless nothing can be installed beside the vendor torch; `predictions` say why, and what would do.
    """

    status: InstallStatus
    target: Target
    plan: InstallPlan | None = None
    predictions: tuple[Prediction, ...] = ()


def install(
    request: InstallRequest, *, note: Callable[[str], None] = lambda _text: None, show_progress: bool = False
) -> InstallResult:
    """Resolve with torch pinned, install, verify; or change nothing.

    `show_progress` leaves uv's progress to the terminal. Raises `EnvtoolError`, of these `UsageError` for arguments
    that cannot be meant; the environment is as it was then, after a kill from the next command on.
    """
    command = _read_arguments(request.arguments)
    wanted = RequirementSet(path=_COMMAND_LINE.path, entries=command.entries, options=command.options)
    prefix = find_prefix(request.prefix, None)
    if not request.dry_run and recover(get_prefix_scope(prefix)):
        note(tell("took back an install, or completed a restore, that had been interrupted"))
    environment = read_environment(prefix)
    refuse_damaged(environment)
    resolver = _configure_resolver(environment, command, request.time_limit)
    target = resolver.target
    _refuse_pinning_locks(command, target, prefix.path)
    resolution = resolver.resolve(wanted, constraints=target.pin.requirements)
    if resolution.unsolvable is not None:
        checker = Checker(target=target, resolvers={Installer.PIP: resolver}, constrained=(Installer.PIP,))
        predictions = checker.check_set(wanted)
        failure = next((item.failure for item in predictions if item.failure is not None), None)
        if failure is not None and not any(item.is_bad for item in predictions):
            raise failure
        return InstallResult(status=InstallStatus.UNSOLVABLE, target=target, predictions=predictions)
    plan = plan_install(environment, target.pin, wanted.requirements, resolution.changes)
    refuse_changed_pins(plan)
    note_missing(environment, plan, note)
    if plan.is_empty:
        return InstallResult(status=InstallStatus.NOTHING_TO_DO, target=target, plan=plan)
    if request.dry_run:
        return InstallResult(status=InstallStatus.PLANNED, target=target, plan=plan)
    count = sum(change.after is not None for change in plan.changes)
    note(tell("installing {count} distributions beside torch {version}", count=count, version=plan.pin.version))
    apply_install(
        plan,
        lambda lines, folder: resolver.stage(
            wanted, lines, folder, show_progress=show_progress, imports_torch=resolution.imports_torch
        ),
    )
    return InstallResult(status=InstallStatus.INSTALLED, target=target, plan=plan)


def _read_arguments(arguments: tuple[str, ...]) -> InstallCommand:
    command = read_command(arguments, _COMMAND_LINE)
    if command.unknown:
        raise UsageError(
            tell("{unknown} is an option of neither pip nor uv, as far as envtool knows", unknown=command.unknown[0])
        )
    if command.options.other_destination is not None:
        raise UsageError(
            tell(
                "{other_destination} is not the environment; torch cannot be guarded there. Use pip",
                other_destination=command.options.other_destination,
            )
        )
    if not command.entries:
        raise UsageError(tell("name packages, or files with -r"))
    return command


def _refuse_pinning_locks(command: InstallCommand, target: Target, prefix: Path) -> None:
    """Raise `InstallError` where a lock names another torch: it is for `envtool sync`, which leaves that one out."""
    for lock in command.locks:
        for entry in command.entries:
            pinned = target.pin.find(entry.name or "")
            if entry.location.path != lock.path or pinned is None or not target.is_applicable(entry):
                continue
            if entry.link is None and entry.specifier.contains(pinned.version, prereleases=True):
                continue
            raise InstallError(
                tell(
                    "{lock} pins {requirement}, and {name} {version} stays",
                    lock=lock.path,
                    requirement=entry.display,
                    name=pinned.name,
                    version=pinned.version,
                ),
                why=tell("a lock is installed as it stands; envtool sync installs all of it but what the vendor pins"),
                remedy=_format_sync(lock.path, command.locks, prefix),
            )


def _format_sync(path: Path, locks: Collection[NamedLock], prefix: Path) -> str:
    """The `envtool sync` for what an install takes of a lock. A group alone comes without what the lock always has."""
    same = [lock for lock in locks if lock.path == path]
    group = "--only-group" if all(lock.groups for lock in same) else "--group"
    words = [word for lock in same for name in lock.extras for word in ("--extra", name)]
    words += [word for lock in same for name in lock.groups for word in (group, name)]
    return shlex.join(["envtool", "sync", "--prefix", str(prefix), *words, str(path)])


def refuse_damaged(environment: Environment) -> None:
    """Raise `InstallError` where torch is not whole: nothing is installed beside it then."""
    damage = [item for item in diagnose(environment).findings if item.distribution is not None]
    if any(item.kind in {FindingKind.NO_VENDOR_TORCH, FindingKind.TORCH_UNKNOWN_BUILD} for item in damage):
        raise InstallError(
            tell("{path} has no vendor torch to install beside", path=environment.prefix.path),
            why=damage[0].cause or "",
            remedy=damage[0].remedy or "",
        )
    if damage:
        raise InstallError(
            tell("torch is damaged already, so nothing is installed"),
            why=damage[0].title,
            remedy=f"envtool restore --prefix {environment.prefix.path}",
        )


def _configure_resolver(environment: Environment, command: InstallCommand, time_limit: float) -> Resolver:
    """The choices are pip's where pip and uv differ: nothing is upgraded that was not asked for."""
    configured = configure_target(make_target(environment), environment.prefix, (Installer.PIP,), time_limit=time_limit)
    resolver = configured.resolvers[Installer.PIP]
    deadline = time.monotonic() + time_limit
    return replace(
        resolver, deadline=deadline, passed=command.passed, variables={**resolver.variables, **dict(command.variables)}
    )


def note_missing(environment: Environment, plan: InstallPlan, note: Callable[[str], None]) -> None:
    """Say what torch itself requires and will not have after the install either."""
    after = {item.name for item in environment.distributions} | {change.name for change in plan.changes if change.after}
    for pinned in plan.pin.distributions:
        for item in environment.find(pinned.name):
            needs = tuple(find_missing_requirements(item, after, environment.prefix.python))
            if needs:
                if len(needs) == 1:
                    note(tell("{name} needs {requirement}, which is missing", name=pinned.name, requirement=needs[0]))
                else:
                    names = " + ".join(needs)
                    note(tell("{name} needs {names}, which are missing", name=pinned.name, names=names))


def refuse_changed_pins(plan: InstallPlan) -> None:
    """Raise `InstallError` for a plan that would change what the vendor pins."""
    for change in plan.changes:
        if plan.pin.find(change.name) is not None:
            raise InstallError(
                tell("{change} would be a change of a pinned distribution", change=change),
                remedy=f"envtool restore --prefix {plan.environment.prefix.path}",
            )
