"""Downloads over real HTTP that break off, meet a server at fault, or a proxy that is not there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from envtool.errors import HashError, SourceError
from envtool.net.http import open_session
from envtool.release.source.index import IndexSource
from envtool.wheel.download import download
from envtool.wheel.store import FileStore
from tests.support.http_server import Handler, serve

DATA = os.urandom(3 << 20)
SHA256 = hashlib.sha256(DATA).hexdigest()


@dataclass
class Server:
    """A file server on loopback. `cuts` are the bytes after which it hangs up, one for each request it is to spoil."""

    url: str = ""
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    knows_ranges: bool = True
    asked: list[str | None] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    served = Server()

    class FileHandler(Handler):
        def answer(self) -> None:
            wanted = self.headers.get("Range")
            served.asked.append(wanted)
            if served.statuses:
                self.send_error(served.statuses.pop(0))
                return
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and served.knows_ranges else 0
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(DATA) - 1}/{len(DATA)}")
            self.send_header("Content-Length", str(len(DATA) - start))
            self.end_headers()
            stop = served.cuts.pop(0) if served.cuts else len(DATA)
            self.wfile.write(DATA[start:][:stop])
            self.close_connection = True

    with serve(FileHandler) as port:
        served.url = f"http://127.0.0.1:{port}/torch.whl"
        yield served


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envtool.net.retry.BACK_OFF", 0.01)


def fetch(server: Server, store: FileStore, expected: str | None = SHA256) -> Path:
    failures = IndexSource(server.url)._reported()
    with open_session() as session:
        return download(session, server.url, "torch.whl", store, expected=expected, timeout=5, failures=failures)


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_break_is_gone_on_from(server: Server, tmp_path: Path, knows_ranges: bool) -> None:
    server.cuts, server.knows_ranges = [1 << 20, 1 << 20], knows_ranges
    assert fetch(server, FileStore(tmp_path)).read_bytes() == DATA
    assert server.asked[0] is None
    assert server.asked[1] == f"bytes={1 << 20}-"
    assert not any((tmp_path / "partial").iterdir())


def test_the_next_run_goes_on(server: Server, tmp_path: Path) -> None:
    server.cuts = [1 << 20, *[0] * 4]
    with pytest.raises(SourceError):
        fetch(server, FileStore(tmp_path))
    server.asked.clear()
    assert fetch(server, FileStore(tmp_path)).read_bytes() == DATA
    assert server.asked == [f"bytes={1 << 20}-"]


def test_what_is_wrong_is_not_gone_on_from(server: Server, tmp_path: Path) -> None:
    with pytest.raises(HashError):
        fetch(server, FileStore(tmp_path), "0" * 64)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_server_at_fault_is_asked_again(server: Server, tmp_path: Path) -> None:
    server.statuses = [503, 429]
    assert fetch(server, FileStore(tmp_path)).read_bytes() == DATA


def test_a_dead_proxy_is_done_without(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert fetch(server, FileStore(tmp_path), None).read_bytes() == DATA


def test_a_private_authority_is_trusted_where_a_variable_names_it(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ssl

    import trustme

    authority = trustme.CA()
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)

    class SecureHandler(Handler):
        def answer(self) -> None:
            self.send(200, DATA)

    with serve(SecureHandler, tls=context) as port:
        server.url = f"https://localhost:{port}/torch.whl"
        with pytest.raises(SourceError, match="certificate"):
            fetch(server, FileStore(tmp_path))
        authority.cert_pem.write_to_path(tmp_path / "authority.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
        assert fetch(server, FileStore(tmp_path)).read_bytes() == DATA
