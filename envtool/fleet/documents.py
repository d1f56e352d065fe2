"""The JSON of `envtool doctor`, `verify` and `jobs` → observations (schemas: docs/*.schema.json).

They come from many machines, and from envtools of several versions: keys that are not known are left alone, and a
document without the name of its machine or its time gets those of its file.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from envtool.documents import parse_json
from envtool.fleet.observation import FleetObservation, FleetProblem, FleetStanding, SubjectKind
from envtool.language import tell

_Value = TypeVar("_Value")
_Table = Mapping[str, Any]
# By what each command says of what it looked at.
_STANDINGS = {
    SubjectKind.ENVIRONMENT: {
        "healthy": FleetStanding.GOOD,
        "degraded": FleetStanding.WARNING,
        "absent": FleetStanding.WARNING,
        "damaged": FleetStanding.BAD,
    },
    SubjectKind.IMAGE: {"passed": FleetStanding.GOOD, "failed": FleetStanding.BAD, "error": FleetStanding.UNKNOWN},
    SubjectKind.ACCELERATOR: {
        "free": FleetStanding.GOOD,
        "working": FleetStanding.GOOD,
        "idle-jobs": FleetStanding.WARNING,
    },
}
# Jobs that hold the accelerator without work, or wait for it.
_IDLE = frozenset({"stopped", "workers-left", "gone", "waiting"})
# Checks of an image that fail without failing the image.
_WARNINGS = frozenset({"caches", "wheels"})
# The year 9999, which is the last that has days.
_END_OF_TIME = 253_370_764_800.0
# Names that many machines share.
_NO_NAMES = frozenset({"", "localhost", "localhost.localdomain"})


@dataclass(frozen=True)
class DocumentOrigin:
    """The file that a document is in: its name, and when it was written, in seconds since 1970."""

    name: str
    time: float


def parse_documents(data: bytes, origin: DocumentOrigin) -> Iterator[FleetObservation]:
    """What a file's documents say: one document, or one in each line, as `envtool jobs --watch` prints them.

    Raises `ValueError` with the reason where a document is no report, or is cut off. Nothing comes of that one; what
    was whole before it has come by then.
    """
    for document in _split(data):
        yield from tuple(_read_document(document, origin))


def _split(data: bytes) -> Iterator[Any]:
    try:
        yield parse_json(data)
    except ValueError as error:
        lines = data.splitlines()
        if not data.strip():
            raise ValueError(tell("it is empty")) from None
        # A document over several lines that is cut off has no whole one in its first line.
        if not lines[0].rstrip().endswith(b"}"):
            raise ValueError(tell("it is no JSON, or cut off: {error}", error=error)) from None
        for number, line in enumerate(lines, 1):
            try:
                yield parse_json(line)
            except ValueError as reason:
                raise ValueError(
                    tell("line {number} is no JSON, or cut off: {reason}", number=number, reason=reason)
                ) from None


def _read_document(document: Any, origin: DocumentOrigin) -> Iterator[FleetObservation]:
    if not isinstance(document, dict):
        raise ValueError(tell("it is no report of envtool's"))
    schema = document.get("schema")
    read = _READERS.get(schema) if isinstance(schema, str) else None
    if read is None:
        told = tell("its schema is {schema}", schema=schema) if isinstance(schema, str) else tell("it names no schema")
        raise ValueError(tell("it is no report of envtool doctor, verify or jobs: {reason}", reason=told))
    yield from read(document, origin)


def _read_doctor(document: _Table, origin: DocumentOrigin) -> Iterator[FleetObservation]:
    environment = _get(document, "environment", dict)
    host, status = _get_host(document, origin), _get(document, "status", str)
    prefix, reference = _get(environment, "prefix", str), _get_text(environment, "reference")
    problems = [_read_finding(row) for row in _get_rows(document, "findings") if _get(row, "severity", str) != "note"]
    # Notes count where they were asked to, and then alone explain the verdict.
    if not problems and status != "healthy":
        problems = [_read_finding(row) for row in _get_rows(document, "findings")]
    inner = f"{reference}:{prefix}" if reference else prefix
    yield _observe(
        SubjectKind.ENVIRONMENT,
        f"{host} {inner}",
        document,
        origin,
        name=f"{host}:{inner}",
        host=host,
        torch=sys.intern(_get_text(environment, "torch")),
        problems=tuple(problems),
    )


def _read_finding(row: _Table) -> FleetProblem:
    distribution = _get_text(row, "distribution")
    packages = _get_names(row, "culprits") or _get_names(row, "packages") or ((distribution,) if distribution else ())
    return FleetProblem(
        id=sys.intern(_get(row, "id", str)),
        title=_get(row, "title", str),
        cause=_get_text(row, "cause"),
        packages=packages,
    )


def _read_verify(document: _Table, origin: DocumentOrigin) -> Iterator[FleetObservation]:
    _get(document, "status", str)
    for row in _get_rows(document, "images"):
        reference, digest = _get(row, "reference", str), _get_text(row, "digest")
        error = _get_text(row, "error")
        failed = [check for check in _get_rows(row, "checks") if not _get(check, "passed", bool)]
        culprits = _get_names(row, "culprits")
        problems = [
            FleetProblem(
                id=sys.intern(_get(check, "name", str)),
                title=_shorten(_get(check, "output", str)) or _get(check, "title", str),
                packages=culprits,
            )
            for check in failed
            if check["name"] not in _WARNINGS
        ]
        if error:
            problems.append(FleetProblem(id="could-not-verify", title=_shorten(error)))
        yield _observe(
            SubjectKind.IMAGE,
            digest or reference,
            row,
            origin,
            name=reference,
            torch=sys.intern(_get_text(row, "torch")),
            problems=tuple(problems),
        )


def _read_jobs(document: _Table, origin: DocumentOrigin) -> Iterator[FleetObservation]:
    host = _get_host(document, origin)
    idle = [row for row in _get_rows(document, "jobs") if _get(row, "state", str) in _IDLE]
    yield _observe(
        SubjectKind.ACCELERATOR,
        host,
        document,
        origin,
        name=f"{host}: accelerator",
        host=host,
        driver=sys.intern(_get_text(document, "release")),
        problems=tuple(
            FleetProblem(id=sys.intern(row["state"]), title=_shorten(_get(row, "command", str)) or "a job")
            for row in idle
        ),
    )


def _observe(
    kind: SubjectKind, subject: str, table: _Table, origin: DocumentOrigin, *, name: str, **details: Any
) -> FleetObservation:
    """An observation of `subject` with what every row tells: its status and its time."""
    status = _get(table, "status", str)
    return FleetObservation(
        kind=kind,
        key=f"{kind} {subject}",
        name=name,
        time=_get_time(table, origin),
        status=sys.intern(status),
        # A status that this version does not know is unknown, never good.
        standing=_STANDINGS[kind].get(status, FleetStanding.UNKNOWN),
        **details,
    )


_READERS: dict[str, Callable[[_Table, DocumentOrigin], Iterator[FleetObservation]]] = {
    "hac-envtool/doctor/1": _read_doctor,
    "hac-envtool/verify/1": _read_verify,
    "hac-envtool/jobs/1": _read_jobs,
}


def _get(table: _Table, key: str, kind: type[_Value]) -> _Value:
    value = table.get(key)
    if not isinstance(value, kind):
        raise ValueError(tell("it is not as its schema has it: `{key}` is missing or of another type", key=key))
    return value


def _get_text(table: _Table, key: str) -> str:
    """A text that may be missing or null."""
    return _get(table, key, str) if table.get(key) is not None else ""


def _get_rows(table: _Table, key: str) -> list[_Table]:
    rows = _get(table, key, list)
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError(tell("it is not as its schema has it: `{key}` has other rows than tables", key=key))
    return rows


def _get_names(table: _Table, key: str) -> tuple[str, ...]:
    names = _get(table, key, list) if table.get(key) is not None else []
    return tuple(sys.intern(name) for name in names if isinstance(name, str))


def _get_host(document: _Table, origin: DocumentOrigin) -> str:
    host = _get_text(document, "host")
    return sys.intern(origin.name if host in _NO_NAMES else host)


def _get_time(table: _Table, origin: DocumentOrigin) -> float:
    text = _get_text(table, "time")
    if not text:
        return origin.time
    try:
        found = datetime.fromisoformat(text)
        seconds = (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        seconds = -1.0
    if not 0 <= seconds < _END_OF_TIME:
        raise ValueError(tell("it is not as its schema has it: `time` is no time"))
    return seconds


def _shorten(text: str) -> str:
    """The first line, which says what is wrong; a check may print pages."""
    return text.strip().partition("\n")[0][:300]
