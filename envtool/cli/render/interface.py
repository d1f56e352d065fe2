"""What a report of any command is to the writers of SARIF, JUnit XML, GitHub annotations and Prometheus metrics.

A command's own module turns its result into a `CheckReport`; each writer turns that into its format.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Level(StrEnum):
    """How bad a problem is. The values are SARIF's."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Outcome(StrEnum):
    """How a case came out. The values are JUnit's elements, but for `PASSED`, which has none."""

    PASSED = "passed"
    FAILED = "failure"
    SKIPPED = "skipped"
    ERROR = "error"


@dataclass(frozen=True)
class Rule:
    """What is checked. `help` is a page in Markdown."""

    id: str
    title: str
    level: Level = Level.ERROR
    help: str = ""


@dataclass(frozen=True)
class FileLocation:
    """A file, absolute or as a person named it, and the line, counted from 1."""

    path: str
    line: int | None = None


@dataclass(frozen=True)
class NamedLocation:
    """A place that is no file of this machine. `is_image` is for an image's reference."""

    name: str
    is_image: bool = False


@dataclass(frozen=True)
class Observation:
    """What was seen at a place, against what should be there."""

    place: str
    expected: str
    found: str


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong. `subject` is what it was found in, where a report has several."""

    rule: str
    title: str
    level: Level = Level.ERROR
    subject: str = ""
    message: str = ""
    observations: tuple[Observation, ...] = ()
    cause: str = ""
    remedy: str = ""
    locations: tuple[FileLocation | NamedLocation, ...] = ()
    is_ignored: bool = False


@dataclass(frozen=True)
class Case:
    """One check of one subject, and what it found or printed."""

    id: str
    outcome: Outcome
    problems: tuple[Problem, ...] = ()
    output: str = ""


def judge_case(id: str, problems: Iterable[Problem], *, strict: bool) -> Case:
    """The case of one kind of finding. Notes fail it where the report is strict; ignored findings skip it."""
    of_kind = [problem for problem in problems if problem.rule == id]
    found = tuple(problem for problem in of_kind if not problem.is_ignored)
    failed = tuple(problem for problem in found if strict or problem.level is not Level.NOTE)
    if failed:
        return Case(id, Outcome.FAILED, failed)
    return Case(id, Outcome.SKIPPED if len(of_kind) > len(found) else Outcome.PASSED, found)


@dataclass(frozen=True, kw_only=True)
class Suite:
    """The cases of one subject. `verdict` is a line for a person."""

    name: str
    group: str
    verdict: str
    cases: tuple[Case, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Metric:
    """A gauge, with a value for each set of labels."""

    name: str
    help: str
    samples: tuple[tuple[Mapping[str, str], int], ...]


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """A whole report. `properties` and `exit_status` are what SARIF says of a run as a whole, where there is one."""

    tool: str
    rules: tuple[Rule, ...]
    suites: tuple[Suite, ...]
    metrics: tuple[Metric, ...] = ()
    exit_status: int | None = None
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The problems of all suites, in their order."""
        return tuple(problem for suite in self.suites for problem in suite.problems)
