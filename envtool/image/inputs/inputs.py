"""Spec → lock → inputs: makes a lock, and brings everything a lock names into the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from envtool.errors import LockError, SourceError
from envtool.image.inputs.sources import ImageSources
from envtool.image.inputs.wheels import fetch_wheels, resolve_wheels
from envtool.image.layers.accounts import Accounts, with_user
from envtool.image.layers.base_layers import account_files
from envtool.image.lock.added_wheels import project_of, resolve_requirements
from envtool.image.lock.conda_lock import LockedPackage, lock_environment, read_packages
from envtool.image.lock.lockfile import ImageLock, LockedFile
from envtool.image.lock.signatures import find_signatures, require_signatures
from envtool.image.read.layer import LayerContents
from envtool.image.spec.table import ImageSpec, tool_requirements
from envtool.net.http import open_session
from envtool.progress import Progress
from envtool.release.pin import VendorPin
from envtool.release.release_filter import ReleaseFilter
from envtool.release.select import fetch_pinned_wheels, select_from_sources
from envtool.wheel.download import download
from envtool.wheel.name import StoredWheel, WheelName
from envtool.wheel.store import FileStore

# Programs that a vendor source may ship beside its wheels; a released image gets them from the machine.
VENDOR_PROGRAMS = ("moreh-smi",)
# Seconds until a channel that says nothing counts as out of reach.
_TIMEOUT = 60.0


@dataclass(frozen=True)
class Inputs:
    """Everything that goes into an image, as files in the store; `base_layers` is what matters of its base.

    `lower_base` is its parent's base, if the store has that already.
    """

    base: Path | None
    base_layers: tuple[LayerContents, ...]
    accounts: Accounts
    conda: Mapping[LockedPackage, Path]
    tool_conda: Mapping[LockedPackage, Path]
    vendor: tuple[StoredWheel, ...]
    wheels: tuple[StoredWheel, ...]
    programs: Mapping[str, Path]
    requirements: tuple[StoredWheel, ...] = ()
    lower_base: Path | None = None


def make_lock(
    spec: ImageSpec, parent: ImageLock | None, sources: ImageSources, store: FileStore, say: Callable[[str], None]
) -> ImageLock:
    """Resolve everything the spec asks for; a child's lock is its parent's with what it adds.

    Raises `LockError`, `SourceError`, `ReleaseError`.
    """
    if parent is not None:
        return _child_lock(spec, parent, sources, store, say)
    say("the conda environments, with conda-lock")
    conda = lock_environment(spec.environment_file, sources.channel_map())
    tool_conda = lock_environment(spec.tool_environment_file, sources.channel_map())
    say("the vendor's distributions")
    pin, programs = lock_vendor(spec, sources, store)
    say("envtool's own requirements")
    wheels = resolve_wheels(tool_requirements(spec.project))
    say("the base")
    base = sources.lock_base(store)
    signatures = find_signatures(spec, pin, sources.vendor(), base.by_digest)
    return ImageLock(spec.name, spec.checksum(), base, pin, programs, wheels, conda, tool_conda, signatures=signatures)


def _child_lock(
    spec: ImageSpec, parent: ImageLock, sources: ImageSources, store: FileStore, say: Callable[[str], None]
) -> ImageLock:
    lock = replace(parent, image=spec.name, spec=spec.checksum(), parent=parent.checksum())
    if spec.has_own_environment:
        say("the conda environment, with conda-lock")
        lock = replace(lock, conda=lock_child_environment(spec, parent, sources))
    if spec.has_own_base:
        say("the base")
        lock = replace(lock, base=sources.lock_base(store))
    if spec.requirements_file is not None:
        say("the requirements")
        fetch_pinned_wheels(lock.pin, list(sources.vendor()), store)
        added = added_requirements(spec, lock, parent.requirements, store)
        lock = replace(lock, requirements=(*parent.requirements, *added))
    return lock


def added_requirements(
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
    return tuple(wheel for wheel in found if project_of(wheel) not in {project_of(item) for item in parents})


def lock_child_environment(
    spec: ImageSpec, parent: ImageLock, sources: ImageSources, keep: Sequence[LockedPackage] = ()
) -> str:
    """The child's conda environment, with every package of its parent's as it is there. Raises `LockError`."""
    text = lock_environment(spec.environment_file, sources.channel_map(), keep=[*parent.packages, *keep])
    lost = set(parent.packages) - set(read_packages(text))
    if lost:
        raise LockError(
            f"the environment of {spec.name} has not all that its parent's has",
            why=f"it lacks {', '.join(sorted(package.filename for package in lost))}",
            remedy=f"name what {parent.image} names in {spec.environment_file} as well",
        )
    return text


def lock_vendor(spec: ImageSpec, sources: ImageSources, store: FileStore) -> tuple[VendorPin, tuple[LockedFile, ...]]:
    """The vendor's distributions and programs that the spec asks for. Raises `ReleaseError`, `SourceError`."""
    wanted = ReleaseFilter(release=spec.release, torch=spec.torch)
    choice = select_from_sources(spec.python, list(sources.vendor()), wanted, store)
    programs = []
    for name in VENDOR_PROGRAMS:
        path = _program(sources, name)
        if path is not None:
            programs.append(LockedFile(name, store.add(path).parent.name))
    return choice.pin, tuple(programs)


