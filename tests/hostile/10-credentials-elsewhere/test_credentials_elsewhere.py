"""An index's credentials go to its own scheme, host and port, whatever its pages link to and its answers lead to."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from envtool.errors import EnvtoolError
from envtool.net.credentials import OriginAuth, get_origin
from envtool.release.release_filter import ReleaseFilter
from envtool.release.select import select_from_sources
from envtool.release.source.index import PASSWORD_VARIABLE, USERNAME_VARIABLE, IndexSource
from envtool.requirements.metadata import MetadataReader
from envtool.wheel.store import FileStore
from tests.support import http_server
from tests.support.environment import PYTHON
from tests.support.http_server import Handler

BASIC = f"Basic {base64.b64encode(b'me:p4ssw0rd').decode()}"
Answer = tuple[int, Mapping[str, str], bytes]


@dataclass
class Server:
    """A server on loopback that notes the Authorization header of each request."""

    port: int = 0
    seen: list[tuple[str, str | None]] = field(default_factory=list)

    def url(self, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}"

    @property
    def given(self) -> set[str | None]:
        return {authorization for _path, authorization in self.seen}


@contextmanager
def serve(answer: Callable[[str], Answer]) -> Iterator[Server]:
    noted = Server()

    class NotingHandler(Handler):
        def answer(self) -> None:
            noted.seen.append((self.path, self.headers.get("Authorization")))
            status, headers, body = answer(self.path)
            self.send(status, body, headers)

    with http_server.serve(NotingHandler) as port:
        noted.port = port
        yield noted


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    netrc = tmp_path / "netrc"
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv(USERNAME_VARIABLE, "me")
    monkeypatch.setenv(PASSWORD_VARIABLE, "p4ssw0rd")
    return netrc


def pages(release: Path, files: Callable[[str], str]) -> Callable[[str], Answer]:
    """The index of a release whose wheels are where `files` says."""

    def answer(path: str) -> Answer:
        if path.startswith("/simple/"):
            name = path.strip("/").split("/")[1]
            rows = [
                {"filename": item.name, "url": files(item.name), "hashes": {"sha256": digest(item)}}
                for item in release.glob(f"{name}-*.whl")
            ]
            page = {"meta": {"api-version": "1.0"}, "name": name, "files": rows}
            return 200, {"Content-Type": "application/vnd.pypi.simple.v1+json"}, json.dumps(page).encode()
        wheel = release / path.rpartition("/")[2].replace("%2B", "+")
        return (200, {}, wheel.read_bytes()) if wheel.is_file() else (404, {}, b"")

    return answer


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fetch(url: str, folder: Path) -> None:
    select_from_sources(PYTHON, [IndexSource(f"{url}/simple/")], ReleaseFilter(), FileStore(folder / "store"))


def test_a_page_links_to_another_server(release: Path, tmp_path: Path) -> None:
    with serve(pages(release, str)) as other:
        with serve(pages(release, lambda name: f"{other.url()}/files/{name}")) as index:
            fetch(index.url(), tmp_path)
    assert index.given == {BASIC}
    assert other.given == {None}


def test_a_page_links_to_another_port_of_the_same_host_with_a_default_in_netrc(
    release: Path, tmp_path: Path, credentials: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(USERNAME_VARIABLE)
    credentials.write_text("default login me password p4ssw0rd\n")
    with serve(pages(release, str)) as other:
        with serve(pages(release, lambda name: f"{other.url()}/files/{name}")) as index:
            fetch(index.url(), tmp_path)
    assert index.given == {BASIC}
    assert other.given == {None}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_an_answer_leads_to_another_server(status: int, release: Path, tmp_path: Path) -> None:
    with serve(pages(release, lambda name: f"/files/{name}")) as other:
        with serve(lambda path: (status, {"Location": f"{other.url()}{path}"}, b"")) as index:
            fetch(index.url(), tmp_path)
    assert index.given == {BASIC}
    assert other.given == {None}


def test_a_redirect_back_is_not_without_credentials(release: Path, tmp_path: Path) -> None:
    """The innocent twin: an answer may lead within the index, and back to it."""
    own = pages(release, lambda name: f"/files/{name}")
    with serve(lambda path: (302, {"Location": f"{index.url()}/moved{path}"}, b"")) as other:

        def answer(path: str) -> Answer:
            if path.startswith("/moved"):
                return own(path.removeprefix("/moved"))
            return 302, {"Location": f"{other.url()}{path}"}, b""

        with serve(answer) as index:
            fetch(index.url(), tmp_path)
    assert index.given == {BASIC}
    assert other.given == {None}


def test_files_on_a_server_that_netrc_names_get_its_own(release: Path, tmp_path: Path, credentials: Path) -> None:
    """The innocent twin: a person who names another server in netrc wants it to get what is written there."""
    credentials.write_text("machine localhost login other password word\n")
    with serve(pages(release, str)) as other:
        with serve(pages(release, lambda name: f"{other.url('localhost')}/files/{name}")) as index:
            fetch(index.url(), tmp_path)
    assert index.given == {BASIC}
    assert other.given == {f"Basic {base64.b64encode(b'other:word').decode()}"}


def test_an_error_of_the_index_does_not_repeat_the_password(tmp_path: Path) -> None:
    with serve(lambda _path: (401, {}, b"")) as index:
        with pytest.raises(EnvtoolError) as caught:
            fetch(index.url(), tmp_path)
    assert "p4ssw0rd" not in caught.value.render()


def test_an_address_with_a_password_of_its_own(release: Path) -> None:
    """What pip's configuration names, with what stands in it; the files are elsewhere."""
    with serve(pages(release, str)) as other:
        with serve(pages(release, lambda name: f"{other.url()}/files/{name}")) as index:
            address = index.url().replace("//", "//me:p4ssw0rd@")
            assert MetadataReader(indexes=(f"{address}/simple/",)).requires("torchvision", "0.8.2")
    assert index.given == {BASIC}
    assert other.given == {None}


@pytest.mark.parametrize(
    ("left", "right", "is_same"),
    [
        ("https://a/x", "https://a:443/y", True),
        ("http://a/", "http://a:80", True),
        ("https://a/", "http://a/", False),
        ("https://a/", "https://a:444/", False),
        ("https://a/", "https://a.b/", False),
        ("https://A/", "https://a/", True),
        ("https://u:p@a/", "https://a/", True),
        ("https://a/", "https://a@b/", False),
        ("http://[::1]:80/", "http://[::1]/", True),
    ],
)
def test_origin(left: str, right: str, is_same: bool) -> None:
    assert (get_origin(left) == get_origin(right)) is is_same


@pytest.mark.parametrize(
    ("index", "asked", "sent"),
    [
        ("https://a/simple/", "https://a/files/x", True),
        ("https://a/simple/", "http://a/files/x", False),
        ("https://a/simple/", "https://a:8443/files/x", False),
        ("https://a/simple/", "https://a.evil/files/x", False),
        ("https://a/simple/", "https://evil/a/files/x", False),
    ],
)
def test_given_credentials_stay_with_the_index(index: str, asked: str, sent: bool) -> None:
    import requests

    request = requests.Request("GET", asked, auth=OriginAuth(index, "me", "p4ssw0rd")).prepare()
    assert ("Authorization" in request.headers) is sent
