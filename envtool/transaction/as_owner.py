"""Runs work as the owner of what it changes: in a forked child that gives root's rights up for good.

The child answers in lines of JSON: nothing that another user's process says is ever unpickled.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import shlex
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from envtool.errors import EnvtoolError, RestoreError
from envtool.language import phrase, tell, translate
from envtool.progress import Progress
from envtool.transaction.postponed_signals import postponed_signals
from envtool.transaction.stop_signals import StopRequest, end_child, stop_requests
from envtool.transaction.worker import die_with_parent

if TYPE_CHECKING:
    from envtool.transaction.owner import Owner

# What is done; whether it did anything, where that is asked.
OwnerWork: TypeAlias = Callable[[Progress], bool | None]
# Bytes of one line that are read: an error's text, at the most.
_LONGEST_LINE = 1 << 20
_BLOCK = 1 << 16
# Milliseconds.
_MOMENT = 100


def run_as_owner(owner: Owner | None, work: OwnerWork, progress: Progress = lambda _name, _done, _total: None) -> bool:
    """Do `work`, as `owner` where there is one, and return what it returns.

    Raises what `work` raises of `EnvtoolError`, and `RestoreError` where this process cannot become that user, or the
    child is killed. Where this process is told to stop, the child is, and cleans up; the signal arrives after that.
    """
    if owner is None:
        return bool(work(progress))
    sys.stdout.flush()
    sys.stderr.flush()
    # From before there is a child until it is gone: a handler that raises might leave it behind at any moment, and in
    # the child it would take root's way out.
    with postponed_signals() as came:
        reading, child = _start_child(owner, work)
        try:
            answer = _follow(reading, progress, came)
        except BaseException:
            end_child(child)
            raise
        finally:
            os.close(reading)
        status = end_child(child) if came else os.waitpid(child, 0)[1]
    return _interpret(answer, status, owner)


def _start_child(owner: Owner, work: OwnerWork) -> tuple[int, int]:
    """Start the child; the open end of the pipe that its answers come from, and its number."""
    reading, writing = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _run_child(owner, work, writing, parent)
    os.close(writing)
    return reading, child


def _follow(reading: int, progress: Progress, came: Sequence[int]) -> dict[str, Any]:
    """Hand the child's progress on until it has answered, is gone, or a signal came."""
    answer: dict[str, Any] = {}
    waiting, rest = select.poll(), b""
    waiting.register(reading, select.POLLIN)
    while not came:
        # For a moment only: a signal that comes just before this call does not end it.
        if not waiting.poll(_MOMENT):
            continue
        data = os.read(reading, _BLOCK)
        if not data:
            break
        *lines, rest = (rest + data).split(b"\n")
        rest = rest if len(rest) <= _LONGEST_LINE else b""
        for line in lines:
            with suppress(ValueError, TypeError):
                row = json.loads(line)
                if "progress" in row:
                    name, done, total = row["progress"]
                    progress(str(name), int(done), int(total))
                else:
                    answer = row
    return answer


def _interpret(answer: dict[str, Any], status: int, owner: Owner) -> bool:
    if "error" in answer:
        kinds = {kind.__name__: kind for kind in _list_kinds(EnvtoolError)}
        name, what, why, remedy = map(str, answer["error"])
        raise kinds.get(name, EnvtoolError)(what, why=why, remedy=remedy)
    if "failure" in answer:
        raise RuntimeError(str(answer["failure"]))
    if "result" not in answer:
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else status >> 8
        signalled, left = tell("signal {number}", number=number), tell("exit status {number}", number=number)
        ended = signalled if os.WIFSIGNALED(status) else left
        raise RestoreError(
            tell(
                "the process that works as {name} ended before its work was done ({ended})",
                name=owner.name,
                ended=ended,
            ),
            why=tell("somebody killed it, or memory ran out"),
            remedy=tell("free some memory and try again: the next run completes what had begun, or takes it back"),
        )
    return bool(answer["result"])


