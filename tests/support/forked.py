"""Runs a program of envtool in a child of this process.

It is a process of its own, which may hang, be killed, change its folder or end as it likes. What a new Python costs is
saved: to start it and to import envtool takes longer than most commands do.
"""

from __future__ import annotations

import functools
import gc
import importlib
import io
import os
import select
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

import envtool.cli.application  # noqa: F401 - imported here once, and not in each child
from envtool.cli.main import main

# What modules of envtool's remember of variables, files and the kernel: a new process would look anew.
_REMEMBERING = (
    *("language", "net.tls", "release.read_profile", "requirements.uv_command", "temporary_folder"),
    "transaction.open_folder",
)
_Remembering = type(functools.cache(main))
# The descriptor, after the standard ones, through which a child tells what it imported.
_NAMES = 3


def run_forked(
    arguments: Sequence[str],
    variables: Mapping[str, str],
    *,
    input: str | None = None,
    folder: Path | None = None,
    seconds: float = 120,
    prepare: Callable[[], None] | None = None,
    watch: Callable[[int], subprocess.Popen[bytes]] | None = None,
) -> tuple[int, str, str]:
    """`envtool ARGUMENTS`: its exit status (negative: the signal that ended it), and what it wrote.

    `prepare` is called in the child before envtool begins. `watch` gets the child's number and starts a program that
    ends with it.

    Raises:
        TimeoutExpired: It took longer than `seconds`, and was killed.
    """
    with ExitStack() as stack:
        stdin, out, err, names = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(4))
        stdin.write((input or "").encode())
        stdin.seek(0)
        child = os.fork()
        if child == 0:
            # Nothing of pytest's may run in the child, whatever happens.
            try:
                _become_new((stdin, out, err, names), variables, folder)
                status = _be_envtool(arguments, prepare)
            except BaseException:
                with suppress(BaseException):
                    os.write(2, traceback.format_exc().encode())
                status = 1
            finally:
                os._exit(status)
        watching = watch(child) if watch is not None else None
        status = _wait(child, arguments, seconds)
        if watching is not None:
            watching.wait(seconds)
        said, complained, imported = (_read(stream) for stream in (out, err, names))
    # Commands import what they need as they begin: the next child finds it here.
    for name in imported.split():
        importlib.import_module(name)
    return status, said, complained


def _read(stream: BinaryIO) -> str:
    stream.seek(0)
    return io.TextIOWrapper(stream).read()


def _wait(child: int, arguments: Sequence[str], seconds: float) -> int:
    descriptor = os.pidfd_open(child)
    try:
        ended = select.poll()
        ended.register(descriptor, select.POLLIN)
        if not ended.poll(seconds * 1000):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise subprocess.TimeoutExpired(list(arguments), seconds)
    finally:
        os.close(descriptor)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _become_new(streams: Sequence[BinaryIO], variables: Mapping[str, str], folder: Path | None) -> None:
    """Take what a new process has: streams, variables, a folder, and nothing that is remembered or open."""
    # Looking for cycles would copy all of this process's memory.
    gc.freeze()
    for number, stream in enumerate(streams):
        os.dup2(stream.fileno(), number)
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, closefd=False)  # noqa: SIM115 - they are open to the end
        for number, mode in enumerate(("r", "w", "w"))
    )
    os.closerange(_NAMES + 1, 1 << 16)
    os.set_inheritable(_NAMES, False)
    os.environ.update(variables)
    tempfile.tempdir = None
    for name in _REMEMBERING:
        for value in vars(sys.modules.get(f"envtool.{name}", os)).values():
            if isinstance(value, _Remembering) and value.__module__.startswith("envtool."):
                value.cache_clear()
    if folder is not None:
        os.chdir(folder)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _be_envtool(arguments: Sequence[str], prepare: Callable[[], None] | None) -> int:
    loaded = set(sys.modules)
    sys.argv = ["envtool", *arguments]
    if prepare is not None:
        # What is looked at so closely is to do nothing of its own.
        sys.dont_write_bytecode = True
        prepare()
    try:
        main()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        if prepare is None:
            new = [name for name in sys.modules if name.startswith("envtool.") and name not in loaded]
            os.write(_NAMES, "\n".join(new).encode())
    return status
