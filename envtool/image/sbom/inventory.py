"""Files of an image → the packages that its package databases name: Debian's, conda's and Python's.

Formats: dpkg's status file (deb822(5)), conda's `conda-meta/*.json`, and PyPA "Recording installed projects". Names:
Package URL specification, types deb, conda and pypi.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from envtool.documents import parse_json
from envtool.image.read.layer import Capture, LayerEntry

_DPKG = re.compile(r"^var/lib/dpkg/(?:status|status\.d/[^/]+)$")
_CONDA = re.compile(r"^(.+)/conda-meta/[^/]+\.json$")
_PYTHON = re.compile(r"^(.+)/[^/]+\.dist-info/METADATA$")
# Caches of installers: nothing there is installed.
_CACHES = re.compile(r"(?:^|/)(?:pkgs|archive-v0|wheels-v\d+)/")
_RELEASE = re.compile(r"^(?:etc|usr/lib)/os-release$")


@dataclass(frozen=True, kw_only=True, order=True)
class Package:
    """A package: its Package URL, name and version, the folder that it is installed in, and its license and hash."""

    purl: str
    name: str
    version: str
    folder: str = ""
    license: str = ""
    sha256: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Its identity: one package may be in several environments."""
        return self.purl, self.folder


def select_for_sbom(path: str, _size: int) -> Capture:
    """What to capture of a file to list packages."""
    if _DPKG.search(path) or _RELEASE.search(path):
        return Capture.DATA
    if not path.endswith((".json", "/METADATA")) or _CACHES.search(path):
        return Capture.NOTHING
    return Capture.DATA if _CONDA.match(path) or _PYTHON.match(path) else Capture.NOTHING


def list_packages(entries: Mapping[str, LayerEntry]) -> tuple[Package, ...]:
    """Every package that is installed, sorted."""
    found: dict[tuple[str, str], Package] = {}
    for package in _list_packages(entries):
        found.setdefault(package.key, package)
    return tuple(sorted(found.values()))


def _list_packages(entries: Mapping[str, LayerEntry]) -> Iterator[Package]:
    distribution = _make_distribution(entries)
    for path, entry in entries.items():
        data = entry.data
        if data is None or select_for_sbom(path, entry.size) is Capture.NOTHING:
            continue
        if _DPKG.search(path):
            yield from _list_debian(data, distribution)
        elif conda := _CONDA.match(path):
            yield from _list_conda(data, conda[1])
        elif python := _PYTHON.match(path):
            yield from _list_python(data, python[1])


def _make_distribution(entries: Mapping[str, LayerEntry]) -> str:
    """The distribution as `ID-VERSION_ID` of os-release(5), or nothing."""
    for path in ("etc/os-release", "usr/lib/os-release"):
        entry = entries.get(path)
        if entry is not None and entry.data:
            rows = (line.partition("=")[::2] for line in entry.data.decode("utf-8", "replace").splitlines())
            settings = {key: value.strip('"') for key, value in rows}
            return "-".join(part for part in (settings.get("ID", ""), settings.get("VERSION_ID", "")) if part)
    return ""


def _list_debian(data: bytes, distribution: str) -> Iterator[Package]:
    namespace = distribution.partition("-")[0] or "debian"
    for stanza in data.split(b"\n\n"):
        fields = BytesParser().parsebytes(stanza, headersonly=True)
        name, version = fields.get("Package"), fields.get("Version")
        if name and version and "installed" in fields.get("Status", "installed").split()[-1:]:
            qualifiers = {"arch": fields.get("Architecture", ""), "distro": distribution}
            yield Package(purl=_make_purl("deb", namespace, name, version, qualifiers), name=name, version=version)


def _list_conda(data: bytes, folder: str) -> Iterator[Package]:
    try:
        record = parse_json(data)
        name, version = str(record["name"]), str(record["version"])
    except (ValueError, KeyError, TypeError):
        return
    qualifiers = {
        "build": str(record.get("build") or ""),
        "channel": _parse_channel(str(record.get("channel") or "")),
        "subdir": str(record.get("subdir") or ""),
    }
    purl = _make_purl("conda", "", name, version, qualifiers)
    yield Package(
        purl=purl,
        name=name,
        version=version,
        folder=folder,
        license=str(record.get("license") or ""),
        sha256=str(record.get("sha256") or ""),
    )


def _parse_channel(address: str) -> str:
    """A channel's name; none for a folder, which only exists on one machine."""
    parts = urlsplit(address)
    if parts.scheme in {"http", "https"}:
        return PurePosixPath(parts.path).parts[1] if len(PurePosixPath(parts.path).parts) > 1 else parts.netloc
    return "" if "/" in address else address


def _list_python(data: bytes, folder: str) -> Iterator[Package]:
    fields = BytesParser().parsebytes(data, headersonly=True)
    name, version = fields.get("Name"), fields.get("Version")
    if name and version:
        yield Package(
            purl=_make_purl("pypi", "", name, version, {}),
            name=name,
            version=version,
            folder=folder,
            license=_read_license(fields),
        )


def _read_license(fields: Message) -> str:
    """The expression of newer metadata, else the free text of older where it is short enough to be a name."""
    text = str(fields.get("License-Expression") or fields.get("License") or "").strip()
    return text if len(text) < 80 and "\n" not in text else ""


def _make_purl(kind: str, namespace: str, name: str, version: str, qualifiers: Mapping[str, str]) -> str:
    from packageurl import PackageURL

    known = {key: value for key, value in qualifiers.items() if value}
    return PackageURL(kind, namespace or None, name, version, known).to_string()


def compare_packages(listed: Iterable[Package], there: Iterable[Package]) -> tuple[list[Package], list[Package]]:
    """The packages that are listed but not there, and those that are there but not listed."""
    left = {package.key: package for package in listed}
    right = {package.key: package for package in there}
    return [left[key] for key in left.keys() - right.keys()], [right[key] for key in right.keys() - left.keys()]