def _list_kinds(kind: type[EnvtoolError]) -> Iterable[type[EnvtoolError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _list_kinds(below)


def _run_child(owner: Owner, work: OwnerWork, writing: int, parent: int) -> NoReturn:
    """Become the owner, do the work, tell how it ended, and end without what Python does at its end."""
    status = 1
    try:
        with os.fdopen(writing, "wb", buffering=0) as stream:

            def send(row: dict[str, Any]) -> None:
                stream.write(json.dumps(row).encode() + b"\n")

            try:
                _become(owner)
                _live_as(owner, parent)
                with stop_requests():
                    result = work(lambda name, done, total: send({"progress": [name, done, total]}))
                send({"result": bool(result)})
                status = 0
            except BaseException as error:  # whatever it is, the parent is told
                send(_describe(error, owner))
    finally:
        os._exit(status)


def _become(owner: Owner) -> None:
    """Give root's rights up. Raises `RestoreError` where the system does not let go of them, or not of all."""
    _keep_code_reachable()
    try:
        os.setgroups(owner.list_groups())
        os.setresgid(owner.gid, owner.gid, owner.gid)
        os.setresuid(owner.uid, owner.uid, owner.uid)
    except OSError as error:
        raise _build_refusal(owner, str(error.strerror)) from error
    if os.getresuid() != (owner.uid,) * 3 or os.getresgid() != (owner.gid,) * 3 or _has_capabilities():
        raise _build_refusal(owner, tell("this process would keep rights of root's"))


def _build_refusal(owner: Owner, why: str) -> RestoreError:
    again = f"setpriv --reuid={owner.uid} --regid={owner.gid} --clear-groups {shlex.join(sys.argv)}"
    return RestoreError(
        tell("root cannot work as {name}, who owns {folder}", name=owner.name, folder=owner.folder),
        why=tell("{why}; a container needs the capabilities SETUID and SETGID for it", why=why),
        remedy=tell("run the command as {name}: {again}", name=owner.name, again=again),
    )


def _has_capabilities() -> bool:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return False
    return any(line.startswith(("CapPrm:", "CapEff:")) and int(line.split()[1], 16) for line in lines)


def _live_as(owner: Owner, parent: int) -> None:
    # A terminal of root's must not be this session's: what the owner's programs type there would be root's commands.
    os.setsid()
    # Later than the change of user, which makes the kernel forget it.
    die_with_parent(parent)
    variables = owner.adapt_variables(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    tempfile.tempdir = None


def _keep_code_reachable() -> None:
    """Let this process go on importing where its user cannot reach envtool or Python, such as below /root.

    What is opened now is found by its number later, without a way to it through folders.
    """
    opened: dict[str, str] = {}

    def anchor(path: str) -> str:
        for top, number in opened.items():
            if path == top or path.startswith(f"{top}/"):
                return number + path[len(top) :]
        try:
            handle = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return path
        opened[path] = f"/proc/self/fd/{handle}"
        return opened[path]

    sys.path[:] = [anchor(path) if path.startswith("/") else path for path in sys.path]
    for module in list(sys.modules.values()):
        folders = getattr(module, "__path__", None)
        if isinstance(folders, list):
            folders[:] = [anchor(path) for path in folders]
    sys.path_importer_cache.clear()
    importlib.invalidate_caches()


def _describe(error: BaseException, owner: Owner) -> dict[str, Any]:
    if isinstance(error, EnvtoolError):
        told = (translate(text) for text in (error.what, error.why, error.remedy))
        return {"error": [type(error).__name__, *told]}
    if isinstance(error, StopRequest):
        return {"error": ["EnvtoolError", phrase("interrupted"), "", ""]}
    if isinstance(error, ImportError):
        what = phrase("{name} cannot read envtool's own files", name=owner.name)
        why = phrase("{error}; its files may be such that only root may read them", error=error)
        remedy = phrase("install envtool where {name} may read it, or run the command as {name}", name=owner.name)
        return {"error": ["SetupError", what, why, remedy]}
    return {"failure": "".join(traceback.format_exception(error))}
