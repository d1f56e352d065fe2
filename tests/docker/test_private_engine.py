"""The project's own engine: comes up over whatever a killed one left, and leaves nothing."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from envtool.demo.private_engine import PrivateEngine
from envtool.image.engine.client import connect

pytestmark = pytest.mark.docker

# Beside another engine on one machine, it must leave that one's bridge and packet filter alone.
OPTIONS = ("--bridge=none", "--iptables=false")


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
    try:
        engine.start(OPTIONS)
        for identity in list(engine._processes()):
            os.kill(identity, signal.SIGKILL)
        assert (engine.folder / "docker.pid").exists()
        assert (engine.folder / "docker.sock").exists()
        engine.start(OPTIONS)
        assert connect(engine.host) is not None
        assert engine.stop()
        assert connect(engine.host) is None
        assert not engine.stop()
    finally:
        engine.remove()
    assert not engine.folder.exists()
    assert list(engine._processes()) == []
