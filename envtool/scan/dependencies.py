"""Looks at the wheels that dependency files would install: which of them ask for CUDA's libraries."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.language import tell
from envtool.release.profile import PINNED_NAMES
from envtool.release.read_profile import load_service
from envtool.requirements.build_rights import find_build_rights
from envtool.requirements.metadata import AT_ONCE, DEFAULT_INDEX, MetadataReader
from envtool.requirements.open_target import configure_target, open_target
from envtool.requirements.read_file import read_file
from envtool.requirements.uv_command import TIME_LIMIT, find_uv
from envtool.requirements.uv_options import Installer
from envtool.scan.findings import ProgramFinding, UnreadFile
from envtool.scan.kinds import ScanKind
from envtool.scan.remote_wheel import find_wheel_links
from envtool.told_kind import Severity

if TYPE_CHECKING:
    import requests

    from envtool.requirements.model import RequirementSet
    from envtool.requirements.resolve import Resolver


@dataclass(frozen=True)
class DependencyResult:
    """What was found in the wheels, and what could not be looked at."""

    findings: tuple[ProgramFinding, ...]
    unread: tuple[UnreadFile, ...]


@dataclass(frozen=True)
class _Wheel:
    """A distribution that would come, its wheels' addresses, and the line that it comes by."""

    name: str
    version: str
    addresses: tuple[str, ...]
    path: str
    line: int
    is_direct: bool


def scan_dependencies(files: Sequence[Path], torch: str) -> DependencyResult:
    """Resolve the files beside the vendor torch, and look at the wheels. Raises `EnvtoolError`."""
    label = "" if "+" in torch else load_service().labels.get(torch, load_service().newest_label)
    find_uv()
    with open_target(None, None, f"{torch}{label}", None) as (target, prefix):
        configured = configure_target(target, prefix, (Installer.UV,), time_limit=TIME_LIMIT)
        resolver = configured.resolvers[Installer.UV]
        wheels = [
            wheel
            for file in map(read_file, files)
            for own in (find_build_rights(file, [resolver]).apply(resolver),)
            for wanted in file.sets
            for wheel in _list_wheels(wanted, own)
        ]
    unique = list({(wheel.name, wheel.version, wheel.path): wheel for wheel in wheels}.values())
    return _look(unique)


def _list_wheels(wanted: RequirementSet, resolver: Resolver) -> Iterator[_Wheel]:
    options = wanted.options.merge_over(resolver.options)
    first = () if options.no_index else (options.index_url or DEFAULT_INDEX,)
    reader = MetadataReader((*first, *options.extra_index_urls), options.certificates)
    lines = {entry.name: entry.location.line for entry in wanted.requirements if entry.name}
    for change in resolver.resolve(wanted).changes:
        if change.after is None or change.name in PINNED_NAMES:
            continue
        yield _Wheel(
            name=change.name,
            version=change.after,
            addresses=reader.wheels(change.name, change.after, resolver.target.python),
            path=str(wanted.path),
            line=lines.get(change.name, 1),
            is_direct=change.name in lines,
        )


def _look(wheels: Sequence[_Wheel]) -> DependencyResult:
    from envtool.net.http import open_session

    session = open_session(connections=AT_ONCE)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        looked = list(pool.map(lambda wheel: _look_at(wheel, session), wheels))
    return DependencyResult(
        tuple(item for item in looked if isinstance(item, ProgramFinding)),
        tuple(item for item in looked if isinstance(item, UnreadFile)),
    )


def _look_at(wheel: _Wheel, session: requests.Session) -> ProgramFinding | UnreadFile | None:
    from requests import RequestException

    told = f"{wheel.name} {wheel.version}"
    if not wheel.addresses:
        return UnreadFile(wheel.path, tell("{told} has no wheel here: what it would build is not known", told=told))
    try:
        links = find_wheel_links(wheel.addresses[0], session)
    except (RequestException, OSError, ValueError, NotImplementedError, zipfile.BadZipFile, KeyError) as error:
        return UnreadFile(
            wheel.path,
            tell(
                "the wheel of {told} cannot be looked at: {name}: {error}",
                told=told,
                name=type(error).__name__,
                error=str(error)[:200],
            ),
        )
    if not links:
        return None
    libraries = sorted({name for names in links.values() for name in names})
    values = {"told": told, "names": ", ".join(libraries[:4]), "count": len(links)}
    return ProgramFinding(
        kind=ScanKind.CUDA_LIBRARY,
        severity=Severity.WARNING,
        path=wheel.path,
        line=wheel.line,
        identifier=wheel.name,
        message=tell("{told}, asks for {names} in {count} shared objects", **values)
        if wheel.is_direct
        else tell("{told}, which comes with another, asks for {names} in {count} shared objects", **values),
    )
