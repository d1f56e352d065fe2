"""ImageSpec → ImageLock: resolves everything that an image is made from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from envtool.errors import LockError
from envtool.image.lock.child_requirements import parse_project, resolve_requirements
from envtool.image.lock.conda_lock import LockedPackage, lock_environment, read_packages
from envtool.image.lock.lock_sources import LockSources, find_vendor_program
from envtool.image.lock.lockfile import ImageLock, LockedFile
from envtool.image.lock.resolve_wheels import resolve_wheels
from envtool.image.lock.signatures import find_signatures
from envtool.image.spec.table import ImageSpec, read_tool_requirements
from envtool.language import tell
from envtool.release.read_profile import load_service
from envtool.release.release_filter import ReleaseFilter
from envtool.release.select import fetch_pinned_wheels, select_from_sources

if TYPE_CHECKING:
    from envtool.release.pin import VendorPin
    from envtool.wheel.store import FileStore


def make_lock(
    spec: ImageSpec, parent: ImageLock | None, sources: LockSources, store: FileStore, say: Callable[[str], None]
) -> ImageLock:
    """Resolve everything the spec asks for; a child's lock is its parent's with what it adds.

    Raises `LockError`, `SourceError`, `ReleaseError`.
    """
    if parent is not None:
        return _make_child_lock(spec, parent, sources, store, say)
    say(tell("the conda environments, with conda-lock"))
    conda = lock_environment(spec.environment_file, sources.channel_map())
    tool_conda = lock_environment(spec.tool_environment_file, sources.channel_map())
    say(tell("the vendor's distributions"))
    pin, programs = lock_vendor(spec, sources, store)
    say(tell("envtool's own requirements"))
    wheels = resolve_wheels(read_tool_requirements(spec.project))
    say(tell("the base"))
    base = sources.lock_base(store)
    signatures = find_signatures(spec, pin, sources.vendor(), base.by_digest)
    return ImageLock(
        image=spec.name,
        spec=spec.checksum(),
        base=base,
        pin=pin,
        tools=programs,
        wheels=wheels,
        conda=conda,
        tool_conda=tool_conda,
        signatures=signatures,
    )


def _make_child_lock(
    spec: ImageSpec, parent: ImageLock, sources: LockSources, store: FileStore, say: Callable[[str], None]
) -> ImageLock:
    lock = replace(parent, image=spec.name, spec=spec.checksum(), parent=parent.checksum())
    if spec.has_own_environment:
        say(tell("the conda environment, with conda-lock"))
        lock = replace(lock, conda=lock_child_environment(spec, parent, sources))
    if spec.has_own_base:
        say(tell("the base"))
        lock = replace(lock, base=sources.lock_base(store))
    if spec.requirements_file is not None:
        say(tell("the requirements"))
        fetch_pinned_wheels(lock.pin, list(sources.vendor()), store)
        added = list_added_requirements(spec, lock, parent.requirements, store)
        lock = replace(lock, requirements=(*parent.requirements, *added))
    return lock


def list_added_requirements(
    spec: ImageSpec,
    lock: ImageLock,
    parents: Sequence[LockedFile],
    store: FileStore,
    keep: Sequence[LockedFile] | None = None,
) -> tuple[LockedFile, ...]:
    """The wheels that the child's requirements add to its parent's, with those in `keep` at their versions."""
    if spec.requirements_file is None:
        return ()
    held = parents if keep is None else keep
    found = resolve_requirements(spec.requirements_file, spec.python, lock.pin, lock.packages, store, held)
    return tuple(wheel for wheel in found if parse_project(wheel) not in {parse_project(item) for item in parents})


def lock_child_environment(
    spec: ImageSpec, parent: ImageLock, sources: LockSources, keep: Sequence[LockedPackage] = ()
) -> str:
    """The child's conda environment, with every package of its parent's as it is there. Raises `LockError`."""
    text = lock_environment(spec.environment_file, sources.channel_map(), keep=[*parent.packages, *keep])
    lost = set(parent.packages) - set(read_packages(text))
    if lost:
        raise LockError(
            tell("the environment of {name} has not all that its parent's has", name=spec.name),
            why=tell("it lacks {lost}", lost=", ".join(sorted(package.filename for package in lost))),
            remedy=tell(
                "name what {image} names in {environment_file} as well",
                image=parent.image,
                environment_file=spec.environment_file,
            ),
        )
    return text


def lock_vendor(spec: ImageSpec, sources: LockSources, store: FileStore) -> tuple[VendorPin, tuple[LockedFile, ...]]:
    """The vendor's distributions and programs that the spec asks for. Raises `ReleaseError`, `SourceError`."""
    wanted = ReleaseFilter(release=spec.release, torch=spec.torch)
    choice = select_from_sources(spec.python, list(sources.vendor()), wanted, store)
    programs = []
    for name in load_service().programs:
        path = find_vendor_program(sources, name)
        if path is not None:
            programs.append(LockedFile(name, store.add(path).parent.name))
    return choice.pin, tuple(programs)
