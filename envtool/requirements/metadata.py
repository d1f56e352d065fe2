"""What a version of a distribution requires, read from an index without downloading the wheel.

The index's own metadata file where it serves one (PEP 658, PEP 714), else the end of the wheel by range requests.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from envtool.vendor.names import normalized_name
from envtool.vendor.version import same_build

if TYPE_CHECKING:
    import requests

# Seconds for a connection, and for a silence.
TIMEOUT = 20.0
# Bytes. Where a server knows no ranges, a wheel up to this size is read whole.
SMALL = 1 << 20
DEFAULT_INDEX = "https://pypi.org/simple"


@dataclass
class MetadataReader:
    """Reads `Requires-Dist` from indexes, each answer once. What cannot be read counts as not known."""

    indexes: tuple[str, ...] = (DEFAULT_INDEX,)
    certificates: str | None = None
    _known: dict[tuple[str, str], tuple[str, ...] | None] = field(default_factory=dict)

    def requires(self, name: str, version: str) -> tuple[str, ...] | None:
        """The `Requires-Dist` lines of one version, or `None` where no index tells."""
        key = (normalized_name(name), version)
        if key not in self._known:
            self._known[key] = next(self._answers(*key), None)
        return self._known[key]

    def _answers(self, name: str, version: str) -> Iterator[tuple[str, ...]]:
        from zipfile import BadZipFile

        import requests
        from mousebender import simple

        # An explanation is the poorer without what cannot be read; the answer itself is uv's.
        unreadable = (requests.RequestException, simple.UnsupportedMIMEType, BadZipFile, OSError, ValueError, KeyError)
        with requests.Session() as session:
            if self.certificates:
                session.verify = self.certificates
            for index in self.indexes:
                try:
                    for file in _files(session, index, name, version):
                        data = _metadata(session, file)
                        if data is not None:
                            yield _requires_dist(data)
                except unreadable:
                    continue


def _files(session: requests.Session, index: str, name: str, version: str) -> Iterator[dict[str, Any]]:
    """The wheels of one version, the smallest first: their requirements are the same."""
    from mousebender import simple
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    page = simple.create_project_url(index.rstrip("/") + "/", name)
    if not page.startswith(("http://", "https://")):
        return
    answer = session.get(page, headers={"Accept": simple.ACCEPT_SUPPORTED}, timeout=TIMEOUT)
    if not answer.ok:
        return
    details = simple.parse_project_details(answer.text, answer.headers.get("Content-Type", "text/html"), name)
    found: list[dict[str, Any]] = []
    for file in details["files"]:
        try:
            wheel = parse_wheel_filename(file["filename"])
        except InvalidWheelFilename:
            continue
        if same_build(str(wheel[1]), version):
            found.append({**file, "url": urljoin(answer.url, file["url"])})
    yield from sorted(found, key=lambda file: file.get("size") or 0)


def _metadata(session: requests.Session, file: dict[str, Any]) -> bytes | None:
    if file.get("core-metadata") or file.get("dist-info-metadata"):
        answer = session.get(f"{file['url']}.metadata", timeout=TIMEOUT)
        if answer.ok:
            return answer.content
    return _from_the_end(session, str(file["url"]))


def _from_the_end(session: requests.Session, url: str) -> bytes | None:
    from remotezip import RemoteZip, RemoteZipError

    try:
        with RemoteZip(url, session=session, timeout=TIMEOUT) as archive:
            return _member(archive)
    except RemoteZipError:
        pass
    head = session.head(url, allow_redirects=True, timeout=TIMEOUT)
    if not head.ok or int(head.headers.get("Content-Length", SMALL + 1)) > SMALL:
        return None
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(session.get(url, timeout=TIMEOUT).content)) as archive:
        return _member(archive)


def _member(archive: Any) -> bytes | None:
    for name in archive.namelist():
        if name.endswith(".dist-info/METADATA") and name.count("/") == 1:
            data: bytes = archive.read(name)
            return data
    return None


def _requires_dist(data: bytes) -> tuple[str, ...]:
    from packaging.metadata import parse_email

    return tuple(parse_email(data)[0].get("requires_dist", ()))
