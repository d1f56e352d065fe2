"""Programs that turn one text into another, as a Dockerfile calls them: `sed`, `grep`, `sort` and the like.

A Dockerfile may be anybody's. What runs on this machine is only a program that is named here, with options that are
named here and of which none reads, writes or runs anything; it is given no file, but the text. All else is not known.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from envtool.bounded_process import BoundedProcess
from envtool.temporary_folder import temporary_file

_SECONDS, _BYTES = 10.0, 8 << 20
# Of all of a Dockerfile's.
_ALL_SECONDS = 60.0
# Bytes of memory: a script of sed's may double a text for ever.
_MEMORY = 1 << 30
_GREP = {
    "flags": "ivywxEFGPoshqcnabzU",
    "values": "emABC",
    "long": """
        invert-match ignore-case no-ignore-case word-regexp line-regexp extended-regexp fixed-strings basic-regexp
        perl-regexp only-matching no-filename no-messages quiet silent count line-number text null-data
    """,
    "long_values": "regexp max-count after-context before-context context",
}


@dataclass(frozen=True)
class _Program:
    """A filter's options: letters without and with a value, and the long ones of both kinds (GNU's documentation).

    `operands` are how many words are no files, `script` the options that stand for them. `texts` are options that name
    a file whose lines are such values, `results` those that name the file that the text goes into. `joins`: of several
    files it prints what it would print of one that has them all.
    """

    command: tuple[str, ...]
    flags: str
    values: str = ""
    long: str = ""
    long_values: str = ""
    operands: int = 0
    script: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    results: frozenset[str] = frozenset()
    joins: bool = True
    number: bool = False

    def is_known(self, option: str, *, has_value: bool) -> bool:
        """Whether an option, with its dashes, may be given to the program."""
        if option.startswith("--"):
            return option[2:] in (self.long_values if has_value else self.long).split()
        return option[1:] in (self.values if has_value else self.flags)


_PROGRAMS: Mapping[str, _Program] = {
    "sed": _Program(
        # Without the commands that run programs, and read and write files.
        ("sed", "--sandbox"),
        "nrEszu",
        "el",
        "quiet silent regexp-extended posix separate null-data unbuffered",
        "expression line-length",
        operands=1,
        script=frozenset({"-e", "--expression"}),
    ),
    **{
        name: _Program(
            ("grep", *more),
            _GREP["flags"],
            _GREP["values"],
            _GREP["long"],
            _GREP["long_values"],
            operands=1,
            script=frozenset({"-e", "--regexp"}),
            texts=frozenset({"-f", "--file"}),
            joins=False,
            number=True,
        )
        for name, more in {"grep": (), "egrep": ("-E",), "fgrep": ("-F",)}.items()
    },
    **{
        name: _Program(
            (name,), "qvz", "nc", "quiet silent verbose zero-terminated", "lines bytes", joins=False, number=True
        )
        for name in ("head", "tail")
    },
    "tr": _Program(("tr",), "cCdst", "", "complement delete squeeze-repeats truncate-set1", operands=2),
    "sort": _Program(
        ("sort",),
        "bdfgiMhnrVmsuz",
        "kt",
        """
        ignore-leading-blanks dictionary-order ignore-case general-numeric-sort ignore-nonprinting month-sort
        human-numeric-sort numeric-sort reverse version-sort merge stable unique zero-terminated
        """,
        "key field-separator sort",
        results=frozenset({"-o", "--output"}),
    ),
    "uniq": _Program(
        ("uniq",),
        "cdDiuz",
        "fsw",
        "count repeated ignore-case unique zero-terminated",
        "skip-fields skip-chars check-chars",
    ),
    "cut": _Program(
        ("cut",),
        "nsz",
        "bcdf",
        "only-delimited complement zero-terminated",
        "bytes characters delimiter fields output-delimiter",
    ),
}
FILTERS = frozenset(_PROGRAMS)
# Files that a script of sed's writes into, where sed is not kept from it.
_WRITES = re.compile(r"\bw\s+([^\s;}]+)")
# What grep says of each file by itself.
_OF_EACH_FILE = frozenset({"-c", "--count", "-m", "--max-count", "-n", "--line-number", "-b", "-q", "--quiet"})


@dataclass
class FilterTime:
    """How many seconds all filters of a Dockerfile may still take."""

    seconds: float = _ALL_SECONDS


@dataclass(frozen=True)
class Filter:
    """A call of a filter: its `options` with its script, and the files that it reads, and writes into.

    `patterns` are files whose lines are further patterns. `is_in_place`: the files themselves are changed. `is_known`:
    what it does to a text is what `run` says; else only the files that it changes are known.
    """

    name: str
    options: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    result: str | None = None
    patterns: tuple[str, ...] = ()
    is_in_place: bool = False
    is_known: bool = True

    @property
    def changed(self) -> tuple[str, ...]:
        """The files that are no more what they were."""
        written = [name for word in self.options if self.name == "sed" for name in _WRITES.findall(word)]
        return (*(self.files if self.is_in_place else ()), *([self.result] if self.result else ()), *written)

    def run(self, text: str, patterns: Sequence[str], left: FilterTime) -> str | None:
        """What the program itself makes of a text, and of the texts of `patterns`; `None` where it fails.

        It sees nothing but that.
        """
        more = [word for lines in patterns for word in ("-e", lines.removesuffix("\n"))]
        if not self.is_known or not all(patterns) or left.seconds <= 0:
            return None
        program = _PROGRAMS[self.name]
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
        with temporary_file(text, "text") as file, file.open("rb") as stream:
            command = [*program.command, *more, *self.options]
            begun = time.monotonic()
            try:
                process = BoundedProcess(command, environment=environment, stdin=stream, cwd=file.parent)
            except (OSError, ValueError):
                return None
            with suppress(OSError, ValueError):
                process.bound_memory(_MEMORY)
            ended = process.wait(min(_SECONDS, left.seconds), _BYTES)
            left.seconds -= time.monotonic() - begun
        is_answer = ended.status == 0 or (ended.status == 1 and program.command[0] == "grep")
        return ended.out.decode("utf-8", "replace") if is_answer and not ended.is_too_long else None


def read_filter(name: str, words: Sequence[str]) -> Filter:
    """A call of one of `FILTERS`, taken apart as GNU's programs do it: options may follow operands."""
    program = _PROGRAMS[name]
    reading = _Reading(name, program, deque(words))
    while reading.rest:
        reading.take(reading.rest.popleft())
    operands, plain = program.operands, reading.plain
    if reading.has_script:
        operands = 0
    if name == "uniq" and len(plain) == 2:
        reading.result = plain.pop()
    script, files = plain[:operands], plain[operands:]
    is_known = reading.is_known and (operands == 0 or bool(script)) and (name not in {"tr", "uniq"} or len(files) < 2)
    is_known = is_known and not (name == "tr" and files)
    if len(files) > 1 and not program.joins:
        options = set(reading.options)
        is_known = is_known and bool(options & {"-h", "--no-filename"}) and not options & _OF_EACH_FILE
    return Filter(
        name,
        (*reading.options, *(("--", *script) if script else ())),
        tuple(files),
        reading.result,
        tuple(reading.patterns),
        reading.is_in_place,
        is_known,
    )