def fetch(spec: ImageSpec, lock: ImageLock, sources: ImageSources, store: FileStore, progress: Progress) -> Inputs:
    """Bring what the lock names into the store; what is there already is not fetched again.

    Nothing is fetched before the lock's signatures are found good.

    `progress` is told of a kind of input, files newly there and files in all. Raises `SourceError`, `HashError`,
    `StoreError`, `SignatureError`, and `LockError` where a source no longer has what was locked.
    """
    require_signatures(spec, lock.pin, lock.base.by_digest, lock.signatures)
    packages = {*lock.packages, *lock.tool_packages}
    wheel_count = len(lock.wheels) + len(lock.requirements) + len(lock.pin.distributions)
    total = len(packages) + wheel_count + len(lock.tools) + 1
    progress("inputs", 0, total)
    base = sources.base_archive(lock.base, store)
    layers = tuple(sources.base_layers(lock.base, base))
    progress("inputs", 1, total)
    channel_map = sources.channel_map() if _missing(packages, store) else {}
    conda = {}
    for package in packages:
        conda[package] = _conda_package(package, channel_map, store)
        progress("inputs", 1, total)
    vendor = fetch_pinned_wheels(lock.pin, list(sources.vendor()), store)
    progress("inputs", len(vendor), total)
    wheels = fetch_wheels(lock.wheels, store)
    progress("inputs", len(wheels), total)
    requirements = fetch_wheels(lock.requirements, store, python=spec.python)
    progress("inputs", len(requirements), total)
    programs = {item.name: _locked_program(item, sources, store) for item in lock.tools}
    progress("inputs", len(programs), total)
    return Inputs(
        base,
        layers,
        with_user(account_files(layers)),
        {package: conda[package] for package in lock.packages},
        {package: conda[package] for package in lock.tool_packages},
        tuple(vendor.values()),
        _stored(lock.wheels, wheels),
        programs,
        _stored(lock.requirements, requirements),
    )


def _stored(files: Sequence[LockedFile], paths: Mapping[str, Path]) -> tuple[StoredWheel, ...]:
    return tuple(StoredWheel(WheelName.parse(item.name), paths[item.sha256], item.sha256) for item in files)


def is_complete(lock: ImageLock, store: FileStore) -> bool:
    """Whether the store has every file that the lock names, so that nothing need be fetched."""
    named = [item.sha256 for item in (*lock.packages, *lock.tool_packages)]
    named += [item.sha256 for item in (*lock.wheels, *lock.tools, *lock.requirements)]
    named += [item.sha256 for item in lock.pin.distributions if item.sha256]
    if lock.base.reference is None:
        named.append(lock.base.sha256)
    return all(store.find(sha256) is not None for sha256 in named)


def _missing(packages: set[LockedPackage], store: FileStore) -> bool:
    return any(store.find(package.sha256) is None for package in packages)


def _program(sources: ImageSources, name: str) -> Path | None:
    return next((path for source in sources.vendor() if (path := source.find_tool(name)) is not None), None)


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
    with open_session() as session:
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
