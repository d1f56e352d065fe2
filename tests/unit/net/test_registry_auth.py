"""Credentials of `docker login`: which server gets them, in which form, and which never sees them."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import ssl
import subprocess
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from envtool.errors import ImageError, SetupError
from envtool.image.read.layer import Capture, FileSelector
from envtool.image.read.reference import read_image
from envtool.image.read.remote import NotInRegistryError
from envtool.net.registry_auth import parse_challenges, read_docker_login
from tests.support import http_server
from tests.support.http_server import Handler
from tests.support.image_layout import INDEX, MANIFEST, Layout

USER, PASSWORD = "reader", "pass:word"
BASIC = f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"
# `htpasswd -nbB` on the password.
HTPASSWD = "$2y$05$aizG53DjthOOWTdnH7rJhu0bT..RCFsS.4AfTGrDFi1zRqvzlcQK6"
# Loopback, but not the address that plain HTTP is spoken to.
HOST = "127.0.0.2"
EVERYTHING = FileSelector(lambda _path, _size: Capture.DATA)
Answer = tuple[int, Mapping[str, str], bytes]


@dataclass
class Server:
    """An HTTP server on loopback that notes each request's path and its Authorization header."""

    host: str
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    forms: list[dict[str, list[str]]] = field(default_factory=list)


@contextmanager
def serve(
    answer: Callable[[str, str | None], Answer], context: ssl.SSLContext | None = None, address: str = "127.0.0.1"
) -> Iterator[Server]:
    noted = Server("")

    class NotingHandler(Handler):
        def answer(self) -> None:
            if self.command == "POST":
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                noted.forms.append(urllib.parse.parse_qs(form))
            authorization = self.headers.get("Authorization")
            noted.requests.append((self.path, authorization))
            status, headers, body = answer(self.path, authorization)
            self.send(status, body, headers)

    with http_server.serve(NotingHandler, address=address, tls=context) as port:
        noted.host = f"{address}:{port}"
        yield noted


@pytest.fixture
def log_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Keeps credentials as `docker login` does, and a netrc that has others for every server."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login netrc password netrc\n")
    netrc.chmod(0o600)
    folder = tmp_path / "docker"
    folder.mkdir()
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    (folder / "config.json").write_text("{}")

    def log_in(registry: str, **entry: str) -> None:
        kept = entry or {"auth": BASIC.removeprefix("Basic ")}
        (folder / "config.json").write_text(json.dumps({"auths": {registry: kept}}))

    return log_in


def answer_of(layout: Layout, path: str) -> Answer:
    target = path.rpartition("/")[2]
    data = layout.index_document if target == "latest" else layout.blobs.get(target)
    return (200, {}, data) if data is not None else (404, {}, b"{}")


@pytest.fixture
def layout() -> Layout:
    made = Layout()
    made.image([{"a": b"1"}])
    return made


def read(name: str, folder: Path) -> bytes | None:
    image = read_image(f"docker://{name}", EVERYTHING, project=folder, platform="linux/amd64")
    return image.layers[0].entries["a"].data


def guarded(layout: Layout, authorization: str, challenge: str) -> Callable[[str, str | None], Answer]:
    def answer(path: str, given: str | None) -> Answer:
        if given != authorization:
            return 401, {"WWW-Authenticate": challenge}, b"{}"
        return answer_of(layout, path)

    return answer


def test_a_password_goes_to_a_registry_that_asks_for_it(
    layout: Layout, tmp_path: Path, log_in: Callable[..., None]
) -> None:
    challenge = 'Basic realm="https://elsewhere.example/token"'
    with serve(guarded(layout, BASIC, challenge)) as server:
        log_in(server.host)
        assert read(f"{server.host}/team/image:latest", tmp_path) == b"1"
    assert server.requests[0] == ("/v2/team/image/manifests/latest", None), "nothing is sent before it is asked for"


@pytest.mark.parametrize(
    "challenge",
    [
        'Basic realm="{}"',
        'Basic realm="{}",service="it",scope="repository:x:pull"',
        'basic REALM="{}"',
        "Basic realm={}",
        'Basic realm="Bearer realm=\\"{}\\""',
        'Basic realm="it", Basic realm="{}"',
        'Digest realm="{}", Basic realm="it"',
    ],
)
def test_a_password_goes_to_no_address_that_a_basic_challenge_names(
    challenge: str, layout: Layout, tmp_path: Path, log_in: Callable[..., None]
) -> None:
    """Basic means the server that asks (RFC 7617); its realm is a name."""
    with serve(lambda _path, _given: (200, {}, b'{"token": "t"}')) as elsewhere:
        with serve(guarded(layout, BASIC, challenge.format(f"http://{elsewhere.host}/"))) as server:
            log_in(server.host)
            assert read(f"{server.host}/image:latest", tmp_path) == b"1"
    assert elsewhere.requests == []


