"""A program that never ends, prints for ever, or leaves children behind: its time and its room are bounded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from envtool.bounded_process import BoundedProcess
from envtool.driver.ask import DriverQuery, QueryResult, start_query
from envtool.errors import BuildError
from envtool.image.run_program import run
from tests.support.environment import RealEnvironment

TABLE = "| Device | Name | Model |\n| 0 | KT AI Accelerator | Small.64GB |\n"


def driver(folder: Path, program: str) -> DriverQuery:
    """`moreh-smi` as a program of Python's."""
    path = folder / "bin/moreh-smi"
    path.parent.mkdir()
    path.write_text(f"#!{sys.executable}\nimport os, signal, subprocess, sys, time\n{program}")
    path.chmod(0o755)
    query = start_query({**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}"})
    assert isinstance(query, DriverQuery)
    return query


def timed(query: DriverQuery, limit: float) -> tuple[QueryResult, float]:
    begun = time.monotonic()
    result = query.read_result(limit)
    return result, time.monotonic() - begun


@pytest.mark.parametrize(
    "program",
    [
        "time.sleep(60)",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)",
        "os.close(1); os.close(2); time.sleep(60)",
        "while True: print('x' * 10, flush=True); time.sleep(0.01)",
        "os.kill(os.getpid(), signal.SIGSTOP)",
        "[os.fork() for _ in range(3)]; time.sleep(60)",
    ],
    ids=["silent", "deaf", "closed outputs", "a drip", "stopped", "a tree"],
)
def test_program_that_does_not_end(program: str, tmp_path: Path) -> None:
    result, seconds = timed(driver(tmp_path, program), 1)
    assert result.timed_out
    assert seconds < 30


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_program_that_prints_for_ever(stream: str, tmp_path: Path) -> None:
    result, seconds = timed(driver(tmp_path, f"while True: sys.{stream}.write('x' * (1 << 20))"), 20)
    assert "prints without end" in result.problem
    assert seconds < 30


@pytest.mark.parametrize(
    ("start", "leave"),
    [
        ("subprocess.Popen(['sleep', '33'])", ""),
        ("subprocess.Popen(['sleep', '33'], start_new_session=True)", ""),
        ("os.fork() or time.sleep(33)", ""),
        ("os.fork() or (os.setsid(), time.sleep(33))", ""),
        ("subprocess.Popen(['sh', '-c', 'while :; do echo x; done'], start_new_session=True)", ""),
    ],
    ids=["a child", "a child of another session", "a fork", "a daemon", "a daemon that prints"],
)
def test_child_that_holds_the_outputs(start: str, leave: str, tmp_path: Path) -> None:
    """The program's answer counts, and nobody waits for what it left behind."""
    program = f"print({TABLE!r}, end='', flush=True)\n{start}\nos._exit(0)\n{leave}"
    result, seconds = timed(driver(tmp_path, program), 10)
    assert seconds < 30
    assert result.table is not None or "without end" in result.problem


def test_group_ends_with_the_program(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    program = f"child = subprocess.Popen(['sleep', '60'])\nopen({str(note)!r}, 'w').write(str(child.pid))\n"
    driver(tmp_path, program).read_result(10)
    pid = int(note.read_text())
    end = time.monotonic() + 5
    while time.monotonic() < end and is_running(pid):
        time.sleep(0.02)
    assert not is_running(pid)


def is_running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_honest_program(tmp_path: Path) -> None:
    """The innocent twin, which also takes its time and prints in parts."""
    lines = TABLE.splitlines(keepends=True)
    program = f"print({lines[0]!r}, end='', flush=True); time.sleep(0.5); print({lines[1]!r}, end='')"
    result, seconds = timed(driver(tmp_path, program), 10)
    assert result.table is not None
    assert [item.model for item in result.table.devices] == ["Small.64GB"]
    assert seconds < 30


def test_much_output_within_the_limit() -> None:
    ended = BoundedProcess([sys.executable, "-c", "print('x' * 999_999)"]).wait(20)
    assert ended.status == 0
    assert len(ended.out) == 1_000_000


@pytest.mark.parametrize("program", ["", "import os; os.close(1); os.close(2)", "print(1)", "import sys; sys.exit(3)"])
def test_many_that_end_at_once(program: str) -> None:
    for _ in range(20):
        ended = BoundedProcess([sys.executable, "-S", "-E", "-c", program]).wait(20)
        assert ended.status == (3 if "exit" in program else 0)
        assert ended.out == (b"1\n" if "print" in program else b"")


def test_without_handles_of_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a kernel before 5.3."""

    def refuse(_pid: int) -> int:
        raise OSError

    monkeypatch.setattr(os, "pidfd_open", refuse)
    ended = BoundedProcess([sys.executable, "-c", "print(1)"]).wait(20)
    assert (ended.status, ended.out) == (0, b"1\n")
    child = BoundedProcess(["sh", "-c", "sleep 33 & echo 1"])
    begun = time.monotonic()
    assert child.wait(20).out == b"1\n"
    assert time.monotonic() - begun < 5


def test_interrupted_command_ends_what_it_runs(environment: RealEnvironment, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    program = environment.path / "bin/moreh-smi"
    program.write_text(f"#!/bin/sh\necho $$ > {note}\nexec sleep 60\n")
    program.chmod(0o755)
    variables = {**os.environ, **environment.variables, "PATH": f"{program.parent}:{os.environ['PATH']}"}
    # A shell's background jobs, which the tests may be, ignore the signal.
    start = (
        "import runpy, signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "runpy.run_module('envtool', run_name='__main__', alter_sys=True)\n"
    )
    words = [sys.executable, "-c", start, "doctor", "--driver", "--prefix", str(environment.path)]
    process = subprocess.Popen(words, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while not (note.exists() and note.read_text()):
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert not is_running(int(note.read_text()))


def test_a_program_that_builds_may_print_so_much() -> None:
    with pytest.raises(BuildError, match="yes was stopped: it printed more than 64 MiB"):
        run(["yes"])


def test_innocent_twin_a_program_that_ends() -> None:
    assert run([sys.executable, "-c", "print('x' * 1000000)"]) == "x" * 1000000 + "\n"
