"""A package index of a folder of wheels, over HTTP on loopback (PEP 503)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from packaging.utils import parse_wheel_filename

from tests.support.http_server import serve_folder


def write_pages(folder: Path) -> None:
    """Write the pages of an index for the wheels that lie in `folder`."""
    rows: dict[str, list[str]] = {}
    for wheel in sorted(folder.glob("*.whl")):
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        name = str(parse_wheel_filename(wheel.name)[0])
        target = wheel.name.replace("+", "%2B")
        rows.setdefault(name, []).append(f'<a href="/{target}#sha256={digest}">{wheel.name}</a><br>')
    for name, links in rows.items():
        page = folder / "simple" / name / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("<!DOCTYPE html><html><body>\n" + "\n".join(links) + "\n</body></html>\n")


@contextmanager
def serve_wheels(folder: Path) -> Iterator[str]:
    """Serve the wheels in `folder` for as long as the context lasts; the value is the index's address."""
    write_pages(folder)
    with serve_folder(folder) as address:
        yield f"{address}/simple"