class _Reading:
    """The words of a call while they are read."""

    def __init__(self, name: str, program: _Program, rest: deque[str]) -> None:
        self._name, self._program, self.rest = name, program, rest
        self.options: list[str] = []
        self.plain: list[str] = []
        self.patterns: list[str] = []
        self.result: str | None = None
        self.has_script = self.is_in_place = False
        self.is_known = True

    def take(self, word: str) -> None:
        """Take a word, with those after it that belong to it."""
        if word == "--":
            self.plain += self.rest
            self.rest.clear()
        elif word.startswith("--"):
            self._take_long(*word.partition("="))
        elif self._program.number and re.fullmatch(r"-[0-9]+", word):
            self.options += ["-C" if self._program.command[0] == "grep" else "-n", word[1:]]
        elif word.startswith("-") and word != "-":
            self._take_letters(word[1:])
        else:
            self.plain.append(word)

    def _take_long(self, name: str, mark: str, value: str) -> None:
        if self._name == "sed" and name == "--in-place":
            self.is_in_place = True
        elif name == "--color" and value in {"", "auto", "never"}:
            return
        elif not mark and self._program.is_known(name, has_value=False):
            self.options.append(name)
        else:
            self._take_value(name, value if mark else None)

    def _take_letters(self, letters: str) -> None:
        for at, letter in enumerate(letters):
            if self._name == "sed" and letter == "i":
                # What follows is the ending of a copy's name.
                self.is_in_place = True
                return
            if not self._program.is_known(f"-{letter}", has_value=False):
                self._take_value(f"-{letter}", letters[at + 1 :] or None)
                return
            self.options.append(f"-{letter}")

    def _take_value(self, option: str, value: str | None) -> None:
        """Take an option with a value, which may be the next word; any other one is not known."""
        is_result = any(result.startswith(option) for result in self._program.results if option != "--")
        is_text = option in self._program.texts
        if not (is_result or is_text or self._program.is_known(option, has_value=True)):
            self.is_known = False
            return
        if value is None and not self.rest:
            self.is_known = False
            return
        value = self.rest.popleft() if value is None else value
        if is_result:
            self.result = value
        elif is_text:
            self.has_script = True
            self.patterns.append(value)
        else:
            self.has_script = self.has_script or option in self._program.script
            self.options += [f"{option}={value}"] if option.startswith("--") else [option, value]
