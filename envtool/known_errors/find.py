"""Finds known errors in what a program printed, however long that is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from envtool.errors import UsageError
from envtool.known_errors.error_kind import ErrorKind
from envtool.language import tell
from envtool.regular_file import open_regular_file

_BLOCK = 1 << 18
# Bytes of a line that are looked at, and of one that is shown.
_LONGEST_LINE = 1 << 14
_SHOWN = 200
# Colours, and what moves a cursor.
_CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
# What a record of JSON, or an editor, makes of a quotation mark and of a colour's beginning.
_WRITTEN = (
    (re.compile(rb"\\u001b\[[0-9;?]*[A-Za-z]|\\x1b\[[0-9;?]*[A-Za-z]|\\033\[[0-9;?]*[A-Za-z]"), b""),
    (re.compile(rb"\\u0027|\xe2\x80[\x98\x99]"), b"'"),
    (re.compile(rb'\\"|\xe2\x80[\x9c\x9d]'), b'"'),
)
# Who says a line, and when: ranks, workers, containers, times, levels.
_PREFIX = re.compile(
    rb"^\s*(?:(?:\[(?:rank|default|local_rank|worker)?[ _]?\d+\]:?|\((?:\w+ )?(?:pid|rank)=[^)\n]{1,60}\)|"
    rb"\[?\d{4}[-/]\d\d[-/]\d\d[T ][\d:.,]{5,20}(?:Z|[+-]\d\d:?\d\d)?\]?|"
    rb"\[?(?:ERROR|INFO|WARNING|stderr|stdout)\]?:?(?: [FP])?|[\w.-]{1,40}[ \t]{0,9}\||\d{1,4}:)\s+)+"
)
# Progress bars begin their line anew without ending it.
_LINE_END = re.compile(rb"\r?\n|\r")


@dataclass(frozen=True, kw_only=True)
class FoundError:
    """A known error: where it is told first, counted from 1, and by how many lines."""

    kind: ErrorKind
    line: int
    text: str
    count: int = 1


@dataclass(frozen=True)
class LogSearch:
    """What was found, in the order of the lines, and how many lines there were."""

    errors: tuple[FoundError, ...]
    lines: int


def search_file(path: Path) -> LogSearch:
    """Search a file. Raises `UsageError` where it cannot be read."""
    try:
        handle = open_regular_file(path)
    except OSError as error:
        raise UsageError(
            tell("{path} cannot be read", path=path),
            why=str(error.strerror),
            remedy=tell("envtool explain --from LOGFILE   (or PROGRAM 2>&1 | envtool explain --from -)"),
        ) from error
    try:
        return search_log(_read_blocks(handle))
    finally:
        os.close(handle)


def search_descriptor(handle: int) -> LogSearch:
    """Search what comes from a pipe, until it ends."""
    return search_log(_read_blocks(handle))


def search_log(blocks: Iterable[bytes]) -> LogSearch:
    """Search a text that comes in blocks; pure."""
    search = _Search()
    rest = b""
    for block in blocks:
        # A line's end of two characters may be cut in two.
        whole, end, tail = _split_last_line(rest + block)
        if end:
            search.look_at(whole)
            rest = tail
        else:
            rest = tail if len(tail) <= 2 * _LONGEST_LINE else tail[:_LONGEST_LINE]
    if rest:
        search.look_at(rest)
    return search.finish()


def _read_blocks(handle: int) -> Iterator[bytes]:
    while block := os.read(handle, _BLOCK):
        yield block


def _split_last_line(data: bytes) -> tuple[bytes, bool, bytes]:
    """The lines that are whole, whether there is one, and what follows them."""
    at = data.rfind(b"\n")
    if at < 0 and len(data) > _LONGEST_LINE:
        # A progress bar alone.
        at = data.rfind(b"\r", 0, len(data) - 1)
    return (data[:at], True, data[at + 1 :]) if at >= 0 else (b"", False, data)


class _Search:
    """The state between two blocks."""

    def __init__(self) -> None:
        self._lines = 0
        self._found: dict[ErrorKind, FoundError] = {}

    def look_at(self, text: bytes) -> None:
        """Whole lines. Most blocks have no words of any error, which is all that is looked for first."""
        kinds = [kind for kind in ErrorKind if any(sign.words in text for sign in kind.signs)]
        passing = [kind for kind in self._found if kind.passes is not None and kind.passes in text]
        kinds += [kind for kind in passing if kind not in kinds]
        if kinds:
            for number, line in enumerate(_LINE_END.split(text), self._lines + 1):
                self._look_at_line(number, line[:_LONGEST_LINE], kinds)
        # A hundredth of the time that splitting takes.
        self._lines += text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n") + 1

    def _look_at_line(self, number: int, line: bytes, kinds: Sequence[ErrorKind]) -> None:
        if b"\x1b" in line:
            line = _CONTROL.sub(b"", line)
        for pattern, plain in _WRITTEN:
            line = pattern.sub(plain, line)
        said = _PREFIX.sub(b"", line, count=1)
        for kind in kinds:
            if kind.passes is not None and kind.passes in line:
                self._found.pop(kind, None)
            if any(sign.matches(line) or (said != line and sign.matches(said)) for sign in kind.signs):
                before = self._found.get(kind)
                if before is not None:
                    self._found[kind] = replace(before, count=before.count + 1)
                else:
                    text = line.decode("utf-8", "replace").strip()[:_SHOWN]
                    self._found[kind] = FoundError(kind=kind, line=number, text=text)

    def finish(self) -> LogSearch:
        """What is left when all has been seen."""
        ids = {kind.id for kind in self._found}
        errors = [item for kind, item in self._found.items() if kind.unless not in ids]
        return LogSearch(tuple(sorted(errors, key=lambda item: item.line)), self._lines)
