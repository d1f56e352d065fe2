"""HTTP servers on loopback, for the time of a block."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

# Seconds between two looks whether to end. http.server's own half a second is what each test would wait for.
_INTERVAL = 0.02


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers GET, HEAD and POST by its `answer`, and leaves the terminal to the tests."""

    def answer(self) -> None:
        """Send something; `command`, `path` and `headers` are the request's."""
        raise NotImplementedError

    def do_GET(self) -> None:
        self.answer()

    def do_HEAD(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def send(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        """Send an answer; to HEAD, what goes before the body."""
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _FolderHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serve(
    handler: Callable[..., http.server.BaseHTTPRequestHandler],
    *,
    address: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
) -> Iterator[int]:
    """Serve on a free port, which is the value."""
    with http.server.ThreadingHTTPServer((address, 0), handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(_INTERVAL,), daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


@contextmanager
def serve_folder(folder: Path) -> Iterator[str]:
    """Serve the files of a folder; the value is the server's address, without a slash at its end."""
    with serve(partial(_FolderHandler, directory=str(folder))) as port:
        yield f"http://127.0.0.1:{port}"
