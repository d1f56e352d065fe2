"""Images read through an engine that is elsewhere, answers badly, or goes away in the middle."""

from __future__ import annotations

import os
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from envtool.errors import EngineError
from envtool.image.engine.client import Engine
from envtool.image.read.layer import CAPTURE_NOTHING
from envtool.image.read.reference import read_image
from tests.support.docker_envtool import envtool
from tests.support.image_layout import layer

pytestmark = pytest.mark.docker
_BLOCK = 1 << 16


@dataclass
class Relay:
    """Passes connections on to the real engine. `cut` is how many bytes of a saved image it lets through.

    Then it ends the connection, or all of them where it `dies`, or is silent where it `stalls`.
    `refuses` answers requests of HTTP/1.0 as a proxy does that knows none.
    """

    engine: str
    cut: int | None = None
    dies: bool = False
    stalls: bool = False
    refuses: bool = False
    dead: bool = False
    saved: int = 0
    clients: list[socket.socket] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def serve(self, client: socket.socket) -> None:
        """One connection, to its end."""
        self.clients.append(client)
        with socket.socket(socket.AF_UNIX) as upstream:
            upstream.connect(self.engine)
            first = client.recv(_BLOCK)
            if self.dead or not first:
                return
            if self.refuses and b" HTTP/1.0\r\n" in first:
                client.sendall(b"HTTP/1.0 505 HTTP Version Not Supported\r\nContent-Length: 0\r\n\r\n")
                return
            upstream.sendall(first)
            threading.Thread(target=self._forward, args=(client, upstream), daemon=True).start()
            is_saving = b"/get HTTP" in first
            self.saved += is_saving
            self._back(upstream, client, self.cut if is_saving else None)

    def _back(self, upstream: socket.socket, client: socket.socket, left: int | None) -> None:
        while left != 0 and (data := upstream.recv(_BLOCK if left is None else min(left, _BLOCK))):
            client.sendall(data)
            left = None if left is None else left - len(data)
        if self.stalls and left == 0:
            self.ended.wait()
        self.dead = self.dies and left == 0
        for other in self.clients if self.dead else ():
            with suppress(OSError):
                other.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _forward(client: socket.socket, upstream: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(_BLOCK):
                upstream.sendall(data)


@contextmanager
def relayed(relay: Relay, address: str | tuple[str, int]) -> Iterator[str]:
    """The relay at an address, for DOCKER_HOST."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            relay.serve(self.request)

    kind = socketserver.ThreadingUnixStreamServer if isinstance(address, str) else socketserver.ThreadingTCPServer
    with kind(address, Handler) as server:  # type: ignore[arg-type]
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"unix://{address}" if isinstance(address, str) else f"tcp://127.0.0.1:{server.socket.getsockname()[1]}"
        relay.ended.set()
        server.shutdown()


@pytest.fixture(scope="module")
def image(engine: Engine) -> Iterator[str]:
    """An image of some megabytes, in one layer."""
    name = "hac-test-streamed:latest"
    engine.client.api.import_image_from_data(layer({"data": os.urandom(9 << 20)}), repository=name.partition(":")[0])
    yield name
    engine.client.images.remove(name)


@pytest.fixture
def relay(engine: Engine) -> Relay:
    return Relay(engine.host.removeprefix("unix://"))


@pytest.mark.parametrize("way", ["tcp", "unix", "unix without HTTP/1.0"])
def test_every_way_to_an_engine_reads_the_same(
    way: str, relay: Relay, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = read_image(image, CAPTURE_NOTHING, project=tmp_path)
    relay.refuses = way.endswith("1.0")
    with relayed(relay, ("127.0.0.1", 0) if way == "tcp" else str(tmp_path / "socket")) as host:
        monkeypatch.setenv("DOCKER_HOST", host)
        found = read_image(image, CAPTURE_NOTHING, project=tmp_path)
    assert [layer.diff_id for layer in found.layers] == [layer.diff_id for layer in expected.layers]
    assert found.identity == expected.identity


@pytest.mark.parametrize("cut", [1500, 5_000_000])
@pytest.mark.parametrize("dies", [False, True])
def test_an_answer_that_breaks_off(cut: int, dies: bool, relay: Relay, image: str, tmp_path: Path) -> None:
    relay.cut, relay.dies = cut, dies
    with relayed(relay, str(tmp_path / "socket")) as host:
        done = envtool("verify", "--static", image, DOCKER_HOST=host)
    assert relay.saved == 1
    if dies:
        assert f"error: the Docker Engine at {host} went away" in done.output
        assert "next: docker info" in done.output
    else:
        assert "cut off" in done.output
        assert "next:" in done.output
    assert done.status not in {0, 1}


@pytest.mark.parametrize("cut", [0, 5_000_000])
def test_an_engine_that_falls_silent(
    cut: int, relay: Relay, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("client", "engine_stream"):
        monkeypatch.setattr(f"envtool.image.engine.{module}.TIMEOUT", 1)
    relay.cut, relay.stalls = cut, True
    with relayed(relay, str(tmp_path / "socket")) as host:
        monkeypatch.setenv("DOCKER_HOST", host)
        with pytest.raises(EngineError, match=f"the Docker Engine at {host} does not answer") as caught:
            read_image(image, CAPTURE_NOTHING, project=tmp_path)
    assert "for 1 seconds" in caught.value.why
    assert "docker info" in caught.value.remedy


def test_an_error_instead_of_an_image(relay: Relay, tmp_path: Path) -> None:
    with relayed(relay, str(tmp_path / "socket")) as host:
        done = envtool("verify", "--static", "hac-test-no-such-image", DOCKER_HOST=host)
    assert "there is no image hac-test-no-such-image" in done.output
