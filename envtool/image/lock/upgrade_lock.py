"""Upgrades one part of a lock and keeps the rest: the vendor's torch, the base, or one package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from envtool.errors import LockError
from envtool.image.lock.child_requirements import parse_project
from envtool.image.lock.conda_lock import lock_environment
from envtool.image.lock.lockfile import ImageLock, require_current
from envtool.image.lock.make_lock import list_added_requirements, lock_child_environment, lock_vendor
from envtool.image.lock.resolve_wheels import make_version_constraints, resolve_wheels
from envtool.image.lock.signatures import find_signatures
from envtool.image.spec.table import ImageSpec, read_tool_requirements
from envtool.language import tell
from envtool.release.profile import TORCH
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from envtool.image.lock.lock_sources import LockSources
    from envtool.wheel.store import FileStore

BASE = "base"


def upgrade_lock(
    spec: ImageSpec,
    lock: ImageLock,
    parent: ImageLock | None,
    what: str,
    sources: LockSources,
    store: FileStore,
    say: Callable[[str], None],
) -> ImageLock:
    """The lock with `what` upgraded: `torch`, `base`, or the name of a package in it. `parent` is the parent's lock.

    Only what the upgraded package newly requires comes with it. Raises `LockError` where the lock is out of date, has
    no such package, or has it from its parent; and what the sources raise.
    """
    require_current(spec, lock, parent)
    if what == TORCH:
        _refuse_inherited(spec, parent, inherited=True, what=what)
        say(tell("locking the vendor's distributions"))
        pin, programs = lock_vendor(spec, sources, store)
        signatures = find_signatures(spec, pin, sources.vendor(), lock.base.by_digest)
        return replace(lock, pin=pin, tools=programs, signatures=signatures)
    if what == BASE:
        _refuse_inherited(spec, parent, inherited=not spec.has_own_base, what=what)
        say(tell("locking the base"))
        base = sources.lock_base(store)
        signatures = find_signatures(spec, lock.pin, sources.vendor(), base.by_digest)
        return replace(lock, base=base, signatures=signatures)
    name = normalize_name(what)
    changes = _upgrade_child_package(spec, lock, parent, name, sources, store, say) if parent is not None else {}
    if not changes:
        _refuse_inherited(spec, parent, inherited=_is_there(parent, name), what=name)
        changes = _upgrade_package(spec, lock, name, sources, say) if parent is None else {}
    if not changes:
        raise LockError(
            tell("the lock of {name} has no package {package}", name=spec.name, package=name),
            why=tell("neither of its environments has one, nor is it a requirement of envtool's"),
            remedy=tell("name one that lockfiles/{name}.* has, torch or base", name=spec.name),
        )
    return replace(lock, **changes)  # type: ignore[arg-type]  # fields of the lock


def _refuse_inherited(spec: ImageSpec, parent: ImageLock | None, *, inherited: bool, what: str) -> None:
    if parent is not None and inherited:
        raise LockError(
            tell("{name} has {what} of its parent's", name=spec.name, what=what),
            why=tell("it starts from {image}, which is built from a lock of its own", image=parent.image),
            remedy=f"envtool lock {parent.image} --upgrade {what}; envtool lock {spec.name}",
        )


def _is_there(lock: ImageLock | None, name: str) -> bool:
    if lock is None:
        return False
    packages = {package.name for package in (*lock.packages, *lock.tool_packages)}
    return name in packages | {parse_project(wheel) for wheel in (*lock.wheels, *lock.requirements)}


def _upgrade_child_package(
    spec: ImageSpec,
    lock: ImageLock,
    parent: ImageLock,
    name: str,
    sources: LockSources,
    store: FileStore,
    say: Callable[[str], None],
) -> dict[str, object]:
    """The changed fields, if the package is one that the child adds."""
    changes: dict[str, object] = {}
    added = [package for package in lock.packages if package not in parent.packages]
    if any(package.name == name for package in added):
        say(tell("locking {name} in the environment", name=name))
        keep = [package for package in added if package.name != name]
        changes["conda"] = lock_child_environment(spec, parent, sources, keep)
    kept = [wheel for wheel in lock.requirements if wheel in parent.requirements or parse_project(wheel) != name]
    if len(kept) < len(lock.requirements):
        say(tell("locking {name} among the requirements", name=name))
        changes["requirements"] = (
            *parent.requirements,
            *list_added_requirements(spec, lock, parent.requirements, store, kept),
        )
    return changes


def _upgrade_package(
    spec: ImageSpec, lock: ImageLock, name: str, sources: LockSources, say: Callable[[str], None]
) -> dict[str, object]:
    """The changed fields: the package may be in both environments and among envtool's wheels."""
    changes: dict[str, object] = {}
    if any(package.name == name for package in lock.packages):
        say(tell("locking {name} in the environment", name=name))
        keep = [package for package in lock.packages if package.name != name]
        changes["conda"] = lock_environment(spec.environment_file, sources.channel_map(), keep=keep)
    if any(package.name == name for package in lock.tool_packages):
        say(tell("locking {name} in the environment of envtool", name=name))
        keep = [package for package in lock.tool_packages if package.name != name]
        changes["tool_conda"] = lock_environment(spec.tool_environment_file, sources.channel_map(), keep=keep)
    kept = tuple(wheel for wheel in lock.wheels if parse_project(wheel) != name)
    if len(kept) < len(lock.wheels):
        say(tell("locking {name} among envtool's own requirements", name=name))
        changes["wheels"] = resolve_wheels(read_tool_requirements(spec.project), make_version_constraints(kept))
    return changes
