"""Installs what a project's lock names beside the vendor torch: every stage of `envtool sync`, in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.environment.change_scope import get_prefix_scope
from envtool.environment.prefix import find_prefix
from envtool.environment.reader import read_environment
from envtool.errors import InstallError, ResolutionError
from envtool.language import tell
from envtool.requirements.lock_selection import LockSelection
from envtool.requirements.metadata import DEFAULT_INDEX, MetadataReader
from envtool.requirements.open_target import configure_target, make_target
from envtool.requirements.projects.project_reader import find_local_path
from envtool.requirements.uv_command import UnbuildableError
from envtool.requirements.uv_options import Installer
from envtool.safe_install.apply import apply_install
from envtool.safe_install.install import TIME_LIMIT, InstallStatus, note_missing, refuse_changed_pins, refuse_damaged
from envtool.safe_install.locks.find_lock import find_lock
from envtool.safe_install.locks.model import LockedDemand, LockedSet, format_relock, override, parse_overrides
from envtool.safe_install.plan import InstallPlan, plan_install
from envtool.safe_install.prove import list_broken, list_unmet, read_requires
from envtool.transaction.recovery import recover
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from envtool.requirements.model import DeclaredRequirement, InstallOptions
    from envtool.requirements.resolve import Resolver
    from envtool.requirements.target import Target


@dataclass(frozen=True, kw_only=True)
class SyncRequest:
    """Which lock to install from, which parts of it, and where.

    `project` is the lock, or a folder that has one. `overrides` are requirements on what the vendor pins that count in
    the place of the lock's. `time_limit` is in seconds for all of it.
    """

    project: Path = Path()
    selection: LockSelection = field(default_factory=LockSelection)
    overrides: tuple[str, ...] = ()
    prefix: Path | None = None
    dry_run: bool = False
    time_limit: float = TIME_LIMIT

    @property
    def options(self) -> tuple[str, ...]:
        """The options of `envtool sync` beside the selection."""
        words = ["--prefix", str(self.prefix)] if self.prefix is not None else []
        words += [word for text in self.overrides for word in ("--override", text)]
        words += ["--dry-run"] if self.dry_run else []
        words += ["--time-limit", f"{self.time_limit:g}"] if self.time_limit != TIME_LIMIT else []
        return tuple(words)

    def format_command(self, overrides: Sequence[str] = ()) -> str:
        """The command that asks for this. `overrides` count in the place of its own on the same names."""
        names = {normalize_name(item.name) for item in parse_overrides(overrides)}
        kept = [text for text in self.overrides if normalize_name(parse_overrides([text])[0].name) not in names]
        options = replace(self, overrides=(*kept, *overrides)).options
        return self.selection.format_command(self.project.absolute(), options)


@dataclass(frozen=True, kw_only=True)
class SyncResult:
    """How it ended.

    There is no plan where the vendor's versions do not meet some requirements (`unmet`), or where the lock's versions
    do not meet theirs (`broken`).
    """

    request: SyncRequest
    status: InstallStatus
    locked: LockedSet
    target: Target
    plan: InstallPlan | None = None
    unmet: tuple[LockedDemand, ...] = ()
    broken: tuple[LockedDemand, ...] = ()


def sync(
    request: SyncRequest, *, note: Callable[[str], None] = lambda _text: None, show_progress: bool = False
) -> SyncResult:
    """Install everything that a lock names but the vendor's distributions and what only upstream's torch wants.

    Nothing is installed unless the vendor's versions meet what the lock's packages require, and nothing that the lock
    does not name is removed. `show_progress` leaves uv's progress to the terminal. Raises `EnvtoolError`; the
    environment is as it was then, after a kill from the next command on.
    """
    lock = find_lock(request.project)
    overrides = parse_overrides(request.overrides)
    prefix = find_prefix(request.prefix, None)
    if not request.dry_run and recover(get_prefix_scope(prefix)):
        note(tell("took back an install, or completed a restore, that had been interrupted"))
    environment = read_environment(prefix)
    refuse_damaged(environment)
    configured = configure_target(make_target(environment), prefix, (Installer.PIP,), time_limit=request.time_limit)
    resolver = replace(configured.resolvers[Installer.PIP], deadline=time.monotonic() + request.time_limit)
    target = resolver.target
    locked = override(_read(lock, request, resolver, note), overrides)
    resolver = replace(resolver, passed=locked.passed)
    unmet = _find_unmet(locked, resolver, note)
    if unmet:
        return SyncResult(request=request, status=InstallStatus.UNSOLVABLE, locked=locked, target=target, unmet=unmet)
    with _offer_leaving_out(request, locked):
        resolution = resolver.resolve(locked.wanted)
    if resolution.unsolvable is not None:
        raise ResolutionError(
            tell("{lock} cannot be installed as it stands", lock=lock),
            why=resolution.unsolvable,
            remedy=_suggest_locking_anew(lock, target),
        )
    broken = tuple(list_broken(resolution, target))
    if broken:
        return SyncResult(request=request, status=InstallStatus.UNSOLVABLE, locked=locked, target=target, broken=broken)
    plan = plan_install(environment, target.pin, locked.wanted.requirements, resolution.changes)
    pins = frozenset(item.name for item in target.pin.distributions)
    plan = replace(plan, proven_names=pins - locked.overridden)
    refuse_changed_pins(plan)
    note_missing(environment, plan, note)
    result = SyncResult(request=request, status=InstallStatus.NOTHING_TO_DO, locked=locked, target=target, plan=plan)
    if plan.is_empty:
        return result
    if request.dry_run:
        return replace(result, status=InstallStatus.PLANNED)
    count = sum(change.after is not None for change in plan.changes)
    note(tell("installing {count} distributions beside torch {version}", count=count, version=plan.pin.version))
    with _offer_leaving_out(request, locked):
        apply_install(
            plan,
            lambda lines, folder: resolver.stage(
                locked.wanted, lines, folder, show_progress=show_progress, imports_torch=resolution.imports_torch
            ),
        )
    return replace(result, status=InstallStatus.INSTALLED)


@contextmanager
def _offer_leaving_out(request: SyncRequest, locked: LockedSet) -> Iterator[None]:
    """Where the project itself cannot be built, say how to install the rest."""
    try:
        yield
    except UnbuildableError as error:
        own = {entry.name for entry in locked.wanted.entries if _is_project(entry, locked.path)}
        if error.project not in own:
            raise
        rest = replace(request, selection=replace(request.selection, no_project=True))
        remedy = tell("{command}   (leaves the project itself out)", command=rest.format_command())
        raise UnbuildableError(error.what, why=error.why, remedy=remedy) from error


def _is_project(entry: DeclaredRequirement, lock: Path) -> bool:
    place = find_local_path(entry.link or "")
    return place is not None and lock.parent.resolve().is_relative_to(place.resolve())


def _suggest_locking_anew(lock: Path, target: Target) -> str:
    command = format_relock(lock)
    if command:
        return tell(
            "{command}   (with Python {python} admitted), or leave the part out that names it (--no-group)",
            command=command,
            python=target.python,
        )
    return tell("lock anew for Python {python}, or leave the part out that names it (--no-group)", python=target.python)


def _read(lock: Path, request: SyncRequest, resolver: Resolver, note: Callable[[str], None]) -> LockedSet:
    selection, target = request.selection, resolver.target
    if lock.name == "uv.lock":
        from envtool.safe_install.locks.uv_project import read_uv_project

        named = request.project if request.project.is_dir() else request.project.parent
        return read_uv_project(lock, named.absolute(), selection, target, options=request.options)
    if selection.packages or selection.all_packages:
        raise InstallError(
            tell("--package and --all-packages are for a workspace of uv's"), why=tell("{lock} has none", lock=lock)
        )
    if lock.name == "poetry.lock":
        from envtool.safe_install.locks.poetry_lock import read_poetry_project

        return read_poetry_project(lock, selection, target)
    if lock.name == "pdm.lock":
        from envtool.safe_install.locks.pdm_lock import read_pdm_project

        return read_pdm_project(lock, selection, target)
    from envtool.safe_install.locks.pylock_file import read_pylock_project

    reader = _make_reader(resolver.options)
    return read_pylock_project(lock, selection, target, lambda entries: read_requires(entries, reader, note))


def _make_reader(options: InstallOptions) -> MetadataReader:
    first = () if options.no_index else (options.index_url or DEFAULT_INDEX,)
    return MetadataReader((*first, *options.extra_index_urls), options.certificates)


def _find_unmet(locked: LockedSet, resolver: Resolver, note: Callable[[str], None]) -> tuple[LockedDemand, ...]:
    reader = _make_reader(locked.wanted.options.merge_over(resolver.options))
    requires = read_requires(locked.unread, reader, note)
    return tuple(dict.fromkeys(list_unmet(locked, requires, resolver.target)))
