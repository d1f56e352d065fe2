"""The project's own engine: comes up over whatever a killed one left, and leaves nothing."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from envtool.demo.private_engine import PrivateEngine
from envtool.image.engine.client import connect
from tests.support.own_bridge import own_bridge

pytestmark = pytest.mark.docker


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Sockets have names of at most 107 bytes (unix(7)), and containerd's are deep in the folder."""
    with tempfile.TemporaryDirectory(prefix="hac-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("dockerd") is None, reason="an engine can be started by root only, if installed"
)
def test_survives_being_killed(short_folder: Path) -> None:
    engine = PrivateEngine(short_folder / "engine")
    with own_bridge("hac-test1", "172.31.253.1/24") as options:
        _survive(engine, options)
    assert not engine.folder.exists()
    assert list(engine._processes()) == []


def _survive(engine: PrivateEngine, options: Sequence[str]) -> None:
    try:
        engine.start(options)
        for identity in list(engine._processes()):
            os.kill(identity, signal.SIGKILL)
        assert (engine.folder / "docker.pid").exists()
        assert (engine.folder / "docker.sock").exists()
        engine.start(options)
        assert connect(engine.host) is not None
        assert engine.stop()
        assert connect(engine.host) is None
        assert not engine.stop()
    finally:
        engine.remove()
