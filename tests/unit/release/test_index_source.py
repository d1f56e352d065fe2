"""A vendor index over real HTTP: PEP 503 and PEP 691, credentials, and what goes wrong."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from envtool.errors import HashError, ReleaseError, SourceError
from envtool.release.release_filter import ReleaseFilter
from envtool.release.select import select_from_sources
from envtool.release.source.configured import add_source, list_configured_sources, open_source
from envtool.release.source.index import PASSWORD_VARIABLE, USERNAME_VARIABLE, IndexSource
from envtool.wheel.store import FileStore
from tests.support.environment import PYTHON, TORCH, RealEnvironment
from tests.support.http_server import Handler, serve


@dataclass
class WheelIndex:
    """A wheel index on loopback; tests change what it demands and how it answers."""

    wheels: Path
    json: bool = False
    credentials: tuple[str, str] | None = None
    status: int = 200
    wrong_hash: bool = False
    url: str = ""
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str, authorization: str | None) -> tuple[int, str, bytes]:
        self.asked.append(path)
        if self.status != 200:
            return self.status, "text/plain", b"no"
        if self.credentials is not None:
            expected = base64.b64encode(":".join(self.credentials).encode()).decode()
            if authorization != f"Basic {expected}":
                return 401, "text/plain", b"who are you"
        if path.startswith("/simple/"):
            return self._page(path.strip("/").split("/")[1])
        wheel = self.wheels / path.removeprefix("/files/").replace("%2B", "+")
        return (200, "application/zip", wheel.read_bytes()) if wheel.exists() else (404, "text/plain", b"")

    def _page(self, name: str) -> tuple[int, str, bytes]:
        found = sorted(self.wheels.glob(f"{name}-*.whl"))
        if not found:
            return 404, "text/plain", b""
        hashes = {path.name: hashlib.sha256(b"x" * self.wrong_hash + path.read_bytes()).hexdigest() for path in found}
        if self.json:
            files = [
                {"filename": path.name, "url": f"/files/{path.name}", "hashes": {"sha256": hashes[path.name]}}
                for path in found
            ]
            page = {"meta": {"api-version": "1.0"}, "name": name, "files": files}
            return 200, "application/vnd.pypi.simple.v1+json", json.dumps(page).encode()
        links = "".join(
            f'<a href="/files/{path.name.replace("+", "%2B")}#sha256={hashes[path.name]}">{path.name}</a>'
            for path in found
        )
        return 200, "text/html", f"<!DOCTYPE html><html><body>{links}</body></html>".encode()


@pytest.fixture
def index(release: Path) -> Iterator[WheelIndex]:
    served = WheelIndex(release)

    class IndexHandler(Handler):
        def answer(self) -> None:
            status, kind, body = served.answer(self.path, self.headers.get("Authorization"))
            self.send(status, body, {"Content-Type": kind})

    with serve(IndexHandler) as port:
        served.url = f"http://127.0.0.1:{port}/simple/"
        yield served


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for variable in (USERNAME_VARIABLE, PASSWORD_VARIABLE, "HAC_VENDOR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.mark.parametrize("as_json", [False, True])
def test_release_from_an_index(index: WheelIndex, tmp_path: Path, as_json: bool) -> None:
    index.json = as_json
    store = FileStore(tmp_path / "store")
    choice = select_from_sources(PYTHON, [IndexSource(index.url)], ReleaseFilter(), store)
    assert [item.version for item in choice.pin.distributions] == [TORCH, "0.8.2", "0.7.2"]
    assert all(item.sha256 and store.find(item.sha256) for item in choice.pin.distributions)
    asked = len(index.asked)
    select_from_sources(PYTHON, [IndexSource(index.url)], ReleaseFilter(), store)
    assert not any(path.startswith("/files") for path in index.asked[asked:]), "the store was not used"


def test_an_address_without_its_last_slash(index: WheelIndex) -> None:
    assert len(IndexSource(index.url.rstrip("/")).list_candidates()) == 3


def test_credentials_from_netrc(index: WheelIndex, tmp_path: Path) -> None:
    index.credentials = ("me", "secret")
    with pytest.raises(SourceError, match="refuses access") as caught:
        IndexSource(index.url).list_candidates()
    assert "netrc" in caught.value.remedy
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    assert len(IndexSource(index.url).list_candidates()) == 3


def test_credentials_from_the_environment(index: WheelIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    index.credentials = ("me", "secret")
    monkeypatch.setenv(USERNAME_VARIABLE, "me")
    monkeypatch.setenv(PASSWORD_VARIABLE, "secret")
    assert len(IndexSource(index.url).list_candidates()) == 3


def test_credentials_in_an_address_are_refused() -> None:
    with pytest.raises(SourceError, match="carries a user name") as caught:
        open_source("https://me:secret@wheels.example/simple/")
    assert "secret" not in caught.value.render()


@pytest.mark.parametrize(("status", "says"), [(403, "refuses access"), (500, "HTTP 500")])
def test_refusals(index: WheelIndex, status: int, says: str) -> None:
    index.status = status
    with pytest.raises(SourceError, match=says):
        IndexSource(index.url).list_candidates()


def test_a_hash_that_differs_is_refused(index: WheelIndex, tmp_path: Path) -> None:
    index.wrong_hash = True
    store = FileStore(tmp_path / "store")
    with pytest.raises(HashError):
        select_from_sources(PYTHON, [IndexSource(index.url)], ReleaseFilter(), store)
    assert [path for path in store.root.rglob("*") if path.is_file()] == []


def test_an_index_that_is_down_through_the_command(environment: RealEnvironment) -> None:
    outcome = environment.restore("--vendor", "http://127.0.0.1:9/simple/")
    assert outcome.status == 6
    assert "does not answer" in outcome.err
    assert environment.doctor("--deep")["findings"] == []


def test_an_index_through_the_command(environment: RealEnvironment, index: WheelIndex) -> None:
    environment.pip("uninstall", "--quiet", "--yes", "torch", "torchvision")
    outcome = environment.restore("--vendor", index.url)
    assert outcome.status == 0, outcome.err
    assert environment.doctor("--deep")["findings"] == []


def test_sources_in_their_order(monkeypatch: pytest.MonkeyPatch, release: Path) -> None:
    assert list_configured_sources() == ()
    add_source(str(release))
    add_source(str(release))
    assert [item.address for item in list_configured_sources()] == [str(release)]
    monkeypatch.setenv("HAC_VENDOR", "/from/environment")
    assert [item.address for item in list_configured_sources()] == ["/from/environment"]
    assert [item.address for item in list_configured_sources(["/named"])] == ["/named"]


def test_nothing_configured_says_what_to_type() -> None:
    with pytest.raises(ReleaseError) as caught:
        select_from_sources(PYTHON, [], ReleaseFilter(), FileStore(Path("/nowhere")))
    assert "envtool vendor add" in caught.value.remedy
