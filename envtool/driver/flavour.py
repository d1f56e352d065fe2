"""Changes the accelerator's flavour by its name: drives the vendor's program, which asks for numbers that vary."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import termios
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from envtool.driver.ask import TIME_LIMIT, DriverQuery, QueryResult, mask_tokens, start_query
from envtool.driver.inspect_jobs import make_query_error, make_report
from envtool.driver.jobs import JOB_STATES, AcceleratorJob
from envtool.errors import DriverError
from envtool.language import Message, join_messages, tell
from envtool.program_path import find_trusted_program
from envtool.release.read_profile import load_service

_PROGRAM = load_service().switch
# Seconds for each answer of the program, which asks a server; and of silence after a list that no known prompt follows.
_ANSWER_LIMIT = 60.0
_SILENCE = 15.0
_OUTPUT_LIMIT = 1 << 20
_BLOCK = 1 << 12
_PROMPT = re.compile(r"Selection\b[^\n]*:[ \t]*\Z")
_ROW = re.compile(r"^[ \t]*(\d{1,3})[.)][ \t]+(\S[^\n]*?)[ \t]*(\*?)[ \t]*$", re.MULTILINE)
_CURRENT = re.compile(r"^[ \t]*Current\b[^:\n]*:[ \t]*(\S[^\n]*?)[ \t]*$", re.MULTILINE)
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True, kw_only=True)
class FlavourMenu:
    """What the program offers: each name with its number, and the one that is set."""

    numbers: Mapping[str, str]
    current: str | None

    def find(self, name: str) -> str | None:
        """The name as the program writes it."""
        exact = [known for known in self.numbers if known == name]
        return next(iter(exact or [known for known in self.numbers if known.lower() == name.lower()]), None)


@dataclass(frozen=True, kw_only=True)
class FlavourRequest:
    """`name` is the flavour to change to; without one they are only listed."""

    name: str | None = None
    variables: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    time_limit: float = _ANSWER_LIMIT


@dataclass(frozen=True, kw_only=True)
class FlavourResult:
    """What can be had, which one is set now, and which one was before. `is_verified`: the driver says the same."""

    names: tuple[str, ...]
    current: str | None
    previous: str | None
    is_verified: bool


def select_flavour(request: FlavourRequest) -> FlavourResult:
    """List the flavours, or change to one and see whether it is so.

    Raises `DriverError`: there is no such program or flavour, a job holds the accelerator, or it did not work.
    """
    program = find_trusted_program(_PROGRAM, request.variables)
    if program is None:
        raise DriverError(
            tell("there is no {program} here", program=_PROGRAM),
            why=tell("it is not on PATH; from release 25.4 on ACCELERATOR_PLATFORM_FLAVOR=NAME chooses the flavour"),
            remedy=load_service().words.update,
        )
    if request.name is not None:
        _require_free(_ask(request))
    with _Dialogue(program, request) as dialogue:
        listed = dialogue.read_answer()
        menu = parse_menu(listed)
        if not menu.numbers:
            raise _make_failure(dialogue, listed)
        names = tuple(menu.numbers)
        if request.name is None:
            dialogue.answer("q")
            return FlavourResult(names=names, current=menu.current, previous=menu.current, is_verified=False)
        name = menu.find(request.name)
        if name is None:
            raise DriverError(
                tell("there is no flavour {name}", name=request.name),
                why=tell("{program} offers: {names}", program=_PROGRAM, names=", ".join(names)),
                remedy="envtool flavour",
            )
        if name != menu.current:
            dialogue.answer(menu.numbers[name])
            _require_switched(dialogue, dialogue.read_answer(), name)
        dialogue.answer("q")
    is_verified = _verify(_ask(request), name)
    return FlavourResult(names=names, current=name, previous=menu.current, is_verified=is_verified)


def parse_menu(text: str) -> FlavourMenu:
    """The last list in what the program printed; pure."""
    numbers: dict[str, str] = {}
    marked = None
    for number, name, mark in _ROW.findall(text):
        if number == "1":
            numbers, marked = {}, None
        numbers[name] = number
        marked = name if mark else marked
    said = _CURRENT.findall(text)
    return FlavourMenu(numbers=numbers, current=marked or (said[-1] if said else None))


def _ask(request: FlavourRequest) -> QueryResult:
    started = start_query(request.variables)
    return started.read_result(TIME_LIMIT) if isinstance(started, DriverQuery) else started


def _require_free(result: QueryResult) -> None:
    """Raise where a job holds the accelerator that would be changed; without a driver its own program may refuse."""
    if result.program is None:
        return
    if result.table is None:
        raise make_query_error(result)
    report = make_report(result, result.table)
    active = {device.id for device in report.devices if device.is_active}
    holding = [job for job in report.jobs if job.id and job.device in active]
    if holding:
        listed = join_messages("; ", map(_describe_holder, holding))
        raise DriverError(
            tell("the flavour cannot be changed while a job holds the accelerator"),
            why=listed,
            remedy=report.ending.command if report.ending is not None else tell("envtool jobs   (and wait, or end it)"),
        )


def _require_switched(dialogue: _Dialogue, answer: str, name: str) -> None:
    if parse_menu(answer).current == name or re.search(rf'switched to\s+"?{re.escape(name)}"?[.\s]', answer):
        return
    raise _make_failure(dialogue, answer)


def _verify(result: QueryResult, name: str) -> bool:
    if result.table is None:
        return False
    found = [device.model for device in result.table.active_devices]
    if found and name not in found:
        raise DriverError(
            tell("the flavour is not {name}", name=name),
            why=tell(
                "{program} says that it was changed, and the driver still shows {found}",
                program=_PROGRAM,
                found=", ".join(found),
            ),
            remedy=f"envtool flavour {name}",
        )
    return bool(found)


def _make_failure(dialogue: _Dialogue, answer: str) -> DriverError:
    """What the program said where it did not do what it was asked."""
    words = [line.strip() for line in answer.splitlines() if line.strip() and not _ROW.match(line)]
    said = next((line for line in words if "cannot" in line.lower() or "error" in line.lower()), "")
    said = said or next((line for line in reversed(words) if not _PROMPT.search(line)), tell("it said nothing"))
    return DriverError(
        tell("{program} did not do it", program=_PROGRAM),
        why=mask_tokens(said)[:300],
        remedy=dialogue.program,
    )


class _Dialogue:
    """The program at a terminal of its own, so that it talks as it does to a person."""

    def __init__(self, program: str, request: FlavourRequest) -> None:
        self.program = program
        self._limit = request.time_limit
        self._handle, inside = os.openpty()
        try:
            _switch_echo_off(inside)
            self._process = subprocess.Popen(
                [program],
                stdin=inside,
                stdout=inside,
                stderr=inside,
                env=dict(request.variables),
                start_new_session=True,
            )
        except OSError as error:
            os.close(self._handle)
            raise DriverError(
                tell("{program} cannot be started", program=_PROGRAM),
                why=str(error.strerror),
                remedy=program,
            ) from error
        finally:
            os.close(inside)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        deadline = time.monotonic() + (5.0 if kind is None else 0.0)
        while self._process.poll() is None and time.monotonic() < deadline:
            # What it prints must go somewhere, or it does not end.
            self._read_block(0.05)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        os.close(self._handle)

    def answer(self, text: str) -> None:
        """Type a line; a program that has ended does not need it."""
        with suppress(OSError):
            os.write(self._handle, f"{text}\n".encode())

    def read_answer(self) -> str:
        """What it prints until it asks, or ends, or has listed something and is silent."""
        deadline, said, heard = time.monotonic() + self._limit, "", time.monotonic()
        while time.monotonic() < deadline:
            block = self._read_block(0.2)
            if block is None:
                return said
            if block:
                said, heard = said + block, time.monotonic()
                if len(said) > _OUTPUT_LIMIT:
                    raise DriverError(tell("{program} prints without end", program=_PROGRAM), remedy=self.program)
            if _PROMPT.search(said) or (_ROW.search(said) and time.monotonic() - heard > _SILENCE):
                return said
        raise DriverError(
            tell("{program} does not answer", program=_PROGRAM),
            why=tell("it said nothing that ends in a question within {limit:g} seconds", limit=self._limit),
            remedy=self.program,
        )

    def _read_block(self, patience: float) -> str | None:
        """What there is to read; nothing in time is an empty text, and `None` its end."""
        ready, _write, _except = select.select([self._handle], [], [], patience)
        if not ready:
            return ""
        try:
            block = os.read(self._handle, _BLOCK)
        except OSError:
            # How Linux says that nobody has the other end any more.
            return None
        return _CONTROL.sub("", block.decode("utf-8", "replace").replace("\r\n", "\n")) if block else None


def _switch_echo_off(terminal: int) -> None:
    settings = termios.tcgetattr(terminal)
    settings[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSANOW, settings)


def _describe_holder(job: AcceleratorJob) -> Message:
    return tell(
        "job {job}, process {process} ({state}): {command}",
        job=job.id,
        process=job.pid if job.pid is not None else tell("unknown"),
        state=JOB_STATES[job.state],
        command=job.command,
    )
