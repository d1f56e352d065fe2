"""The demonstration's package index: a folder laid out as PEP 503 says, served on loopback.

It has real small packages from PyPI, each fetched by its hash, and a stand-in for an upstream torch: the real one is
hundreds of megabytes, and all that matters here is that it is not the vendor's.
"""

from __future__ import annotations

import hashlib
import html
import http.server
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from envtool.demo.wheel_writer import WheelContent, write_wheel
from envtool.image.inputs.fetch_wheels import fetch_wheels
from envtool.image.lock.lockfile import LockedFile

if TYPE_CHECKING:
    from envtool.wheel.store import FileStore

UPSTREAM_TORCH = "2.13.0"
# The first three live with torch 1.7.1; rotary-embedding-torch 0.9.1 requires torch>=2.4.
REAL_PACKAGES = (
    LockedFile("einops-0.8.2-py3-none-any.whl", "54058201ac7087911181bfec4af6091bb59380360f069276601256a76af08193"),
    LockedFile(
        "lion_pytorch-0.2.5-py3-none-any.whl", "77089f28bda82f1cee829cabab8a104fe8aabf66af1941b0fc6ce400aabb28cc"
    ),
    LockedFile(
        "rotary_embedding_torch-0.3.6-py3-none-any.whl",
        "ad8a56bd99b3719cfd3b18a9ab5b88dad73c4a3eb0808ae5c7d58739605dfb76",
    ),
    LockedFile(
        "rotary_embedding_torch-0.9.1-py3-none-any.whl",
        "489ef53e21ab4c4eb35c0c97b551d724f5eea71c2bca39acb8fee8d88b142a76",
    ),
)


def make_upstream_torch() -> WheelContent:
    """The stand-in for a torch from PyPI."""
    text = f'"""STAND-IN for torch {UPSTREAM_TORCH} from PyPI: it is not the vendor\'s, and computes nothing."""\n'
    return WheelContent(
        name="torch",
        version=UPSTREAM_TORCH,
        tag="py3-none-any",
        files={
            "torch/__init__.py": (text + f'\n__version__ = "{UPSTREAM_TORCH}"\n').encode(),
            "torch/version.py": f'__version__ = "{UPSTREAM_TORCH}"\n'.encode(),
            "torch/upstream_only.py": b"",
        },
        summary="A stand-in for an upstream torch: same name and version, none of its code",
    )


def make_index(folder: Path, store: FileStore) -> None:
    """Lay the index out below `folder`. Raises `SourceError`, `HashError` where a package cannot be had."""
    shutil.rmtree(folder, ignore_errors=True)
    fetched = fetch_wheels(REAL_PACKAGES, store)
    for wheel in REAL_PACKAGES:
        add_to_index(folder, fetched[wheel.sha256])
    add_to_index(folder, write_wheel(make_upstream_torch(), folder / "made"))
    shutil.rmtree(folder / "made")


def add_to_index(folder: Path, wheel: Path) -> None:
    """Put one more wheel into an index folder and write its project's page anew."""
    project = folder / "simple" / canonicalize_name(wheel.name.split("-", 1)[0])
    project.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(wheel, project / wheel.name)
    links = []
    for path in sorted(project.glob("*.whl")):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        name = html.escape(path.name)
        links.append(f'<a href="{name.replace("+", "%2B")}#sha256={digest}">{name}</a><br>')
    text = ["<!DOCTYPE html><html><head><title>Links</title></head><body>", *links, "</body></html>", ""]
    (project / "index.html").write_text("\n".join(text))


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Leave the terminal to the demonstration."""


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that left in mid-answer: resolvers do, once they know enough of a wheel."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextmanager
def index_server(folder: Path) -> Iterator[str]:
    """Serve an index folder on a free port of loopback; the value is the index's address."""
    server = _Server(("127.0.0.1", 0), partial(_QuietHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/simple/"
    finally:
        server.shutdown()
        server.server_close()
