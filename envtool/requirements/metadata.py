"""What a version of a distribution requires, read from an index without downloading the wheel.

The index's own metadata file where it serves one (PEP 658, PEP 714), else the end of the wheel by range requests.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from envtool.language import tell
from envtool.net.http import get, open_session
from envtool.net.index_page import parse_index_page
from envtool.regular_file import open_regular_file
from envtool.wheel.requires import normalize_name
from envtool.wheel.zip_member import read_zip_member

if TYPE_CHECKING:
    import requests

# Seconds for a connection, and for a silence.
TIMEOUT = 20.0
# Bytes. Where a server knows no ranges, a wheel up to this size is read whole.
SMALL = 1 << 20
# Bytes. The list of a wheel with 20,000 files has some two million, and no METADATA is that large.
LARGEST_TAIL = 16 << 20
# Requests under way together.
AT_ONCE = 16
DEFAULT_INDEX = "https://pypi.org/simple"

_Result = TypeVar("_Result")


@dataclass
class MetadataReader:
    """Reads from indexes which versions a distribution has and what each requires; keeps every answer.

    What cannot be read counts as unknown: explanations get poorer, but verdicts are uv's. A host that does not answer
    is not asked again. Safe for several threads.
    """

    indexes: tuple[str, ...] = (DEFAULT_INDEX,)
    certificates: str | None = None
    _requires: dict[tuple[str, str], tuple[str, ...] | None] = field(default_factory=dict)
    _pages: dict[str, tuple[_File, ...]] = field(default_factory=dict)
    _unreachable: set[str] = field(default_factory=set)

    def requires(self, name: str, version: str) -> tuple[str, ...] | None:
        """The `Requires-Dist` lines of one version, or `None` where no index has them."""
        key = (normalize_name(name), version)
        if key not in self._requires:
            self._requires[key] = next(self._read_requires(*key), None)
        return self._requires[key]

    def requires_of_wheel(self, url: str) -> tuple[str, ...] | None:
        """The `Requires-Dist` lines of the wheel at an address, or `None` where it cannot be read."""
        bare = url.partition("#")[0]
        data = self._try_read(bare, partial(_read_wheel_tail, self._session, bare))
        return _list_requires_dist(data) if data is not None else None

    def versions(self, name: str, python: str, *, with_sources: bool = False) -> tuple[str, ...]:
        """The final versions with a wheel for a Python, the newest first, without yanked ones (PEP 592).

        `with_sources`: those as well that have a source distribution only, which a build alone tells about.
        """
        found = {
            file.version
            for file in self._read_page(normalize_name(name))
            if not file.yanked and not file.version.is_prerelease and file.supports(python)
            if file.is_wheel or with_sources
        }
        return tuple(str(version) for version in sorted(found, reverse=True))

    def wheels(self, name: str, version: str, python: str) -> tuple[str, ...]:
        """The addresses of one version's wheels for this system and a Python; none where no index has any."""
        try:
            wanted = Version(version)
        except InvalidVersion:
            return ()
        files = self._read_page(normalize_name(name))
        return tuple(file.url for file in files if file.is_wheel and file.version == wanted and file.supports(python))

    def hashes(self, name: str, version: str) -> tuple[str, ...]:
        """The hashes of one version's files, as a line of a requirements file has them; none where no index has any."""
        try:
            wanted = Version(version)
        except InvalidVersion:
            return ()
        files = [file for file in self._read_page(normalize_name(name)) if file.version == wanted and file.sha256]
        return tuple(dict.fromkeys(f"sha256:{file.sha256}" for file in files))

    def _read_requires(self, name: str, version: str) -> Iterator[tuple[str, ...]]:
        try:
            wanted = Version(version)
        except InvalidVersion:
            # It comes from an address, whatever version that has.
            return
        files = [file for file in self._read_page(name) if file.version == wanted]
        # The wheels of one version require the same, so the smallest will do.
        for file in sorted((file for file in files if file.is_wheel), key=lambda file: file.size):
            data = self._try_read(file.url, partial(_read_metadata, self._session, file))
            if data is not None:
                yield _list_requires_dist(data)

    def _read_page(self, name: str) -> tuple[_File, ...]:
        if name not in self._pages:
            found: list[_File] = []
            for index in self.indexes:
                found += self._try_read(index, partial(_list_files, self._session, index, name)) or ()
            self._pages[name] = tuple(found)
        return self._pages[name]

    @cached_property
    def _session(self) -> requests.Session:
        return open_session(certificates=self.certificates, connections=AT_ONCE)

    def _try_read(self, address: str, read: Callable[[], _Result]) -> _Result | None:
        """What `read` returns, or `None` where that cannot be read, or its host did not answer before."""
        from requests import ConnectionError, RequestException

        host = urlsplit(address).netloc
        if host in self._unreachable:
            return None
        try:
            return read()
        except ConnectionError:
            self._unreachable.add(host)
        except (RequestException, zipfile.BadZipFile, NotImplementedError, OSError, ValueError, KeyError):
            pass
        return None


