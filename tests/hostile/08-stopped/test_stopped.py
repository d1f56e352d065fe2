"""A command that is told to stop, in the middle of its work: what it started ends, what it made in passing goes."""

from __future__ import annotations

import io
import os
import select
import signal
import subprocess
import sys
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from envtool.temporary_folder import PREFIX, remove_abandoned, temporary_folder
from tests.support.environment import RealEnvironment
from tests.support.injection import snapshot
from tests.support.someone import SOMEONE, give_to, needs_root
from tests.support.stalling_index import StallingServer, stalling_server

# Seconds. Longer than any command takes to come to where it waits, and to end.
LIMIT = 60.0
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@dataclass(frozen=True)
class Started:
    """A command at work. `temporary` is its TMPDIR, and `mark` is in the environment of all that it starts."""

    process: subprocess.Popen[str]
    temporary: Path
    mark: str

    def find_processes(self) -> list[int]:
        """The processes that bear the mark, the command's own too."""
        found = []
        for folder in Path("/proc").iterdir():
            try:
                if self.mark.encode() in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
            except (OSError, ValueError):
                continue
        return found

    def end_with(self, number: signal.Signals) -> str:
        """Send a signal, and return what the command said on stderr by the time that it ended."""
        os.kill(self.process.pid, number)
        return self.process.communicate(timeout=LIMIT)[1]


def _heed_all() -> None:
    """A run of tests in the background, or behind nohup, may ignore some signals, which its programs inherit."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def start(
    environment: RealEnvironment, *arguments: str, prepare: Callable[[], None] = _heed_all, **variables: str
) -> Started:
    """Start a command whose temporary folder is its own."""
    temporary, mark = environment.path.parent / "temporary", f"mark-{uuid.uuid4()}"
    temporary.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "envtool", *arguments],
        env={**os.environ, **environment.variables, "TMPDIR": str(temporary), "HAC_TEST_MARK": mark, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # The signal is to reach the command alone, as from a service manager.
        start_new_session=True,
        preexec_fn=prepare,
    )
    return Started(process, temporary, mark)


def holds(started: Started, number: signal.Signals, said: str) -> None:
    """Nothing is left of a command that was stopped."""
    assert started.process.returncode == 128 + number, said
    assert "Traceback" not in said
    assert said.endswith("interrupted\n")
    assert started.find_processes() == []
    assert list(started.temporary.iterdir()) == []


@pytest.fixture
def stalling() -> Iterator[StallingServer]:
    """A server that never answers."""
    with stalling_server() as server:
        yield server


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize("command", ["check", "install", "restore", "verify"])
def test_while_it_waits_for_a_network(
    environment: RealEnvironment, stalling: StallingServer, command: str, number: signal.Signals
) -> None:
    index, prefix = f"http://{stalling.address}/simple", ["--prefix", str(environment.path)]
    requirements = environment.path.parent / "requirements.txt"
    requirements.write_text("numpy\n")
    arguments = {
        "check": ["check", *prefix, str(requirements)],
        "install": ["install", *prefix, "numpy"],
        "restore": ["restore", *prefix, "--force", "--vendor", index],
        "verify": ["verify", "--static", f"docker://{stalling.address}/team/image:1"],
    }[command]
    before = snapshot(environment.path)
    started = start(environment, *arguments, PIP_INDEX_URL=index, UV_DEFAULT_INDEX=index)
    assert stalling.was_asked.wait(LIMIT)
    holds(started, number, started.end_with(number))
    assert snapshot(environment.path) == before


@pytest.fixture
def slow_source(tmp_path: Path) -> Path:
    """A source distribution whose build does not end, and that says when it has begun."""
    setup = f"import pathlib, time\npathlib.Path({str(tmp_path / 'begun')!r}).touch()\ntime.sleep(300)\n"
    metadata = "Metadata-Version: 2.1\nName: slow\nVersion: 1.0\n"
    path = tmp_path / "slow-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in (
            ("setup.py", setup),
            ("PKG-INFO", metadata),
            ("backend.py", "from setup import *\n"),
            ("pyproject.toml", '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'),
        ):
            member = tarfile.TarInfo(f"slow-1.0/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def _wait_for(path: Path) -> None:
    end = time.monotonic() + LIMIT
    while not path.exists():
        assert time.monotonic() < end, f"{path} does not appear"
        time.sleep(0.02)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_while_something_is_built(environment: RealEnvironment, slow_source: Path, number: signal.Signals) -> None:
    """The build back end is the grandchild of envtool."""
    before = snapshot(environment.path)
    started = start(environment, "install", "--prefix", str(environment.path), "--no-index", str(slow_source))
    _wait_for(slow_source.with_name("begun"))
    assert len(started.find_processes()) >= 3
    holds(started, number, started.end_with(number))
    assert snapshot(environment.path) == before
    assert not (environment.site_packages / ".hac-restore").exists()


# Starts a program as the owner of the folder that it is given, and says which processes that one and its child are.
_AS_OWNER = """
import os, subprocess, sys
from pathlib import Path
from envtool.transaction.as_owner import run_as_owner
from envtool.transaction.owner import find_owner
def work(_progress):
    with subprocess.Popen(["sleep", "300"]) as program:
        print(program.pid, os.getpid(), flush=True)
        program.wait()
