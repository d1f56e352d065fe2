"""The guard on an unchanged environment, the fronts, the look at a start, and a build that has nothing to do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.commands import Command, run_command
from benchmarks.environments import TOOLS
from benchmarks.timing import Row, make_difference_row, make_peak_row, make_ratio_row, time_alternately

if TYPE_CHECKING:
    from benchmarks.report import Report
    from benchmarks.workplace import Workplace

# Runs inside the image, because starting a container takes a hundred times what is measured.
_INSIDE = """
import json, subprocess, sys, time
count, command = int(sys.argv[1]), sys.argv[2]
commands = json.loads(command) if command.startswith("[") else [
    ["/opt/hac/bin/hac-shell", "-c", command], ["/bin/sh", "-c", command]]
found = [[], []]
for number in range(count + 1):
    for index, words in enumerate(commands):
        start = time.perf_counter()
        subprocess.run(words, check=True)
        if number:
            found[index].append(time.perf_counter() - start)
print(json.dumps(found))
"""
# What an install does that has nothing to do with torch, as far as the guard can see: a distribution of Python only,
# and one with a shared object, which is looked into.
_CHANGE = (
    "cd $CONDA_PREFIX/lib/python3.11/site-packages; rm -rf other*; mkdir other other-1.0.dist-info;"
    " cd other-1.0.dist-info; echo Name: other >METADATA; echo other/{0},, >RECORD; echo >../other/{0}"
)


def measure(workplace: Workplace, report: Report) -> None:
    """A build that has nothing to do, and the guard in the image that it leaves."""
    with report.attempt("build, nothing to do"):
        report.add([_build(workplace.project)])
    with report.attempt("guard"):
        report.add(_measure_guard())
    with report.attempt("fronts"):
        report.add(_measure_fronts())


def _measure_guard() -> list[Row]:
    """The guard in hac-base, which must have been built: nothing changed, or site-packages but not torch."""
    rows = []
    container = ["docker", "run", "--rm", "-i", "--network", "none", "hac-base", "python", "-"]
    for what, count, instruction, limit in (
        ("nothing changed", 200, "true", 5.0),
        ("torch unchanged", 30, _CHANGE.format("__init__.py"), 60.0),
        ("torch unchanged, shared object", 30, _CHANGE.format("native.so"), 60.0),
    ):
        done = run_command([*container, str(count), instruction], input=_INSIDE)
        ours, theirs = json.loads(done.stdout)
        rows.append(make_difference_row(f"guard, {what}", ours, "/bin/sh -c", theirs, limit, "ms", 1e3))
    return rows


# What stands in front of a program that does nothing, and the program alone; python -m pip does what pip does.
_NOTHING = "printf '#!/bin/sh\\n' >/tmp/pip; chmod +x /tmp/pip; mkdir /tmp/b; mv /tmp/pip /tmp/b"
_FRONT = "PATH=/opt/hac/fronts:/tmp/b:$PATH HAC_GUARDED={} exec {} --version"
_FRONTS = (
    ("front of pip", 100, [_FRONT.format("", "pip"), _FRONT.format("1", "/tmp/b/pip")], "the program alone", 15.0),
    (
        "front of python -m pip",
        30,
        [_FRONT.format("", "python -m pip"), _FRONT.format("1", "python -m pip")],
        "python -m pip alone",
        40.0,
    ),
    ("start check", 100, ["exec /opt/hac/bin/hac-start true", "exec true"], "true", 20.0),
)


def _measure_fronts() -> list[Row]:
    """What stands before pip, and the look at a container's start."""
    rows = []
    script = f'{_NOTHING}; exec python - "$@"'
    container = ["docker", "run", "--rm", "-i", "--network", "none", "hac-base", "sh", "-c", script, "sh"]
    for what, count, scripts, peer, limit in _FRONTS:
        commands = json.dumps([["/bin/sh", "-c", f"{words} >/dev/null"] for words in scripts])
        done = run_command([*container, str(count), commands], input=_INSIDE)
        ours, theirs = json.loads(done.stdout)
        rows.append(make_difference_row(what, ours, peer, theirs, limit, "ms", 1e3))
    return rows