@dataclass(frozen=True, kw_only=True)
class _File:
    """A wheel or a source distribution as an index describes it. `size` is in bytes, 0 where the index has none.

    `sha256` is empty where the index has none. `interpreters` are a wheel's tags without the platform, `cp310-cp310`; a
    source distribution has none.
    """

    version: Version
    url: str
    size: int
    has_metadata: bool
    requires_python: str
    yanked: bool
    interpreters: frozenset[str] = frozenset()
    sha256: str = ""

    @property
    def is_wheel(self) -> bool:
        return bool(self.interpreters)

    def supports(self, python: str) -> bool:
        if self.is_wheel and not self.interpreters & _list_interpreter_tags(python):
            return False
        try:
            return SpecifierSet(self.requires_python).contains(python, prereleases=True)
        except InvalidSpecifier:
            return True


def _list_files(session: requests.Session, index: str, name: str) -> list[_File]:
    from mousebender import simple
    from packaging.utils import InvalidSdistFilename, InvalidWheelFilename

    page = simple.create_project_url(index.rstrip("/") + "/", name)
    if not page.startswith(("http://", "https://")):
        return []
    answer = get(session, page, headers={"Accept": simple.ACCEPT_SUPPORTED}, timeout=TIMEOUT)
    if not answer.ok:
        return []
    # Both forms are UTF-8; `answer.text` would take long to guess that.
    text = answer.content.decode("utf-8", "replace")
    found = []
    for row in parse_index_page(text, answer.headers.get("Content-Type", "text/html"), name, answer.url):
        try:
            version, interpreters = _parse_file_name(row["filename"])
        except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
            continue
        if interpreters is None:
            continue
        found.append(
            _File(
                version=version,
                url=row["url"],
                size=row["size"],
                has_metadata=bool(row.get("core-metadata") or row.get("dist-info-metadata")),
                requires_python=row["requires-python"],
                yanked=row.get("yanked", False) is not False,
                interpreters=interpreters,
                sha256=row["hashes"].get("sha256", ""),
            )
        )
    return found


def _parse_file_name(name: str) -> tuple[Version, frozenset[str] | None]:
    """The version that a file's name has, and a wheel's tags without the platform; `None` for another system's."""
    from packaging.utils import parse_sdist_filename, parse_wheel_filename

    if name.endswith(".whl"):
        _name, version, _build, tags = parse_wheel_filename(name)
        here = _list_platforms()
        return version, frozenset(f"{tag.interpreter}-{tag.abi}" for tag in tags if tag.platform in here) or None
    return parse_sdist_filename(name)[1], frozenset()


@cache
def _list_platforms() -> frozenset[str]:
    from packaging.tags import platform_tags

    return frozenset(("any", *platform_tags()))


@cache
def _list_interpreter_tags(python: str) -> frozenset[str]:
    """The tags of wheels for a CPython, without their platform."""
    from packaging.tags import compatible_tags, cpython_tags

    version = tuple(int(part) for part in python.split(".")[:2])
    interpreter = f"cp{''.join(str(part) for part in version)}"
    tags = (*cpython_tags(version, platforms=["any"]), *compatible_tags(version, interpreter, ["any"]))
    return frozenset(f"{tag.interpreter}-{tag.abi}" for tag in tags)


