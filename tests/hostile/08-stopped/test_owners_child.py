"""A stop that comes at any moment of root's work as an owner ends both processes and leaves nothing behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.someone import SOMEONE, give_to, let_everybody_read, needs_root

pytestmark = needs_root

# Stops root's process when itself, or its child, comes to the n-th line of what makes the child and waits for it, and
# of the work. Both go on for a minute unless they are stopped, so that there is a line for each moment.
PROGRAM = """
import os, signal, sys, threading, time
from pathlib import Path
from envtool.transaction import as_owner, change, delete, postponed_signals, scope, staging, stop_signals, worker
from envtool.transaction.owner import Owner
moment, number, whose, times, folder = (int(word) if word.isdigit() else word for word in sys.argv[1:])
someone = os.stat(folder).st_uid
root, seen = os.getpid(), 0
watched = {module.__name__ for module in (as_owner, change, postponed_signals, staging, stop_signals, worker)}
def count(frame, event, _argument):
    global seen
    if event == "line" and (os.getpid() == root) == (whose == "parent"):
        seen += 1
        if moment <= seen < moment + times:
            os.kill(root, number if seen == moment else signal.SIGTERM)
    return count
def trace(frame, _event, _argument):
    return count if frame.f_globals.get("__name__") in watched | {"__main__"} else None
def stage(place):
    Path(place, "half").write_text("of something")
    print("staged", flush=True)
    for _ in range(3000):
        time.sleep(0.02)
    return ()
where = scope.ChangeScope(
    prefix=Path(folder), lock=Path(folder), staging_root="site-packages", roots={"site-packages": Path(folder)}
)
def work(_report):
    change.make_change(where, stage)
# A run of tests in the background ignores it, which its programs inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)
threading.excepthook = sys.excepthook
try:
    with stop_signals.stop_requests():
        sys.settrace(trace)
        as_owner.run_as_owner(Owner(someone, someone, Path(folder)), work)
except stop_signals.StopRequest as request:
    sys.exit(request.exit_status)
"""
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Lines, forty for each: root's process comes to its wait within them; the child's way to its work is longer.
MOMENTS = {"parent": range(1, 41), "child": (*range(1, 29), 33, 39, 47, 57, 69, 83, 101, 127, 160, 201, 250, 310)}


@dataclass(frozen=True)
class Stopped:
    """How it ended, and what it left."""

    moment: int
    status: int
    errors: str
    left: list[str]


def stop_at(moment: int, whose: str, times: int, folder: Path) -> Stopped:
    folder.mkdir()
    give_to(SOMEONE, folder)
    number = STOPS[moment % len(STOPS)]
    words = [sys.executable, "-c", PROGRAM, str(moment), str(int(number)), whose, str(times), str(folder)]
    # The end of its output is the end of both processes.
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    return Stopped(moment, done.returncode, done.stderr, [path.name for path in folder.iterdir()])


@pytest.mark.parametrize(("whose", "times"), [("parent", 1), ("parent", 3), ("child", 1), ("child", 2)])
def test_a_stop_at_any_moment(tmp_path: Path, whose: str, times: int) -> None:
    let_everybody_read(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        stopped = list(pool.map(lambda moment: stop_at(moment, whose, times, tmp_path / str(moment)), MOMENTS[whose]))
    for each in stopped:
        assert each.left == [], each
        assert each.errors == "", each
        assert each.status in {128 + int(number) for number in STOPS}, each


# The signal is noted, and interrupts no call: as where it comes just before the call.
UNNOTICED = """
import _thread, os, signal, sys, threading, time
from pathlib import Path
from envtool.transaction.as_owner import run_as_owner
from envtool.transaction.owner import Owner
from envtool.transaction.stop_signals import StopRequest, stop_requests
number, folder = int(sys.argv[1]), sys.argv[2]
someone = os.stat(folder).st_uid
signal.signal(signal.SIGINT, signal.default_int_handler)
half = Path(folder, "half")
def stop():
    while not half.exists():
        time.sleep(0.01)
    _thread.interrupt_main(number)
threading.Thread(target=stop, daemon=True).start()
def work(_report):
    half.touch()
    try:
        time.sleep(3600)
    finally:
        half.unlink()
try:
    with stop_requests():
        run_as_owner(Owner(someone, someone, Path(folder)), work)
except StopRequest as request:
    sys.exit(request.exit_status)
"""


@pytest.mark.parametrize("number", STOPS, ids=lambda number: number.name)
def test_a_stop_that_interrupts_no_call(tmp_path: Path, number: signal.Signals) -> None:
    let_everybody_read(tmp_path)
    give_to(SOMEONE, tmp_path)
    words = [sys.executable, "-c", UNNOTICED, str(int(number)), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (128 + number, "")
    assert list(tmp_path.iterdir()) == []
