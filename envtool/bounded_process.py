"""Runs a program that may do anything: for so long, with so much output, and with all that it started ended."""

from __future__ import annotations

import os
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Any

from envtool.parent_death import make_parent_death_hook

# Bytes of each of its outputs. What envtool reads has some kilobytes.
OUTPUT_LIMIT = 1 << 20
# Seconds between looks whether it has ended, where the kernel does not tell.
_LOOK = 0.01
_BLOCK = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a program ended, and what it printed. `status` is `None` where it had to be stopped.

    `is_too_long`: because it printed more than was allowed; else because its time was up.
    """

    status: int | None
    out: bytes = b""
    err: bytes = b""
    is_too_long: bool = False


class BoundedProcess:
    """A program while it runs, in a process group of its own. Its time begins with it, and it ends with this process.

    The thread that starts it has to wait for it as well.
    Outputs that are not named in `options`, which are those of `subprocess.Popen`, are read. Raises `OSError` where it
    cannot be started.
    """

    def __init__(
        self, command: Sequence[str | os.PathLike[str]], *, environment: Mapping[str, str] | None = None, **options: Any
    ) -> None:
        self._begun = time.monotonic()
        settings: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            # Away from the terminal as well, unless that is asked for.
            "start_new_session": "process_group" not in options,
            # Killed alone, this process would leave a program behind that writes into what the next command removes.
            "preexec_fn": make_parent_death_hook(),
            **options,
        }
        variables = dict(environment) if environment is not None else None
        self._process = subprocess.Popen(list(command), env=variables, **settings)
        self._pipes: list[IO[bytes]] = [pipe for pipe in (self._process.stdout, self._process.stderr) if pipe]
        for pipe in self._pipes:
            os.set_blocking(pipe.fileno(), False)

    def bound_memory(self, size: int) -> None:
        """Let it have so many bytes of memory. Raises `OSError` where it has ended already."""
        resource.prlimit(self._process.pid, resource.RLIMIT_AS, (size, size))

    def wait(self, time_limit: float, output_limit: int = OUTPUT_LIMIT) -> Ended:
        """Read what it prints until it ends, for at most `time_limit` seconds from its start on.

        Whatever it started in its group ends with it.
        """
        told = {pipe: bytearray() for pipe in self._pipes}
        try:
            is_too_long = self._read(told, self._begun + time_limit, output_limit)
            is_complete = not is_too_long and self._has_ended()
        finally:
            self._end()
        out, err = (
            bytes(told[pipe][:output_limit]) if pipe is not None else b""
            for pipe in (self._process.stdout, self._process.stderr)
        )
        status = self._process.returncode if is_complete else None
        return Ended(status=status, out=out, err=err, is_too_long=is_too_long)

    def _end(self) -> None:
        # The group first: once the program is waited for, its number may be another's.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for pipe in self._pipes:
            pipe.close()
        self._process.kill()
        self._process.wait()

    def _read(self, told: dict[IO[bytes], bytearray], deadline: float, limit: int) -> bool:
        """Read until it has ended or must end; whether it printed too much."""
        with selectors.DefaultSelector() as selector, _open_handle(self._process.pid) as handle:
            sources: list[Any] = [*told, *([handle] if handle is not None else [])]
            for source in sources:
                selector.register(source, selectors.EVENT_READ)
            while (left := deadline - time.monotonic()) > 0:
                # Looked at before the pipes are: what it printed at its end is there by then.
                has_ended = self._has_ended()
                events = selector.select(0 if has_ended else left if handle is not None else min(left, _LOOK))
                ready: list[Any] = [key.fileobj for key, _mask in events if key.fileobj != handle]
                for pipe in ready:
                    block = os.read(pipe.fileno(), _BLOCK)
                    told[pipe] += block
                    if not block:
                        selector.unregister(pipe)
                    if len(told[pipe]) > limit:
                        return True
                if has_ended and not ready:
                    return False
        return False

    def _has_ended(self) -> bool:
        """Whether it is a process no more; without taking its status, which would set its number free."""
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


@contextmanager
def _open_handle(pid: int) -> Iterator[int | None]:
    """A handle that can be read when the process has ended; `None` on a kernel without such handles."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        yield None
        return
    try:
        yield handle
    finally:
        os.close(handle)
