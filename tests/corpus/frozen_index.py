"""The frozen index: real names, versions and requirements, served over HTTP as wheels of nothing but metadata.

STAND-INS for the wheels on PyPI: pip and uv install them like any other, and they have no code in them.
"""

from __future__ import annotations

import hashlib
import html
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from tests.corpus import build_tools
from tests.support.http_server import Handler, serve

INDEX = Path(__file__).parent / "index.json"
# As the fixtures' facts: what upstream has beside the frozen versions, so that every case of the table can occur.
Projects = dict[str, dict[str, dict[str, Any]]]


@cache
def projects() -> Projects:
    """Project → version → facts, with the upstream versions that are a vendor build's own public version."""
    found: Projects = json.loads(INDEX.read_text())
    for version in ("1.7.1", "1.7.1+cu110", "1.8.1", "1.10.0", "1.13.0"):
        found["torch"].setdefault(version, {"requires": ["typing-extensions"]})
    return found


def wheel_name(project: str, version: str) -> str:
    """The file name of a version's stand-in."""
    return f"{project.replace('-', '_')}-{version}-py3-none-any.whl"


def metadata(project: str, version: str) -> bytes:
    """METADATA with the real requirements (PyPA specifications, "Core metadata")."""
    facts = projects()[project][version]
    lines = ["Metadata-Version: 2.1", f"Name: {project}", f"Version: {version}"]
    lines.append("Summary: A stand-in of the frozen index; it has no code")
    lines += [f"Requires-Dist: {requirement}" for requirement in facts["requires"]]
    return ("\n".join(lines) + "\n").encode()


@cache
def wheel(project: str, version: str) -> bytes:
    """A wheel that pip and uv install (PyPA specifications, "Binary distribution format")."""
    stem = f"{project.replace('-', '_')}-{version}"
    module = project.replace("-", "_")
    files = {
        f"{module}/__init__.py": f'__version__ = "{version}"\n'.encode(),
        f"{stem}.dist-info/METADATA": metadata(project, version),
        f"{stem}.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: frozen\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in (*files, f"{stem}.dist-info/RECORD"))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in {**files, f"{stem}.dist-info/RECORD": record.encode()}.items():
            archive.writestr(zipfile.ZipInfo(name, (2022, 9, 1, 0, 0, 0)), data)
    return buffer.getvalue()


@cache
def page(project: str) -> bytes:
    """The project's page (PEP 503, with PEP 592's and PEP 714's attributes)."""
    rows = ["<!DOCTYPE html><html><head><title>Links</title></head><body>"]
    for version, facts in projects()[project].items():
        name = wheel_name(project, version)
        digest = hashlib.sha256(metadata(project, version)).hexdigest()
        yanked = ' data-yanked="withdrawn"' if facts.get("yanked") else ""
        target = f"/files/{html.escape(name.replace('+', '%2B'))}"
        rows.append(f'<a href="{target}" data-core-metadata="sha256={digest}"{yanked}>{html.escape(name)}</a><br>')
    return "\n".join([*rows, "</body></html>", ""]).encode()


class _Handler(Handler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        parts = [unquote(part) for part in self.path.split("?")[0].strip("/").split("/")]
        body, kind = self._answer(parts)
        self.send(200 if body else 404, body, {"Content-Type": kind, "Cache-Control": "max-age=600"})

    def _answer(self, parts: list[str]) -> tuple[bytes, str]:
        folder = _WITH_WHEELS.get(self.connection.getsockname()[1])
        if folder is not None and len(parts) == 2:
            if parts[0] == "wheels" and (folder / parts[1]).is_file():
                return (folder / parts[1]).read_bytes(), "application/octet-stream"
            own = [item.name for item in folder.glob("*.whl") if item.name.split("-")[0].replace("_", "-") == parts[1]]
            if parts[0] == "simple" and own:
                links = "".join(f'<a href="/wheels/{quote(name)}">{html.escape(name)}</a>' for name in own)
                others = page(parts[1]).decode() if parts[1] in projects() else ""
                return f"{others}{links}".encode(), "text/html"
        if self.connection.getsockname()[1] in _WITH_BUILD_TOOLS:
            if parts[0] == "simple" and len(parts) == 2 and parts[1] in build_tools.NAMES:
                name, _data = build_tools.pack_installed(parts[1])
                return f'<!DOCTYPE html><a href="/built/{name}">{name}</a>'.encode(), "text/html"
            if parts[0] == "built":
                wheels = dict(build_tools.pack_installed(name) for name in build_tools.NAMES)
                return wheels.get(parts[1], b""), "application/octet-stream"
        if parts[0] == "simple" and len(parts) == 2 and parts[1] in projects():
            return page(parts[1]), "text/html"
        if parts[0] == "files" and len(parts) == 2:
            bare = parts[1].removesuffix(".metadata").removesuffix("-py3-none-any.whl")
            name, _, version = bare.partition("-")
            project = name.replace("_", "-")
            if version in projects().get(project, {}):
                is_metadata = parts[1].endswith(".metadata")
                data = metadata(project, version) if is_metadata else wheel(project, version)
                return data, "application/octet-stream"
        return b"", "text/plain"


# Ports of the servers that have real build back ends.
_WITH_BUILD_TOOLS: set[int] = set()
# Folders of further wheels by the ports of the servers that have them.
_WITH_WHEELS: dict[int, Path] = {}


@contextmanager
def served(*, with_build_tools: bool = False, wheels: Path | None = None) -> Iterator[str]:
    """Serve the frozen index on a free port of loopback; the value is its address.

    `with_build_tools`: with real build back ends in the place of their stand-ins; `wheels`: with those of a folder.
    """
    with serve(_Handler) as port:
        if with_build_tools:
            _WITH_BUILD_TOOLS.add(port)
        if wheels is not None:
            _WITH_WHEELS[port] = wheels
        yield f"http://127.0.0.1:{port}/simple"
