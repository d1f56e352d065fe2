"""Spec → lock → inputs: makes a lock, and brings everything a lock names into the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from envtool.errors import LockError, SourceError
from envtool.image.condalock import LockedPackage, lock_environment
from envtool.image.lock import ImageLock, LockedFile
from envtool.image.sources import ImageSources
from envtool.image.spec import ImageSpec, tool_requirements
from envtool.image.tool_wheels import fetch_wheels, resolve_tool_wheels
from envtool.vendor.choose import choose_from_sources, choose_pinned
from envtool.vendor.download import download
from envtool.vendor.pin import VendorPin
from envtool.vendor.release import Wanted
from envtool.vendor.store import FileStore
from envtool.vendor.transport import new_session
from envtool.vendor.wheel import StoredWheel, WheelName

# Programs that a vendor source may ship beside its wheels; a released image gets them from the machine.
VENDOR_PROGRAMS = ("moreh-smi",)
Progress = Callable[[str, int, int], None]
# Seconds until a channel that says nothing counts as out of reach.
_TIMEOUT = 60.0


@dataclass(frozen=True)
class Inputs:
    """Everything that goes into an image, as files in the store."""

    base: Path | None
    conda: Mapping[LockedPackage, Path]
    tool_conda: Mapping[LockedPackage, Path]
    vendor: tuple[StoredWheel, ...]
    wheels: tuple[StoredWheel, ...]
    programs: Mapping[str, Path]


def make_lock(spec: ImageSpec, sources: ImageSources, store: FileStore, say: Callable[[str], None]) -> ImageLock:
    """Resolve everything the spec asks for. Raises `LockError`, `SourceError`, `ReleaseError`."""
    say("the conda environments, with conda-lock")
    conda = lock_environment(spec.environment_file, sources.channel_map())
    tool_conda = lock_environment(spec.tool_environment_file, sources.channel_map())
    say("the vendor's distributions")
    pin, programs = lock_vendor(spec, sources, store)
    say("envtool's own requirements")
    wheels = resolve_tool_wheels(tool_requirements(spec.project))
    say("the base")
    base = sources.lock_base(store)
    return ImageLock(spec.name, spec.checksum(), base, pin, programs, wheels, conda, tool_conda)


def lock_vendor(spec: ImageSpec, sources: ImageSources, store: FileStore) -> tuple[VendorPin, tuple[LockedFile, ...]]:
    """The vendor's distributions and programs that the spec asks for. Raises `ReleaseError`, `SourceError`."""
    wanted = Wanted(release=spec.release, torch=spec.torch)
    choice = choose_from_sources(spec.python, list(sources.vendor()), wanted, store)
    programs = []
    for name in VENDOR_PROGRAMS:
        path = _program(sources, name)
        if path is not None:
            programs.append(LockedFile(name, store.add(path).parent.name))
    return choice.pin, tuple(programs)


def fetch(lock: ImageLock, sources: ImageSources, store: FileStore, progress: Progress) -> Inputs:
    """Bring what the lock names into the store; what is there already is not fetched again.

    `progress` is told of a kind of input, files newly there and files in all. Raises `SourceError`, `HashError`,
    `StoreError`, and `LockError` where a source no longer has what was locked.
    """
    packages = {*lock.packages, *lock.tool_packages}
    total = len(packages) + len(lock.wheels) + len(lock.pin.distributions) + len(lock.tools) + 1
    progress("inputs", 0, total)
    base = sources.base_archive(lock.base, store)
    progress("inputs", 1, total)
    channel_map = sources.channel_map() if _missing(packages, store) else {}
    conda = {}
    for package in packages:
        conda[package] = _conda_package(package, channel_map, store)
        progress("inputs", 1, total)
    vendor = choose_pinned(lock.pin, list(sources.vendor()), store)
    progress("inputs", len(vendor), total)
    wheels = fetch_wheels(lock.wheels, store)
    progress("inputs", len(wheels), total)
    programs = {item.name: _locked_program(item, sources, store) for item in lock.tools}
    progress("inputs", len(programs), total)
    return Inputs(
        base,
        {package: conda[package] for package in lock.packages},
        {package: conda[package] for package in lock.tool_packages},
        tuple(vendor.values()),
        tuple(StoredWheel(WheelName.parse(item.name), wheels[item.sha256], item.sha256) for item in lock.wheels),
        programs,
    )


def is_complete(lock: ImageLock, store: FileStore) -> bool:
    """Whether the store has every file that the lock names, so that nothing need be fetched."""
    named = [item.sha256 for item in (*lock.packages, *lock.tool_packages)]
    named += [item.sha256 for item in (*lock.wheels, *lock.tools)]
    named += [item.sha256 for item in lock.pin.distributions if item.sha256]
    if lock.base.reference is None:
        named.append(lock.base.digest.removeprefix("sha256:"))
    return all(store.find(sha256) is not None for sha256 in named)


def _missing(packages: set[LockedPackage], store: FileStore) -> bool:
    return any(store.find(package.sha256) is None for package in packages)


def _program(sources: ImageSources, name: str) -> Path | None:
    return next((path for source in sources.vendor() if (path := source.tool(name)) is not None), None)


def _locked_program(item: LockedFile, sources: ImageSources, store: FileStore) -> Path:
    stored = store.find(item.sha256)
    if stored is not None:
        return stored
    path = _program(sources, item.name)
    if path is None:
        raise LockError(f"no vendor source has {item.name} any more", why="the lock names it", remedy="envtool lock")
    return store.add(path, expected=item.sha256)


def _conda_package(package: LockedPackage, channel_map: Mapping[str, str], store: FileStore) -> Path:
    stored = store.find(package.sha256)
    if stored is not None:
        return stored
    url = _actual_address(package.url, channel_map)
    parts = urlsplit(url)
    if parts.scheme == "file":
        path = Path(unquote(parts.path))
        if not path.exists():
            raise LockError(
                f"the channel no longer has {package.filename}", why=f"the lock names it; {path}", remedy="envtool lock"
            )
        return store.add(path, expected=package.sha256)
    return _download(url, package, store)


def _actual_address(url: str, channel_map: Mapping[str, str]) -> str:
    for named, actual in channel_map.items():
        if url.startswith(f"{named}/"):
            return actual.rstrip("/") + url.removeprefix(named)
    return url


def _download(url: str, package: LockedPackage, store: FileStore) -> Path:
    with new_session() as session:
        return download(
            session,
            url,
            package.filename,
            store,
            expected=package.sha256,
            timeout=_TIMEOUT,
            failures=_unreachable(package.filename),
        )


@contextmanager
def _unreachable(filename: str) -> Iterator[None]:
    import requests

    try:
        yield
    except requests.RequestException as error:
        raise SourceError(
            f"{filename} cannot be fetched from its channel",
            why=f"{type(error).__name__}: {str(error)[:200]}",
            remedy="check the network and the proxy variables, and run the command again",
        ) from error
