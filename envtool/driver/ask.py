"""Runs the driver's program within a time limit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from envtool.bounded_process import BoundedProcess
from envtool.driver.table import DriverTable, parse_table
from envtool.language import join_messages, tell
from envtool.program_path import find_trusted_program
from envtool.release.read_profile import load_default_profile, load_service

# Seconds. The program asks a server; where that does not answer it may wait for ever.
TIME_LIMIT = 10.0
# What a stand-in for the program says of itself on stderr.
_STAND_IN = "STAND-IN"
_TOKEN = re.compile(r"[A-Za-z0-9+/_=-]{20,}")
_MASK = "****"


@dataclass(frozen=True, kw_only=True)
class QueryResult:
    """What the program printed, or the problem why it did not. `program` is `None` where there is none on PATH."""

    program: str | None
    table: DriverTable | None = None
    problem: str = ""
    timed_out: bool = False
    is_stand_in: bool = False

    @property
    def summary(self) -> str:
        """One line for a report: the program, its release and the devices."""
        if self.program is None:
            return load_service().words.no_driver
        name = self.program.rsplit("/", 1)[-1]
        if self.table is None:
            return join_messages(": ", (name, self.problem))
        devices = ", ".join(f"{item.name} {item.model}" for item in self.table.active_devices) or tell("no accelerator")
        release = f" {self.table.version}" if self.table.version else ""
        told = join_messages(": ", (f"{name}{release}", devices))
        return tell("{told} (a stand-in; there is no accelerator)", told=told) if self.is_stand_in else told


_NOTHING = tell("it printed nothing")


class DriverQuery:
    """The program while it runs. Start it first and read it last: meanwhile the checks work."""

    def __init__(self, program: str, process: BoundedProcess) -> None:
        self._program = program
        self._process = process

    def read_result(self, time_limit: float = TIME_LIMIT) -> QueryResult:
        """Wait for the program's end, at most `time_limit` seconds from its start, and parse what it printed."""
        ended = self._process.wait(time_limit)
        if ended.status is None:
            problem = (
                tell("it prints without end")
                if ended.is_too_long
                else tell("no answer within {time_limit:g} seconds", time_limit=time_limit)
            )
            return QueryResult(program=self._program, problem=problem, timed_out=not ended.is_too_long)
        text, notice = ended.out.decode("utf-8", "replace"), ended.err.decode("utf-8", "replace")
        if ended.status != 0:
            last = (notice.strip() or text.strip()).splitlines()[-1:] or [_NOTHING]
            why = tell("exit status {number}: {words}", number=ended.status, words=_shorten(last[0]))
            return QueryResult(program=self._program, problem=why)
        table = parse_table(text)
        if table is None:
            return QueryResult(program=self._program, problem=tell("its output has no table of devices"))
        return QueryResult(program=self._program, table=table, is_stand_in=_STAND_IN in notice)


def _shorten(words: str) -> str:
    return words if words == _NOTHING else mask_tokens(words)[:200]


def start_query(variables: Mapping[str, str]) -> DriverQuery | QueryResult:
    """Start the driver's program that is on PATH; where there is none, or it does not start, that is the result."""
    programs = load_default_profile().driver.programs
    found = next((path for name in programs if (path := find_trusted_program(name, variables))), None)
    if found is None:
        return QueryResult(program=None)
    try:
        return DriverQuery(found, BoundedProcess([found], environment=variables))
    except OSError as error:
        return QueryResult(program=found, problem=tell("it cannot be started: {reason}", reason=error.strerror))


def mask_tokens(text: str) -> str:
    """Replace everything that may be an accelerator token by a mask."""
    return _TOKEN.sub(_MASK, text)
