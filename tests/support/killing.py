"""Runs envtool so that it is killed at a chosen point of its work."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.support.environment import RealEnvironment

# Kills the process just before the n-th change of the file system that it makes in site-packages.
_KILL_AT = """
import os, signal, sys
limit = int(sys.argv.pop(1))
count = 0
EVENTS = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree"}
def paths(event, arguments):
    # The second of mkdir's is the mode.
    for argument in arguments[:1] + arguments[2:] if event == "os.mkdir" else arguments:
        # A folder by the number under which it is open, as the one that a name is in.
        opened = isinstance(argument, int) and argument >= 0
        text = os.readlink(f"/proc/self/fd/{argument}") if opened else str(argument)
        if text.startswith("/proc/self/fd/"):
            text = os.path.realpath(text)
        yield text
def audit(event, arguments):
    global count
    if event in EVENTS and any("site-packages" in path for path in paths(event, arguments)):
        count += 1
        if count > limit:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(audit)
from envtool.cli.main import main
main()
"""


def killed_at(limit: int, environment: RealEnvironment, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """`envtool ARGUMENTS`, killed after `limit` changes of the file system below site-packages."""
    command = [sys.executable, "-c", _KILL_AT, str(limit), *arguments]
    variables = {**os.environ, **environment.variables}
    return subprocess.run(command, env=variables, capture_output=True, check=False, timeout=120)