def test_without_a_login_nothing_is_sent_and_the_error_says_what_to_do(
    layout: Layout, tmp_path: Path, log_in: Callable[..., None]
) -> None:
    with serve(guarded(layout, BASIC, 'Basic realm="x"')) as server:
        log_in("another.example")
        with pytest.raises(ImageError, match="does not let you read") as caught:
            read(f"{server.host}/image:latest", tmp_path)
        assert caught.value.remedy == f"docker login {server.host}"
    assert {given for _path, given in server.requests} == {None}


@pytest.mark.parametrize("key", ["token", "access_token"])
def test_a_token_service_is_asked_for_the_right_to_pull(
    key: str, layout: Layout, tmp_path: Path, log_in: Callable[..., None]
) -> None:
    def grant(_path: str, given: str | None) -> Answer:
        return (200, {}, json.dumps({key: "t0ken"}).encode()) if given == BASIC else (401, {}, b"{}")

    with serve(grant) as service:
        challenge = f'Bearer realm="http://{service.host}/token",service="it, self"'
        with serve(guarded(layout, "Bearer t0ken", challenge)) as server:
            log_in(server.host)
            assert read(f"{server.host}/team/image:latest", tmp_path) == b"1"
    (asked, _given), *rest = service.requests
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(asked).query)
    assert query == {"service": ["it, self"], "scope": ["repository:team/image:pull"], "account": [USER]}
    assert not rest, "one token does for the whole image"
    assert {given for _path, given in server.requests} == {None, "Bearer t0ken"}, "the password is the service's"


def test_an_identity_token_is_exchanged(layout: Layout, tmp_path: Path, log_in: Callable[..., None]) -> None:
    with serve(lambda _path, _given: (200, {}, b'{"access_token": "t0ken"}')) as service:
        challenge = f'Bearer realm="http://{service.host}/token",service="it",scope="repository:image:pull"'
        with serve(guarded(layout, "Bearer t0ken", challenge)) as server:
            log_in(server.host, identitytoken="refresh")
            assert read(f"{server.host}/image:latest", tmp_path) == b"1"
    (form,) = service.forms
    assert form["grant_type"] == ["refresh_token"]
    assert form["refresh_token"] == ["refresh"]
    assert {given for _path, given in service.requests} == {None}


def test_an_identity_token_is_not_sent_on(layout: Layout, tmp_path: Path, log_in: Callable[..., None]) -> None:
    with serve(lambda _path, _given: (200, {}, b'{"token": "t0ken"}')) as other:
        with serve(lambda _path, _given: (307, {"Location": f"http://{other.host}/"}, b"{}")) as service:
            with serve(guarded(layout, "Bearer t0ken", f'Bearer realm="http://{service.host}/t"')) as server:
                log_in(server.host, identitytoken="refresh")
                with pytest.raises(ImageError):
                    read(f"{server.host}/image:latest", tmp_path)
    assert other.requests == []


def test_a_token_service_in_the_clear_gets_no_password(
    layout: Layout, tmp_path: Path, log_in: Callable[..., None]
) -> None:
    with serve(guarded(layout, "Bearer t", 'Bearer realm="http://tokens.example/token"')) as server:
        log_in(server.host)
        with pytest.raises(ImageError, match="credentials of docker login") as caught:
            read(f"{server.host}/image:latest", tmp_path)
    assert "http://tokens.example/token" in caught.value.why


def test_a_layer_kept_elsewhere_is_fetched_without_the_password(
    layout: Layout, tmp_path: Path, log_in: Callable[..., None]
) -> None:
    with serve(lambda path, _given: answer_of(layout, path)) as storage:

        def answer(path: str, given: str | None) -> Answer:
            if "/blobs/" in path and given == BASIC:
                return 307, {"Location": f"http://{storage.host}{path}"}, b""
            return guarded(layout, BASIC, "Basic realm=x")(path, given)

        with serve(answer) as server:
            log_in(server.host)
            assert read(f"{server.host}/image:latest", tmp_path) == b"1"
    assert len(storage.requests) == 2, "the configuration and the layer"
    assert {given for _path, given in storage.requests} == {None}


