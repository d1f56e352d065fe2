"""What was seen of one environment, image or accelerator at one time, whichever command saw it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class FleetStanding(IntEnum):
    """How it stands, the best first. `UNKNOWN`: it could not be looked at."""

    GOOD = 0
    WARNING = 1
    UNKNOWN = 2
    BAD = 3


class SubjectKind(StrEnum):
    """What was looked at."""

    ENVIRONMENT = "environment"
    IMAGE = "image"
    ACCELERATOR = "accelerator"


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetProblem:
    """One thing that is wrong: the id of a finding, a check or a job's state, and which packages brought it about."""

    id: str
    title: str
    cause: str = ""
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetObservation:
    """One look. `key` is what was looked at, the same in every look; `name` is that for a person.

    `time` is in seconds since 1970. `status` is the command's own word. `torch` and `driver` are versions, where they
    are known. `host` is the machine that it belongs to; images have none.
    """

    kind: SubjectKind
    key: str
    name: str
    time: float
    status: str
    standing: FleetStanding
    host: str = ""
    torch: str = ""
    driver: str = ""
    problems: tuple[FleetProblem, ...] = ()
