"""Renews one part of a lock and leaves the rest as it is: the vendor's torch, the base, or one package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from envtool.errors import LockError
from envtool.image.condalock import lock_environment
from envtool.image.inputs import lock_vendor
from envtool.image.lock import ImageLock, is_stale
from envtool.image.sources import ImageSources
from envtool.image.spec import ImageSpec, tool_requirements
from envtool.image.tool_wheels import resolve_tool_wheels
from envtool.vendor.names import TORCH, normalized_name
from envtool.vendor.store import FileStore

BASE = "base"


def renew(
    spec: ImageSpec, lock: ImageLock, what: str, sources: ImageSources, store: FileStore, say: Callable[[str], None]
) -> ImageLock:
    """The lock with `what` renewed: `torch`, `base`, or the name of a package in it.

    What the renewed package newly requires comes with it; nothing else moves. Raises `LockError` where the lock is out
    of date or has no such package, or where the package cannot be renewed by itself, and what the sources raise.
    """
    if is_stale(spec, lock):
        raise LockError(
            f"the lock of {spec.name} is out of date",
            why="the image table or a file it names has changed since, so it would have to change as a whole",
            remedy=f"envtool lock {spec.name}",
        )
    if what == TORCH:
        say("locking the vendor's distributions")
        pin, programs = lock_vendor(spec, sources, store)
        return replace(lock, pin=pin, tools=programs)
    if what == BASE:
        say("locking the base")
        return replace(lock, base=sources.lock_base(store))
    return _package(spec, lock, normalized_name(what), sources, say)


def _package(
    spec: ImageSpec, lock: ImageLock, name: str, sources: ImageSources, say: Callable[[str], None]
) -> ImageLock:
    """Renewed wherever it is: in the environment, in the one that envtool runs on, among envtool's wheels."""
    changes: dict[str, object] = {}
    if any(package.name == name for package in lock.packages):
        say(f"locking {name} in the environment")
        keep = [package for package in lock.packages if package.name != name]
        changes["conda"] = lock_environment(spec.environment_file, sources.channel_map(), keep=keep)
    if any(package.name == name for package in lock.tool_packages):
        say(f"locking {name} in the environment of envtool")
        keep = [package for package in lock.tool_packages if package.name != name]
        changes["tool_conda"] = lock_environment(spec.tool_environment_file, sources.channel_map(), keep=keep)
    kept = tuple(wheel for wheel in lock.wheels if normalized_name(wheel.name.split("-", 1)[0]) != name)
    if len(kept) < len(lock.wheels):
        say(f"locking {name} among envtool's own requirements")
        changes["wheels"] = resolve_tool_wheels(tool_requirements(spec.project), kept)
    if not changes:
        raise LockError(
            f"the lock of {spec.name} has no package {name}",
            why="neither of its environments has one, nor is it a requirement of envtool's",
            remedy=f"name one that lockfiles/{spec.name}.* has, torch or base",
        )
    return replace(lock, **changes)  # type: ignore[arg-type]  # the fields above
