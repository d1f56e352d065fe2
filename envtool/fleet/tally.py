"""Sums observations up as they come: what stands how, since when, and because of which packages. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from envtool.fleet.observation import FleetObservation, FleetProblem, FleetStanding, SubjectKind

_DAY = 86400


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One environment, image or accelerator as it was last seen.

    `names` are all that it goes by: an image may have several tags. `since` is when its standing became what it is, as
    far as the looks show, in seconds since 1970.
    """

    last: FleetObservation
    names: tuple[str, ...]
    since: float


@dataclass(frozen=True)
class DayCount:
    """How many subjects of a kind stood how at the end of a day (UTC), each as it was last seen by then."""

    day: str
    kind: SubjectKind
    counts: tuple[tuple[FleetStanding, int], ...]


@dataclass(frozen=True)
class PackageCause:
    """What a package brought about, and in how many subjects. `package` is empty where none is known."""

    package: str
    problems: tuple[str, ...]
    subjects: int
    example: str


@dataclass(frozen=True)
class ReleaseUse:
    """How many subjects have a version of `what`: torch, or the driver."""

    what: str
    version: str
    subjects: int


@dataclass
class _Record:
    last: FleetObservation
    names: dict[str, None] = field(default_factory=dict)
    # The last look of each day: its time and what it saw.
    days: dict[int, tuple[float, FleetStanding]] = field(default_factory=dict)


@dataclass
class FleetTally:
    """What was seen so far. `looks` counts observations, `repeated` those that had come before."""

    looks: int = 0
    repeated: int = 0
    _records: dict[str, _Record] = field(default_factory=dict)
    _seen: set[tuple[str, float]] = field(default_factory=set)
    # What a name last stood for: a tag moves on, and what could not be read comes to be read.
    _named: dict[str, tuple[float, str]] = field(default_factory=dict)

    def add(self, item: FleetObservation) -> None:
        """Count a look; one that has come before, at the same time of the same subject, is counted once."""
        self.looks += 1
        self.repeated += (item.key, item.time) in self._seen
        self._seen.add((item.key, item.time))
        record = self._records.setdefault(item.key, _Record(item))
        # Of two that disagree on the same moment, the worse one: one of them did not look everywhere.
        if (item.time, item.standing) > (record.last.time, record.last.standing):
            record.last = item
        record.names[item.name] = None
        day = int(item.time // _DAY)
        record.days[day] = max(record.days.get(day, (item.time, item.standing)), (item.time, item.standing))
        named = (item.time, item.key)
        self._named[item.name] = max(self._named.get(item.name, named), named, key=lambda pair: pair[0])

    def list_subjects(self) -> tuple[Subject, ...]:
        """What there is now, the worst first, then what has been so for longest."""
        found = [
            Subject(last=record.last, names=tuple(sorted(record.names)), since=_find_since(record))
            for key, record in self._records.items()
            if any(self._named[name][1] == key for name in record.names)
        ]
        return tuple(sorted(found, key=lambda item: (-item.last.standing, item.since, item.last.name)))

    def list_days(self) -> tuple[DayCount, ...]:
        """The days on which anything was looked at, by kind of subject, the oldest first."""
        return tuple(row for kind in SubjectKind for row in self._list_days_of(kind))

    def _list_days_of(self, kind: SubjectKind) -> Iterator[DayCount]:
        changes: dict[int, Counter[FleetStanding]] = {}
        for record in self._records.values():
            if record.last.kind is not kind:
                continue
            before: FleetStanding | None = None
            for day, (_time, standing) in sorted(record.days.items()):
                change = changes.setdefault(day, Counter())
                change[standing] += 1
                if before is not None:
                    change[before] -= 1
                before = standing
        total = Counter[FleetStanding]()
        for day in sorted(changes):
            total.update(changes[day])
            counts = tuple((standing, total[standing]) for standing in FleetStanding)
            yield DayCount(_format_day(day), kind, counts)


def _format_day(day: int) -> str:
    return f"{datetime.fromtimestamp(day * _DAY, UTC):%Y-%m-%d}"


def _find_since(record: _Record) -> float:
    since = record.last.time
    for _day, (time, standing) in sorted(record.days.items(), reverse=True):
        if standing != record.last.standing:
            break
        since = min(since, time)
    return since


def list_causes_by_package(subjects: tuple[Subject, ...]) -> tuple[PackageCause, ...]:
    """What brought about what is wrong now, by package, that of the most subjects first."""
    found: dict[tuple[str, str], tuple[Counter[str], dict[str, None], str]] = {}
    for subject in subjects:
        if subject.last.standing is FleetStanding.GOOD:
            continue
        for package, problem in _list_pairs(subject.last.problems):
            # Problems of no package are told apart by what they are.
            key = (package, "" if package else problem.id)
            ids, keys, _example = found.setdefault(key, (Counter(), {}, problem.cause or problem.title))
            ids[problem.id] += 1
            keys[subject.last.key] = None
    rows = [
        PackageCause(package, tuple(id for id, _count in ids.most_common()), len(keys), example)
        for (package, _id), (ids, keys, example) in found.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.subjects, not row.package, row.package, row.problems)))


def _list_pairs(problems: tuple[FleetProblem, ...]) -> Iterator[tuple[str, FleetProblem]]:
    for problem in problems:
        for package in problem.packages or ("",):
            yield package, problem


def list_releases_in_use(subjects: tuple[Subject, ...]) -> tuple[ReleaseUse, ...]:
    """The versions of torch and of the driver that are in use, the most used first."""
    counted = Counter(("torch", item.last.torch) for item in subjects if item.last.torch)
    counted += Counter(("driver", item.last.driver) for item in subjects if item.last.driver)
    rows = [ReleaseUse(what, version, count) for (what, version), count in counted.items()]
    return tuple(sorted(rows, key=lambda row: (row.what != "torch", -row.subjects, row.version)))
