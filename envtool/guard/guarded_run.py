"""Runs a command, and looks before and afterwards at an environment's torch: the stages of `envtool guard run`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from envtool.doctor.diagnose import diagnose
from envtool.environment.effective_pin import find_effective_pin
from envtool.environment.prefix import Prefix, find_prefix
from envtool.environment.reader import read_environment
from envtool.told_kind import Severity

if TYPE_CHECKING:
    from envtool.doctor.findings import Finding, Report
    from envtool.release.pin import VendorPin

# As a shell tells that a program is not there, that it cannot be run, and that a signal ended it.
NOT_FOUND, NOT_RUN, BY_SIGNAL = 127, 126, 128
_PASSED_ON = (signal.SIGTERM, signal.SIGHUP)
# Of pip and uv, and of conda.
_ENVIRONMENT_OPTIONS = frozenset({"--python", "-p", "--prefix"})
# Tools that work in the `.venv` of the project that they are started in.
_PROJECT_TOOLS = frozenset({"uv", "poetry", "pdm"})


@dataclass(frozen=True, kw_only=True)
class GuardedRunRequest:
    """A command, and the environment whose torch is looked at: named, or the one that the command works in."""

    command: tuple[str, ...]
    prefix: Path | None = None
    python: Path | None = None


@dataclass(frozen=True, kw_only=True)
class GuardedRunResult:
    """How the command ended, as a shell tells it, and what doctor says before and afterwards.

    `pin` is what was there before, which afterwards nothing may tell any more; `None`: no vendor's torch was there.
    """

    prefix: Prefix
    status: int
    pin: VendorPin | None
    before: Report
    after: Report

    @property
    def damage(self) -> tuple[Finding, ...]:
        """The errors that were not there before."""
        known = {(item.kind, item.distribution, item.title) for item in self.before.findings}
        return tuple(
            item
            for item in self.after.findings
            if item.severity is Severity.ERROR and (item.kind, item.distribution, item.title) not in known
        )


def run_guarded(request: GuardedRunRequest) -> GuardedRunResult:
    """Run a command with this program's own terminal, and look at torch before and afterwards. Raises `EnvtoolError`.

    What was there is held against what is there then; nothing is changed here.
    """
    prefix = find_command_prefix(request)
    environment = read_environment(prefix)
    pin = find_effective_pin(environment)
    before = diagnose(environment, pin)
    status = _run_command(request.command)
    after = diagnose(read_environment(prefix), pin)
    return GuardedRunResult(prefix=prefix, status=status, pin=pin, before=before, after=after)


def find_command_prefix(request: GuardedRunRequest) -> Prefix:
    """The environment that a command changes.

    The one that is named, here or to the command itself; that of the command's program; the project's; the active one.
    """
    if request.prefix is not None or request.python is not None:
        return find_prefix(request.prefix, request.python)
    named = _find_named_environment(request.command)
    if named is not None:
        return find_prefix(named) if named.is_dir() else find_prefix(python=named)
    program = shutil.which(request.command[0])
    if program is not None and _is_of_environment(Path(program).absolute()):
        return find_prefix(Path(program).absolute().parents[1])
    if not any(os.environ.get(name) for name in ("CONDA_PREFIX", "VIRTUAL_ENV")):
        folder = Path.cwd()
        words = {Path(word).name for word in request.command}
        for candidate in (folder, *folder.parents) if words & _PROJECT_TOOLS else ():
            if (candidate / ".venv/pyvenv.cfg").is_file():
                return find_prefix(candidate / ".venv")
    return find_prefix()


def _find_named_environment(command: Sequence[str]) -> Path | None:
    """What an option of pip's, uv's or conda's names: an interpreter, or an environment's folder, that is there."""
    for word, following in zip(command, [*command[1:], ""], strict=True):
        option, separator, value = word.partition("=")
        path = Path(value if separator else following)
        if (
            option in _ENVIRONMENT_OPTIONS
            and path.name
            and path.exists()
            and (path.is_dir() or path.parent.name == "bin")
        ):
            return path.absolute()
    return None


def _is_of_environment(program: Path) -> bool:
    """Whether a program is an environment's own Python or pip, by where it lies."""
    is_own = program.name.startswith(("python", "pip")) and program.parent.name == "bin"
    root = program.parents[1] if is_own else program
    return is_own and ((root / "pyvenv.cfg").is_file() or (root / "conda-meta").is_dir())


def _run_command(command: Sequence[str]) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        with subprocess.Popen(list(command)) as process, _signals_for(process):
            status = process.wait()
    except FileNotFoundError:
        return NOT_FOUND
    except OSError:
        return NOT_RUN
    return status if status >= 0 else BY_SIGNAL - status


@contextmanager
def _signals_for(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Outlive the command whatever stops it, so that what it did is looked at.

    Ctrl-C reaches the command from the terminal; where there is none it is passed on, like what asks it to end.
    """

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGINT or not sys.stdin.isatty():
            process.send_signal(number)

    # A handler, and not to ignore it: that the command would inherit.
    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, *_PASSED_ON)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