def test_a_credential_store_is_asked(tmp_path: Path, log_in: Callable[..., None], monkeypatch: Any) -> None:
    program = tmp_path / "docker-credential-test"
    program.write_text('#!/bin/sh\nread server\necho \'{"Username": "u", "Secret": "s"}\'\n')
    program.chmod(0o755)
    config = Path(os.environ["DOCKER_CONFIG"]) / "config.json"
    config.write_text('{"credsStore": "test"}')
    with pytest.raises(SetupError, match=r"registry\.example cannot be read"):
        read_docker_login("registry.example")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found = read_docker_login("registry.example")
    assert found is not None
    assert (found.username, found.password) == ("u", "s")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", {}),
        ("Basic", {}),
        ("Basic realm=x", {"basic": {"realm": "x"}}),
        (
            'Bearer realm="https://a/t",service="b, c",scope="repository:x:pull,push", Basic realm="d \\"e\\""',
            {
                "bearer": {"realm": "https://a/t", "service": "b, c", "scope": "repository:x:pull,push"},
                "basic": {"realm": 'd "e"'},
            },
        ),
    ],
    ids=["none", "no parameters", "unquoted", "two challenges"],
)
def test_challenges(header: str, expected: dict[str, dict[str, str]]) -> None:
    assert parse_challenges(header) == expected


# A real registry: Debian's docker-registry, whose program is the distribution project's own.

real = pytest.mark.skipif(shutil.which("docker-registry") is None, reason="there is no docker-registry here")


@dataclass(frozen=True)
class Authority:
    """A certificate authority that envtool trusts, and a server's certificate by it."""

    folder: Path
    server: trustme.LeafCert

    @property
    def bundle(self) -> Path:
        return self.folder / "ca.pem"


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    made = trustme.CA()
    cert = made.issue_cert("127.0.0.1", HOST)
    made.cert_pem.write_to_path(tmp_path / "ca.pem")
    cert.private_key_pem.write_to_path(tmp_path / "key.pem")
    for blob in cert.cert_chain_pems:
        blob.write_to_path(tmp_path / "cert.pem", append=True)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    return Authority(tmp_path, cert)


@contextmanager
def docker_registry(authority: Authority, auth: Mapping[str, Any]) -> Iterator[str]:
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    folder = authority.folder
    config = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}},
        "http": {
            "addr": f"{HOST}:{port}",
            "secret": "for tests only",
            "tls": {"certificate": str(folder / "cert.pem"), "key": str(folder / "key.pem")},
        },
        "auth": auth,
    }
    # JSON is YAML.
    (folder / "registry.yml").write_text(json.dumps(config))
    with open(folder / "registry.log", "wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", folder / "registry.yml"], stdout=log, stderr=log)
    try:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                requests.get(f"https://{HOST}:{port}/v2/", verify=str(authority.bundle), timeout=2)
                break
            except requests.ConnectionError:
                assert process.poll() is None, (folder / "registry.log").read_text()
                time.sleep(0.1)
        yield f"{HOST}:{port}"
    finally:
        process.terminate()
        process.wait()


def push(registry: str, layout: Layout, authority: Authority, authorize: Callable[[str], str]) -> None:
    """Put the layout's images into the repository `team/image`, and their index as `latest`."""
    address = f"https://{registry}/v2/team/image"
    with requests.Session() as session:
        session.verify = str(authority.bundle)
        session.headers["Authorization"] = authorize("repository:team/image:pull,push")
        session.trust_env = False
        manifests = {str(row["digest"]) for row in layout.index}
        for digest, data in layout.blobs.items():
            if digest not in manifests:
                place = session.post(f"{address}/blobs/uploads/", timeout=30)
                place.raise_for_status()
                location = place.headers["Location"]
                session.put(location, params={"digest": digest}, data=data, timeout=30).raise_for_status()
        documents = [(digest, MANIFEST, layout.blobs[digest]) for digest in manifests]
        for target, kind, data in [*documents, ("latest", INDEX, layout.index_document)]:
            headers = {"Content-Type": kind}
            session.put(f"{address}/manifests/{target}", data=data, headers=headers, timeout=30).raise_for_status()


def image_with_media_types() -> Layout:
    """A real registry wants the media types and sizes that the specification asks for."""
    layout = Layout()
    digest = layout.image([{"a": b"1"}])
    manifest = json.loads(layout.blobs.pop(digest))
    manifest["config"]["mediaType"] = "application/vnd.oci.image.config.v1+json"
    for row in manifest["layers"]:
        row["mediaType"] = "application/vnd.oci.image.layer.v1.tar+gzip"
    layout.index = [{**layout.index[0], **layout.blob(json.dumps(manifest).encode())}]
    return layout