run_as_owner(find_owner([Path(sys.argv[1])]), work)
"""


@needs_root
def test_what_the_owners_process_started_ends_with_it(tmp_path: Path) -> None:
    give_to(SOMEONE, tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", _AS_OWNER, tmp_path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        program, child = map(int, process.stdout.readline().split())
        os.kill(child, signal.SIGTERM)
        said = process.communicate(timeout=LIMIT)[1]
    assert said.splitlines()[-1] == "envtool.errors.EnvtoolError: interrupted"
    assert not Path(f"/proc/{program}").exists()


def test_nohup_is_respected(environment: RealEnvironment, stalling: StallingServer) -> None:
    """Where SIGHUP is ignored already, a command goes on without its terminal."""
    index = f"http://{stalling.address}/simple"

    def ignore() -> None:
        _heed_all()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    command = ["restore", "--prefix", str(environment.path), "--force", "--vendor", index]
    started = start(environment, *command, prepare=ignore)
    assert stalling.was_asked.wait(LIMIT)
    os.kill(started.process.pid, signal.SIGHUP)
    time.sleep(0.5)
    assert started.process.poll() is None
    holds(started, signal.SIGTERM, started.end_with(signal.SIGTERM))


def test_after_a_kill_the_next_command_clears_up(environment: RealEnvironment, stalling: StallingServer) -> None:
    index = f"http://{stalling.address}/simple"
    requirements = environment.path.parent / "requirements.txt"
    requirements.write_text("numpy\n")
    command = ["check", "--prefix", str(environment.path), str(requirements)]
    started = start(environment, *command, PIP_INDEX_URL=index, UV_DEFAULT_INDEX=index)
    assert stalling.was_asked.wait(LIMIT)
    started.process.kill()
    started.process.communicate()
    assert [path.name for path in started.temporary.iterdir() if path.name.startswith(PREFIX)]
    requirements.write_text("torch==2.5.0\n")
    again = start(environment, "check", "--static", "--prefix", str(environment.path), str(requirements))
    again.process.communicate(timeout=LIMIT)
    assert [path.name for path in started.temporary.iterdir() if path.name.startswith(PREFIX)] == []


def test_what_a_killed_command_started_ends_with_it(environment: RealEnvironment, stalling: StallingServer) -> None:
    """A uv that outlived it would write into what the next command clears away."""
    index = f"http://{stalling.address}/simple"
    started = start(environment, "install", "--prefix", str(environment.path), "numpy", PIP_INDEX_URL=index)
    assert stalling.was_asked.wait(LIMIT)
    handles = []
    for pid in started.find_processes():
        # What has ended meanwhile of its own accord is none of those that wait for the index.
        with suppress(ProcessLookupError):
            handles += [os.pidfd_open(pid)] if pid != started.process.pid else []
    assert handles
    started.process.kill()
    started.process.communicate()
    for handle in handles:
        # Readable once that process has ended (pidfd_open(2)).
        assert select.select([handle], [], [], LIMIT)[0]
        os.close(handle)


def test_what_is_started_by_a_dead_command_ends_at_once() -> None:
    code = "import envtool.parent_death as it; it.end_with_parent(0); print('goes on')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")


def test_innocent_twin_what_another_command_works_with_stays(tmp_path: Path) -> None:
    with temporary_folder(tmp_path) as folder:
        remove_abandoned(tmp_path)
        assert folder.is_dir()
        # Another process, which holds no lock of its own on it.
        code = "import sys, pathlib, envtool.temporary_folder as t; t.remove_abandoned(pathlib.Path(sys.argv[1]))"
        subprocess.run([sys.executable, "-c", code, tmp_path], check=True)
        assert folder.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_innocent_twin_nothing_of_others_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").touch()
    (tmp_path / f"{PREFIX}link").symlink_to("precious")
    (tmp_path / f"{PREFIX}file").touch()
    (tmp_path / "hac-other").mkdir()
    remove_abandoned(tmp_path)
    assert (tmp_path / "precious/file").exists()
    assert (tmp_path / "hac-other").exists()


def test_innocent_twin_a_folder_may_move_to_its_place(tmp_path: Path) -> None:
    with temporary_folder(tmp_path) as folder:
        (folder / "content").touch()
        folder.rename(tmp_path / "final")
    assert (tmp_path / "final/content").exists()
    remove_abandoned(tmp_path)
    assert (tmp_path / "final/content").exists()


def test_innocent_twin_many_at_once_do_not_clear_each_others(tmp_path: Path) -> None:
    """A folder that was made a moment ago is not locked yet."""
    code = (
        "import sys, pathlib, envtool.temporary_folder as t\n"
        "place = pathlib.Path(sys.argv[1])\n"
        "for _ in range(200):\n"
        "    with t.temporary_folder(place) as folder:\n"
        "        t.remove_abandoned(place)\n"
        "        (folder / 'file').touch()\n"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, tmp_path]) for _ in range(4)]
    assert [process.wait(LIMIT) for process in started] == [0, 0, 0, 0]
    assert list(tmp_path.iterdir()) == []