def _read_metadata(session: requests.Session, file: _File) -> bytes | None:
    if file.has_metadata:
        answer = get(session, f"{file.url}.metadata", timeout=TIMEOUT)
        if answer.ok:
            return answer.content
    return _read_wheel_tail(session, file.url)


def _read_wheel_tail(session: requests.Session, url: str) -> bytes | None:
    from envtool.net.bounds import run_with_deadline

    # remotezip reads what comes by itself.
    return run_with_deadline(lambda: _read_tail(session, url), what=url)


def _read_tail(session: requests.Session, url: str) -> bytes | None:
    from remotezip import RemoteFetcher, RemoteIOError, RemoteZip, RemoteZipError

    class BoundedFetcher(RemoteFetcher):  # type: ignore[misc]  # it has no types
        """Takes no longer part of a file than the end of a wheel can be, whatever the server says it sends."""

        def _request(self, kwargs: Any) -> Any:
            raw, part = super()._request(kwargs)
            first, last = self.parse_range_header(part)
            if last is None or last - first >= LARGEST_TAIL:
                raw.close()
                raise RemoteIOError(tell("a part of another size: {part}", part=part[:80]))
            return raw, part

    try:
        with RemoteZip(url, session=session, fetcher=BoundedFetcher, timeout=TIMEOUT) as archive:
            return _read_member(archive)
    except RemoteZipError:
        pass
    head = session.head(url, allow_redirects=True, timeout=TIMEOUT)
    if not head.ok or int(head.headers.get("Content-Length", SMALL + 1)) > SMALL:
        return None
    with zipfile.ZipFile(io.BytesIO(get(session, url, timeout=TIMEOUT).content)) as archive:
        return _read_member(archive)


def _read_member(archive: Any) -> bytes | None:
    for item in archive.infolist():
        name = item.filename
        if name.endswith(".dist-info/METADATA") and name.count("/") == 1 and item.file_size <= LARGEST_TAIL:
            return read_zip_member(archive, item, LARGEST_TAIL)
    return None


def read_wheel_requires(link: str) -> tuple[str, tuple[str, ...]] | None:
    """The version and the `Requires-Dist` lines of a wheel on this machine, by its path or `file:` address."""
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    parts = urlsplit(link)
    path = Path(unquote(parts.path))
    if parts.scheme not in {"", "file"} or path.suffix != ".whl":
        return None
    try:
        version = str(parse_wheel_filename(path.name)[1])
        with os.fdopen(open_regular_file(path), "rb") as stream, zipfile.ZipFile(stream) as archive:
            data = _read_member(archive)
    except (OSError, zipfile.BadZipFile, InvalidWheelFilename, ValueError, NotImplementedError):
        return None
    return (version, _list_requires_dist(data)) if data is not None else None


def find_requirements(lines: Iterable[str], names: Collection[str]) -> Iterator[Requirement]:
    """The `Requires-Dist` lines that name one of `names` (normalised), parsed; invalid ones are left out.

    Parsing is slow and versions have most lines in common, so that no other line is parsed, and none twice.
    """
    for line in lines:
        found = _NAME.match(line)
        if found is not None and normalize_name(found[0].strip()) in names:
            requirement = _parse_metadata(line)
            if requirement is not None:
                yield requirement


# PEP 508, "Names".
_NAME = re.compile(r"\s*[A-Za-z0-9][A-Za-z0-9._-]*")


@cache
def _parse_metadata(line: str) -> Requirement | None:
    # Old metadata has `>=1.9.*`, which PEP 440 does not allow; installers read it as `>=1.9`.
    try:
        return Requirement(re.sub(r"([<>]=?\s*[0-9][^\s,;)]*?)\.\*", r"\1", line))
    except InvalidRequirement:
        return None


def _list_requires_dist(data: bytes) -> tuple[str, ...]:
    from packaging.metadata import parse_email

    # A README of any length follows the first blank line.
    head = data.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0]
    return tuple(parse_email(head)[0].get("requires_dist", ()))