@real
def test_a_real_registry_with_passwords_over_tls(
    authority: Authority, tmp_path: Path, log_in: Callable[..., None]
) -> None:
    (tmp_path / "htpasswd").write_text(f"{USER}:{HTPASSWD}\n")
    layout = image_with_media_types()
    with docker_registry(authority, {"htpasswd": {"realm": "it", "path": str(tmp_path / "htpasswd")}}) as registry:
        push(registry, layout, authority, lambda _scope: BASIC)
        with pytest.raises(ImageError, match="does not let you read"):
            read(f"{registry}/team/image:latest", tmp_path)
        log_in(registry)
        assert read(f"{registry}/team/image:latest", tmp_path) == b"1"
        assert read(f"{registry}/team/image@{layout.index[0]['digest']}", tmp_path) == b"1"
        with pytest.raises(NotInRegistryError):
            read(f"{registry}/team/image:other", tmp_path)


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass(frozen=True)
class TokenIssuer:
    """Signs tokens as the distribution project's "Token Authentication Implementation" has them."""

    key: rsa.RSAPrivateKey
    chain: list[str]

    def issue(self, scope: str) -> str:
        kind, name, actions = scope.split(":")
        now = int(time.time())
        header = {"typ": "JWT", "alg": "RS256", "x5c": self.chain}
        claims = {
            "iss": "issuer",
            "sub": USER,
            "aud": "service",
            "exp": now + 300,
            "nbf": now - 5,
            "iat": now,
            "jti": str(now),
            "access": [{"type": kind, "name": name, "actions": actions.split(",")}],
        }
        text = f"{encode(json.dumps(header).encode())}.{encode(json.dumps(claims).encode())}"
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{encode(signature)}"


@pytest.fixture
def issuer(tmp_path: Path) -> TokenIssuer:
    authority = trustme.CA(key_type=trustme.KeyType.RSA)
    cert = authority.issue_cert("tokens.example", key_type=trustme.KeyType.RSA)
    authority.cert_pem.write_to_path(tmp_path / "tokens.pem")
    key = serialization.load_pem_private_key(cert.private_key_pem.bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    text = cert.cert_chain_pems[0].bytes().decode()
    return TokenIssuer(key, ["".join(text.split("-----")[2].split())])


@real
def test_a_real_registry_with_a_token_service_over_tls(
    authority: Authority, issuer: TokenIssuer, tmp_path: Path, log_in: Callable[..., None]
) -> None:
    def grant(path: str, given: str | None) -> Answer:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)
        if given != BASIC or query["service"] != ["service"]:
            return 401, {"WWW-Authenticate": 'Basic realm="tokens"'}, b"{}"
        return 200, {}, json.dumps({"token": issuer.issue(query["scope"][0])}).encode()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.server.configure_cert(context)
    layout = image_with_media_types()
    with serve(grant, context) as service:
        auth = {
            "realm": f"https://{service.host}/token",
            "service": "service",
            "issuer": "issuer",
            "rootcertbundle": str(tmp_path / "tokens.pem"),
        }
        with docker_registry(authority, {"token": auth}) as registry:
            push(registry, layout, authority, lambda scope: f"Bearer {issuer.issue(scope)}")
            with pytest.raises(ImageError, match="does not let you read"):
                read(f"{registry}/team/image:latest", tmp_path)
            log_in(registry)
            assert read(f"{registry}/team/image:latest", tmp_path) == b"1"


@real
def test_a_real_registry_over_tls_that_leads_to_blobs_on_another_server(
    authority: Authority, tmp_path: Path, log_in: Callable[..., None]
) -> None:
    """As registries do that keep blobs in an object store: the password stays with the registry."""
    (tmp_path / "htpasswd").write_text(f"{USER}:{HTPASSWD}\n")
    layout = image_with_media_types()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.server.configure_cert(context)
    auth = {"htpasswd": {"realm": "it", "path": str(tmp_path / "htpasswd")}}
    with (
        docker_registry(authority, auth) as registry,
        serve(lambda path, _given: answer_of(layout, path), context, HOST) as storage,
    ):
        push(registry, layout, authority, lambda _scope: BASIC)

        def front(path: str, given: str | None) -> Answer:
            headers = {"Authorization": given, "Accept": f"{INDEX}, {MANIFEST}"} if given else {}
            address = f"https://{registry}{path}"
            answer = requests.get(
                address, headers=headers, auth=lambda sent: sent, verify=str(authority.bundle), timeout=9
            )
            if answer.ok and "/blobs/" in path:
                return 307, {"Location": f"https://{storage.host}{path}"}, b""
            names = ("WWW-Authenticate", "Content-Type")
            kept = {name: answer.headers[name] for name in names if name in answer.headers}
            return answer.status_code, kept, answer.content

        with serve(front, context, HOST) as server:
            log_in(server.host)
            assert read(f"{server.host}/team/image:latest", tmp_path) == b"1"
    assert BASIC in {given for _path, given in server.requests}
    assert len(storage.requests) == 2, "the configuration and the layer"
    assert {given for _path, given in storage.requests} == {None}
