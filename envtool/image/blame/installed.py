"""Finds distributions in an image by their `.dist-info`, and those of them that ask for torch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.parser import BytesParser
from functools import lru_cache
from posixpath import normpath
from typing import TYPE_CHECKING

from envtool.environment.import_files import needs_content
from envtool.image.read.layer import Capture, LayerEntry
from envtool.language import tell
from envtool.release.profile import PINNED_NAMES, TOP_LEVEL_NAMES
from envtool.wheel.record import INSTALLER_FILES, parse_record
from envtool.wheel.requires import find_requirements_on, normalize_name

if TYPE_CHECKING:
    from envtool.image.read.overlay import Overlay

# envtool's own folder and the caches of installers: nothing there is installed.
_ELSEWHERE = re.compile(r"^opt/hac/|(?:^|/)(?:pkgs|archive-v0|wheels-v\d+|pip/cache)/")
_INFO = re.compile(r"^((?:.*/)?)([A-Za-z0-9][\w.]*)-([^/-]+)\.(?:dist-info|egg-info)(?:/([^/]+))?$")
# Cheaper than the expression, for the many paths that are no records.
_MARK = "-info"
_CONTENT = re.compile(rf"^(.*/(?:site|dist)-packages)/(?:{'|'.join(TOP_LEVEL_NAMES)})(?:/|\.py$)")
# Where a folder that was moved and linked is not called site-packages any more.
_CONTENT_ELSEWHERE = re.compile(rf"^((?:(?!-packages/).)*?)/(?:{'|'.join(PINNED_NAMES)})(?:/|\.py$)")
_GUARD = re.compile(r"^(?:opt/hac/bin/|etc/hac/)|/etc/hac/pin\.toml$|/conda-meta/pinned$")
_GUARD_MARKS = ("/hac/", "/pinned")


@dataclass(frozen=True, order=True)
class DistributionLocation:
    """A distribution in a folder: `site` is the folder, without the first slash."""

    site: str
    name: str


@dataclass(frozen=True)
class TorchRequirement:
    """A distribution that requires torch or a companion; `requested` is the one it came with, where that is another."""

    name: str
    version: str
    requirement: str
    requested: str = ""

    def __str__(self) -> str:
        package = f"{self.name} {self.version}"
        if self.requested and self.requested != self.name:
            return tell(
                "{package} (requires {requirement}, which {requested} brought)",
                package=package,
                requirement=self.requirement,
                requested=self.requested,
            )
        return tell("{package} (requires {requirement})", package=package, requirement=self.requirement)


def select_for_blame(path: str, size: int) -> Capture:
    """What to capture of a file to find what changed torch."""
    if any(mark in path for mark in _GUARD_MARKS) and _GUARD.search(path):
        return Capture.DATA
    if _is_elsewhere(path.rpartition("/")[0]):
        return Capture.NOTHING
    info = _INFO.match(path) if _MARK in path else None
    if info is not None:
        pinned = normalize_name(info[2]) in PINNED_NAMES
        kept = info[4] in {"METADATA", "PKG-INFO"} or (pinned and info[4] == "RECORD")
        return Capture.DATA if kept else Capture.HASHED if pinned else Capture.ENTRY
    if _match_content(path) is not None:
        return Capture.DATA if needs_content(path, size) else Capture.HASHED
    needed = needs_content(path, size)
    return Capture.NOTHING if needed is None else Capture.DATA if needed else Capture.ENTRY


def _match_content(path: str) -> re.Match[str] | None:
    """A pinned module's file. Substrings are tested first: they are faster, and rule out most paths."""
    if "-packages/" in path:
        return _CONTENT.match(path)
    return _CONTENT_ELSEWHERE.match(path) if "/torch" in path else None


@lru_cache(4096)
def _is_elsewhere(folder: str) -> bool:
    """Cached: an archive has the files of a folder together."""
    return _ELSEWHERE.search(f"{folder}/") is not None


def find_owning_distribution(path: str) -> tuple[str, str] | None:
    """The site folder of a pinned distribution's file, and the distribution's name; torch's where it is unclear."""
    info = _INFO.match(path) if _MARK in path else None
    if info is not None:
        name = normalize_name(info[2])
        return (info[1].rstrip("/"), name) if name in PINNED_NAMES else None
    content = _match_content(path)
    if content is None or "/__pycache__/" in path:
        return None
    top = path[len(content[1]) + 1 :].partition("/")[0].removesuffix(".py")
    return content[1], top if top in PINNED_NAMES else PINNED_NAMES[0]


def list_versions(overlay: Overlay, location: DistributionLocation) -> tuple[str, ...]:
    """The versions that a folder's records name for a distribution."""
    return tuple(sorted({version for version, _folder in _read_records(overlay, location)}))


