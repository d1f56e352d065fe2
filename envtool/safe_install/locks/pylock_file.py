"""pylock.toml (PEP 751): the standard's own selection, and where it keeps no requirements, what metadata tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from packaging.specifiers import SpecifierSet

from envtool.errors import LockError, RequirementsError
from envtool.language import tell
from envtool.requirements.model import DeclaredRequirement, InstallOptions, RequirementSet, Section, SourceLocation
from envtool.requirements.readers.pylock import parse_pylock_table
from envtool.requirements.text_file import read_text
from envtool.safe_install.locks.artifact import list_tags
from envtool.safe_install.locks.cuda import select_idle_cuda_wheels
from envtool.safe_install.locks.model import LockedSet
from envtool.safe_install.locks.project_roots import refuse_unknown
from envtool.wheel.requires import list_required_names, normalize_name

if TYPE_CHECKING:
    from packaging.pylock import Package, Pylock

    from envtool.requirements.lock_selection import LockSelection
    from envtool.requirements.target import Target

# The hosts whose files every index that mirrors PyPI has.
_PYPI_HOSTS = ("files.pythonhosted.org", "pypi.org")
_PYPI = ("https://pypi.org/simple", "https://pypi.org/simple/")

ReadRequires = Callable[[tuple[DeclaredRequirement, ...]], dict[str, tuple[str, ...]]]


def read_pylock_project(lock: Path, selection: LockSelection, target: Target, read_requires: ReadRequires) -> LockedSet:
    """What an installer of the standard would install. Raises `LockError`, `RequirementsError` and `UsageError`."""
    document = _parse(lock)
    chosen = _select(document, lock, selection, target)
    pins = {item.name for item in target.pin.distributions}
    entries: list[DeclaredRequirement] = []
    pinned: list[DeclaredRequirement] = []
    index = _find_index(document)
    for package, artifact in chosen:
        if selection.no_project and _is_project(package, lock):
            continue
        entry = _make_entry(package, artifact, lock, index)
        (pinned if package.name in pins else entries).append(entry)
    needed = _find_needed(tuple(entries), read_requires)
    left_out = select_idle_cuda_wheels(entries, needed)
    kept = tuple(entry for entry in entries if entry not in left_out)
    return LockedSet(
        path=lock,
        wanted=RequirementSet(
            path=lock,
            entries=kept,
            options=InstallOptions(index_url=index, no_deps=True),
            locked=True,
        ),
        pinned=tuple(pinned),
        left_out=left_out,
        unread=kept,
    )


def _parse(lock: Path) -> Pylock:
    from packaging.pylock import Pylock, PylockUnsupportedVersionError, PylockValidationError

    try:
        return Pylock.from_dict(parse_pylock_table(read_text(lock), lock))
    except (PylockValidationError, PylockUnsupportedVersionError) as error:
        raise RequirementsError(
            tell("{lock} is not a pylock file", lock=lock),
            why=str(error),
            remedy=tell("make it anew with the tool that its created-by names"),
        ) from error


def _select(lock: Pylock, path: Path, selection: LockSelection, target: Target) -> list[tuple[Package, Any]]:
    from packaging.pylock import PylockSelectError

    defaults = [] if selection.no_default_groups or selection.only_groups else lock.default_groups or []
    groups = lock.dependency_groups or [] if selection.all_groups else []
    refused = {normalize_name(name) for name in selection.without_groups}
    named = {normalize_name(name) for name in (*selection.groups, *selection.only_groups)}
    there = {normalize_name(name) for name in (*(lock.dependency_groups or ()), *(lock.default_groups or ()))}
    refuse_unknown(path, Section.GROUP, (named | refused) - there, there)
    there = {normalize_name(name) for name in lock.extras or ()}
    refuse_unknown(path, Section.EXTRA, {normalize_name(name) for name in selection.extras} - there, there)
    wanted = ({normalize_name(name) for name in (*defaults, *groups)} | named) - refused
    environment: Any = {key: value for key, value in target.marker_environment.items() if key != "extra"}
    try:
        return list(
            lock.select(
                environment=environment,
                tags=list(list_tags(target)),
                extras=lock.extras or () if selection.all_extras else selection.extras,
                dependency_groups=wanted,
            )
        )
    except PylockSelectError as error:
        raise LockError(
            tell("{path} is not for this environment", path=path),
            why=str(error),
            remedy=tell("lock anew for this environment's Python"),
        ) from error


def _is_project(package: Package, lock: Path) -> bool:
    """Whether a package is the project that the lock is of: the folder that it lies in, or one above."""
    if package.directory is None:
        return False
    folder = (lock.parent / package.directory.path / (package.directory.subdirectory or "")).resolve()
    return lock.parent.resolve().is_relative_to(folder)


def _find_index(lock: Pylock) -> str | None:
    """The index that most packages come from, or `None` where that is PyPI, for which the target may have a mirror."""
    common = Counter(package.index for package in lock.packages if package.index).most_common(1)
    return common[0][0] if common and common[0][0] not in _PYPI else None


def _make_entry(package: Package, artifact: Any, lock: Path, index: str | None) -> DeclaredRequirement:
    link, editable = _find_link(package, artifact, lock, index)
    files = (*(package.wheels or ()), *((package.sdist,) if package.sdist else ()))
    hashes = tuple(f"{kind}:{value}" for file in files for kind, value in file.hashes.items() if kind != "md5")
    return DeclaredRequirement(
        location=SourceLocation(lock, 1),
        source_text=package.name,
        name=package.name,
        specifier=SpecifierSet(f"=={package.version}" if package.version is not None and link is None else ""),
        link=link,
        editable=editable,
        hashes=() if link else hashes,
    )


def _find_link(package: Package, artifact: Any, lock: Path, index: str | None) -> tuple[str | None, bool]:
    """Where a package is to be had, but from an index; and whether it is to be editable."""
    if package.directory is not None:
        folder = lock.parent / package.directory.path / (package.directory.subdirectory or "")
        return str(folder.resolve()), bool(package.directory.editable)
    if package.vcs is not None:
        place = package.vcs.url or str((lock.parent / (package.vcs.path or "")).resolve())
        scheme = "" if "://" in place else "file://"
        tail = f"#subdirectory={package.vcs.subdirectory}" if package.vcs.subdirectory else ""
        return f"{package.vcs.type}+{scheme}{place}@{package.vcs.commit_id}{tail}", False
    if artifact.path and not artifact.url:
        return str((lock.parent / artifact.path).resolve()), False
    is_on_index = package.index in (*_PYPI, index) or urlsplit(artifact.url or "").netloc in _PYPI_HOSTS
    if package.archive is None and is_on_index and package.version is not None:
        return None, False
    kind, value = next(iter(artifact.hashes.items()))
    mark = "&" if "#" in artifact.url else "#"
    return f"{artifact.url}{mark}{kind}={value}", False


def _find_needed(entries: tuple[DeclaredRequirement, ...], read_requires: ReadRequires) -> set[str]:
    """Everything but the CUDA wheels, and those of them that something requires which is not the vendor's."""
    if not any(select_idle_cuda_wheels(entries, ())):
        return {entry.name or "" for entry in entries}
    requires = read_requires(entries)
    idle = {entry.name or "" for entry in select_idle_cuda_wheels(entries, ())}
    needed = {entry.name or "" for entry in entries} - idle
    waiting = list(needed)
    while waiting:
        for name in list_required_names(requires.get(waiting.pop(), ()), with_extras=True):
            if name in idle and name not in needed:
                needed.add(name)
                waiting.append(name)
    return needed