def _build(project: Path, runs: int = 5) -> Row:
    """A second `envtool build`, against the engine's own answer."""
    ours, theirs = time_alternately([_build_command(project), ["docker", "version"]], runs)
    return make_difference_row("build, nothing to do", ours, "docker version", theirs, 2, "s", 1)


def _build_command(project: Path) -> Command:
    return [TOOLS / "envtool", "build", "--demo", "--project", project]


_BIG = "hac-bench-big"
_SIZE = 2_000_000_000


def measure_large(workplace: Workplace, report: Report) -> None:
    """What reads whole images, on one of 2 GB with a real environment in it, against `docker save`."""
    run_command(_build_command(workplace.project))
    try:
        _make_large(workplace.environment, workplace.folder / "context")
        with report.attempt("doctor --image"):
            report.add([_measure_doctor()])
        with report.attempt("blame and verify --static"):
            report.add(_measure_readers())
    finally:
        subprocess.run(["docker", "rmi", "--force", _BIG], check=False, capture_output=True)


def _make_large(environment: Path, context: Path) -> None:
    # Hard links: the engine is sent a copy in any case.
    shutil.copytree(environment, context / "environment", symlinks=True, copy_function=os.link)
    size = sum(path.lstat().st_size for path in (context / "environment").rglob("*"))
    (context / "filler").write_bytes(os.urandom(max(_SIZE - size - 300_000_000, 0)))
    lines = ["FROM hac-base", "COPY environment /opt/environment", "COPY filler /opt/filler", "ENV HAC_GUARD=off", ""]
    (context / "Dockerfile").write_text("\n".join(lines))
    run_command(["docker", "build", "--quiet", "--tag", _BIG, context])


# envtool with layers hashed by the thread that reads them, in place of one of their own.
_HASHED_IN_LINE = """
import sys
from concurrent.futures import Future
from contextlib import nullcontext
from envtool.cli.main import main
from envtool.image.read import layer
class Worker:
    def submit(self, function, *arguments):
        done = Future()
        done.set_result(function(*arguments))
        return done
layer.ThreadPoolExecutor = lambda _count: nullcontext(Worker())
sys.argv[0] = "envtool"
main()
"""


def _measure_doctor(runs: int = 6) -> Row:
    doctor: Command = [TOOLS / "envtool", "doctor", "--image", _BIG, "--prefix", "/opt/environment"]
    ours, theirs = time_alternately([doctor, ["sh", "-c", f"docker save {_BIG} | cat >/dev/null"]], runs)
    return make_ratio_row("doctor --image, 2 GB", ours, "docker save | cat", theirs, 1.5)


def _measure_readers(runs: int = 6) -> list[Row]:
    readers: dict[str, Command] = {
        "blame": [TOOLS / "envtool", "blame", _BIG],
        "verify --static": [TOOLS / "envtool", "verify", "--static", _BIG],
    }
    in_line: Command = [sys.executable, "-c", _HASHED_IN_LINE, "blame", _BIG]
    listing: Command = ["sh", "-c", f"docker save {_BIG} | tar t >/dev/null"]
    # Its guard is off, which verify holds against it.
    reading = [["sh", "-c", '"$@" || [ $? = 1 ]', "sh", *words] for words in (*readers.values(), in_line)]
    *found, hashed_in_line, theirs = time_alternately([*reading, listing], runs)
    rows = []
    for (what, words), ours in zip(readers.items(), found, strict=True):
        rows.append(make_ratio_row(f"{what}, 2 GB", ours, "docker save | tar t", theirs, 1.3))
        rows.append(make_peak_row(f"{what}, peak memory", words, 150.0, statuses=(0, 1)))
    # Above it, the thread is more than it is worth.
    rows.append(make_ratio_row("blame, 2 GB, hashed by a thread", found[0], "hashed in line", hashed_in_line, 0.8))
    return rows
