"""A package index of distributions that a test makes up: wheels and source distributions, over HTTP."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from urllib.parse import unquote

from tests.support.http_server import Handler, serve

# A build back end that a source distribution brings along, so that building it needs nothing else (PEP 517).
_BACK_END = """
import os, zipfile
NAME, VERSION, METADATA = {name!r}, {version!r}, {metadata!r}
STEM = NAME.replace("-", "_") + "-" + VERSION

def _files():
    info = STEM + ".dist-info/"
    yield info + "METADATA", METADATA
    yield info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    yield NAME.replace("-", "_") + ".py", ""
    yield info + "RECORD", ""

def get_requires_for_build_wheel(config_settings=None):
    return []

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    for name, text in _files():
        if ".dist-info/" in name:
            os.makedirs(os.path.join(folder, os.path.dirname(name)), exist_ok=True)
            with open(os.path.join(folder, name), "w") as stream:
                stream.write(text)
    return STEM + ".dist-info"

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = STEM + "-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for member, text in _files():
            archive.writestr(member, text)
    return name
"""


_WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n"


@dataclass(frozen=True)
class Release:
    """One version: what it requires, and whether it is a source distribution only.

    `tag` is its wheel's, `build_requires` what its source distribution needs to be built, `python` its
    `Requires-Python`. `has_broken_source`: beside its wheel there is a source distribution that cannot be built.
    """

    requires: tuple[str, ...] = ()
    is_source: bool = False
    tag: str = "py3-none-any"
    build_requires: tuple[str, ...] = ()
    python: str = ""
    has_broken_source: bool = False


Projects = Mapping[str, Mapping[str, Release]]


@contextmanager
def small_index(projects: Projects) -> Iterator[str]:
    """Serve the projects; the value is the address of the index."""
    pages: dict[str, str] = {}
    files: dict[str, bytes] = {}
    for name, releases in projects.items():
        rows = []
        for version, release in releases.items():
            made = [(_make_source if release.is_source else _make_wheel)(name, version, release)]
            made += [_make_source(name, version, release)] if release.has_broken_source else []
            needs = f' data-requires-python="{escape(release.python)}"' if release.python else ""
            rows += [f'<a href="/files/{file.replace("+", "%2B")}"{needs}>{file}</a>' for file, _data in made]
            files.update(made)
        pages[name] = "<!DOCTYPE html>" + "<br>".join(rows)

    class IndexHandler(Handler):
        def answer(self) -> None:
            parts = [unquote(part) for part in self.path.split("?")[0].strip("/").split("/")]
            found = files.get(parts[-1]) if parts[0] == "files" else pages.get(parts[-1], "").encode()
            kind = "text/html" if parts[0] == "simple" else "application/octet-stream"
            self.send(200 if found else 404, found or b"", {"Content-Type": kind})

    with serve(IndexHandler) as port:
        yield f"http://127.0.0.1:{port}/simple"


def _make_metadata(name: str, version: str, requires: tuple[str, ...]) -> str:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    return "\n".join([*lines, *(f"Requires-Dist: {line}" for line in requires)]) + "\n"


def _make_wheel(name: str, version: str, release: Release) -> tuple[str, bytes]:
    stem = f"{name.replace('-', '_')}-{version}"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{name.replace('-', '_')}.py", "")
        archive.writestr(f"{stem}.dist-info/METADATA", _make_metadata(name, version, release.requires))
        archive.writestr(
            f"{stem}.dist-info/WHEEL",
            _WHEEL.format(tag=release.tag),
        )
        archive.writestr(f"{stem}.dist-info/RECORD", "")
    return f"{stem}-{release.tag}.whl", buffer.getvalue()


def _make_source(name: str, version: str, release: Release) -> tuple[str, bytes]:
    stem = f"{name.replace('-', '_')}-{version}"
    metadata = _make_metadata(name, version, release.requires)
    back_end = _BACK_END.format(name=name, version=version, metadata=metadata)
    members = {
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "back_end.py": "raise SystemExit('no compiler')" if release.has_broken_source else back_end,
        "pyproject.toml": f"[build-system]\nrequires = {list(release.build_requires)}\n"
        'build-backend = "back_end"\nbackend-path = ["."]\n',
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for member, text in members.items():
            item = tarfile.TarInfo(f"{stem}/{member}")
            item.size = len(text.encode())
            archive.addfile(item, io.BytesIO(text.encode()))
    return f"{stem}.tar.gz", buffer.getvalue()
