"""ImageLock → Inputs: brings everything that a lock names into the store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from envtool.errors import LockError, SourceError
from envtool.image.inputs.accounts import Accounts, add_user
from envtool.image.inputs.base_layers import read_account_files, require_glibc
from envtool.image.inputs.fetch_wheels import fetch_wheels
from envtool.image.lock.lock_sources import find_vendor_program
from envtool.image.lock.signatures import require_signatures
from envtool.language import join_messages, map_parts, tell
from envtool.net.http import open_session
from envtool.release.select import fetch_pinned_wheels
from envtool.wheel.download import download
from envtool.wheel.name import StoredWheel, WheelName

if TYPE_CHECKING:
    from envtool.image.inputs.sources import ImageSources
    from envtool.image.lock.conda_lock import LockedPackage
    from envtool.image.lock.lockfile import ImageLock, LockedFile
    from envtool.image.read.layer import LayerContents
    from envtool.image.spec.table import ImageSpec
    from envtool.progress import Progress
    from envtool.wheel.store import FileStore

# Seconds until a channel that says nothing counts as out of reach.
_TIMEOUT = 60.0


@dataclass(frozen=True)
class BaseInput:
    """An image's base: its archive, unless it is pulled, what matters of its layers, and its accounts with the user."""

    archive: Path | None
    layers: tuple[LayerContents, ...]
    accounts: Accounts


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Everything that goes into an image, as files in the store."""

    base: BaseInput
    conda: Mapping[LockedPackage, Path]
    tool_conda: Mapping[LockedPackage, Path]
    vendor: tuple[StoredWheel, ...]
    wheels: tuple[StoredWheel, ...]
    programs: Mapping[str, Path]
    requirements: tuple[StoredWheel, ...]


def fetch_base(spec: ImageSpec, lock: ImageLock, sources: ImageSources, store: FileStore) -> BaseInput:
    """Bring the base into the store, and read it; images with the same base can share it.

    Raises what `fetch_inputs` raises.
    """
    require_signatures(spec, lock.pin, lock.base.by_digest, lock.signatures)
    archive = sources.base_archive(lock.base, store)
    layers = tuple(sources.base_layers(lock.base, archive))
    require_glibc(layers)
    return BaseInput(archive, layers, add_user(read_account_files(layers)))


def fetch_inputs(
    spec: ImageSpec, lock: ImageLock, sources: ImageSources, store: FileStore, base: BaseInput, *, progress: Progress
) -> Inputs:
    """Bring what the lock names into the store; files that are there are not fetched again.

    Nothing is fetched unless the lock's signatures are good. `progress` takes "inputs", new files and all files. Raises
    `SourceError`, `HashError`, `StoreError`, `SignatureError`, and `LockError` where a source no longer has what was
    locked.
    """
    require_signatures(spec, lock.pin, lock.base.by_digest, lock.signatures)
    packages = {*lock.packages, *lock.tool_packages}
    wheel_count = len(lock.wheels) + len(lock.requirements) + len(lock.pin.distributions)
    total = len(packages) + wheel_count + len(lock.tools)
    progress(tell("inputs"), 0, total)
    channel_map = {} if all(store.has(package.sha256) for package in packages) else sources.channel_map()
    conda = {}
    for package in packages:
        conda[package] = _make_conda_package(package, channel_map, store)
        progress(tell("inputs"), 1, total)
    vendor = fetch_pinned_wheels(lock.pin, list(sources.vendor()), store)
    progress(tell("inputs"), len(vendor), total)
    wheels = fetch_wheels(lock.wheels, store)
    progress(tell("inputs"), len(wheels), total)
    requirements = fetch_wheels(lock.requirements, store, python=spec.python)
    progress(tell("inputs"), len(requirements), total)
    programs = {item.name: _find_locked_program(item, sources, store) for item in lock.tools}
    progress(tell("inputs"), len(programs), total)
    return Inputs(
        base=base,
        conda={package: conda[package] for package in lock.packages},
        tool_conda={package: conda[package] for package in lock.tool_packages},
        vendor=tuple(vendor.values()),
        wheels=_find_stored(lock.wheels, wheels),
        programs=programs,
        requirements=_find_stored(lock.requirements, requirements),
    )


def _find_stored(files: Sequence[LockedFile], paths: Mapping[str, Path]) -> tuple[StoredWheel, ...]:
    return tuple(StoredWheel(WheelName.parse(item.name), paths[item.sha256], item.sha256) for item in files)


def is_complete(lock: ImageLock, store: FileStore) -> bool:
    """Whether the store has every file that the lock names, so that nothing need be fetched."""
    named = [item.sha256 for item in (*lock.packages, *lock.tool_packages)]
    named += [item.sha256 for item in (*lock.wheels, *lock.tools, *lock.requirements)]
    named += [item.sha256 for item in lock.pin.distributions if item.sha256]
    if lock.base.reference is None:
        named.append(lock.base.sha256)
    return all(store.has(sha256) for sha256 in named)


def _find_locked_program(item: LockedFile, sources: ImageSources, store: FileStore) -> Path:
    stored = store.find(item.sha256)
    if stored is not None:
        return stored
    path = find_vendor_program(sources, item.name)
    if path is None:
        raise LockError(
            tell("no vendor source has {name} any more", name=item.name),
            why=tell("the lock names it"),
            remedy="envtool lock",
        )
    return store.add(path, expected=item.sha256)


def _make_conda_package(package: LockedPackage, channel_map: Mapping[str, str], store: FileStore) -> Path:
    stored = store.find(package.sha256)
    if stored is not None:
        return stored
    url = _find_actual_address(package.url, channel_map)
    parts = urlsplit(url)
    if parts.scheme == "file":
        path = Path(unquote(parts.path))
        if not path.exists():
            raise LockError(
                tell("the channel no longer has {filename}", filename=package.filename),
                why=tell("the lock names it; {path}", path=path),
                remedy="envtool lock",
            )
        return store.add(path, expected=package.sha256)
    with open_session() as session:
        return download(
            session,
            url,
            package.filename,
            store,
            expected=package.sha256,
            timeout=_TIMEOUT,
            failures=_translate_unreachable(package.filename),
        )


def _find_actual_address(url: str, channel_map: Mapping[str, str]) -> str:
    for named, actual in channel_map.items():
        if url.startswith(f"{named}/"):
            return actual.rstrip("/") + url.removeprefix(named)
    return url


@contextmanager
def _translate_unreachable(filename: str) -> Iterator[None]:
    import requests

    try:
        yield
    except requests.RequestException as error:
        raise SourceError(
            tell("{filename} cannot be fetched from its channel", filename=filename),
            why=join_messages(": ", (type(error).__name__, map_parts(str(error), lambda text: text[:200]))),
            remedy=tell("check the network and the proxy variables, and run the command again"),
        ) from error