def _read_records(overlay: Overlay, location: DistributionLocation) -> Iterator[tuple[str, str]]:
    """Each entry of a distribution's records: the version that it names, and the records' folder or file."""
    start = f"{location.site}/" if location.site else ""
    for path in overlay.entries:
        info = _INFO.match(path) if _MARK in path and path.startswith(start) else None
        if info is not None and info[1] == start and normalize_name(info[2]) == location.name:
            yield info[3], path.rpartition("/")[0] if info[4] else path


def find_damaged_files(overlay: Overlay, location: DistributionLocation, version: str) -> list[str]:
    """The files of an installed distribution that are not as its RECORD has them, or not there."""
    folder = next((folder for found, folder in _read_records(overlay, location) if found == version), None)
    data = overlay.data(f"{folder}/RECORD") if folder else None
    if data is None:
        return [f"{folder or location.site}/RECORD"]
    found = []
    for row in parse_record(data).rows:
        path = f"{location.site}/{row.path}".lstrip("/")
        if row.path.startswith("../") or row.path.rpartition("/")[2] in INSTALLER_FILES or row.path.endswith(".pyc"):
            continue
        if find_owning_distribution(path) is None:
            # Nothing is captured of it: a command, or a folder beside torch's own.
            continue
        entry = overlay.entries.get(path) or _find_behind_links(overlay, path)
        same = entry is not None and row.size in {None, entry.size}
        if not same or (entry is not None and entry.sha256 and row.sha256 and entry.sha256 != row.sha256):
            found.append(path)
    return found


def _find_behind_links(overlay: Overlay, path: str) -> LayerEntry | None:
    """The file that a path leads to, where a folder above it is a link."""
    folder = path
    while "/" in folder:
        folder = folder.rpartition("/")[0]
        entry = overlay.entries.get(folder)
        if entry is not None and entry.target:
            target = entry.target if entry.target.startswith("/") else f"{folder.rpartition('/')[0]}/{entry.target}"
            return overlay.entries.get(normpath(f"/{target}{path[len(folder) :]}").lstrip("/"))
    return None


def find_torch_requirements(
    added: Mapping[str, LayerEntry], location: DistributionLocation, version: str | None
) -> tuple[TorchRequirement, ...]:
    """Who among the distributions that a layer brought to a folder requires another than `version`, else any."""
    arrived = dict(_list_added_requirements(added, location.site))
    requested = frozenset(_list_requested_names(added, location.site))
    every: list[tuple[TorchRequirement, bool]] = []
    for name, (its_version, lines) in arrived.items():
        for requirement in find_requirements_on(lines, location.name):
            clashes = version is None or not requirement.specifier.contains(version, prereleases=True)
            demand = TorchRequirement(name, its_version, str(requirement), _find_root(name, arrived, requested))
            every.append((demand, clashes))
    clashing = tuple(demand for demand, clashes in every if clashes)
    return clashing or tuple(demand for demand, _clashes in every)


def _list_added_requirements(added: Mapping[str, LayerEntry], site: str) -> Iterator[tuple[str, tuple[str, list[str]]]]:
    for path, entry in added.items():
        info = _INFO.match(path) if path.endswith(".dist-info/METADATA") else None
        if info is None or info[1].rstrip("/") != site or entry.data is None:
            continue
        name = normalize_name(info[2])
        if name not in PINNED_NAMES:
            # The headers alone: what follows them is a description of any length.
            headers = BytesParser().parsebytes(entry.data, headersonly=True)
            yield name, (info[3], [str(line) for line in headers.get_all("Requires-Dist") or []])


def _list_requested_names(added: Mapping[str, LayerEntry], site: str) -> Iterator[str]:
    for path in added:
        if path.endswith(".dist-info/REQUESTED"):
            info = _INFO.match(path)
            if info is not None and info[1].rstrip("/") == site:
                yield normalize_name(info[2])


def _find_root(name: str, arrived: Mapping[str, tuple[str, list[str]]], requested: frozenset[str]) -> str:
    """The distribution that was requested by name and required `name`, as far as one layer's records show."""
    seen, wanting = {name}, [name]
    while wanting:
        current = wanting.pop(0)
        if current in requested:
            return current
        above = _find_dependents(current, arrived, seen)
        seen.update(above)
        wanting += above
    return ""


def _find_dependents(name: str, arrived: Mapping[str, tuple[str, list[str]]], seen: Iterable[str]) -> list[str]:
    return [
        other
        for other, (_version, lines) in arrived.items()
        if other not in seen and any(True for _ in find_requirements_on(lines, name))
    ]
