"""What doctor says: findings, and the report that holds them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from envtool.environment.reader import Environment
from envtool.vendor.pin import VendorPin


class Severity(Enum):
    """How bad a finding is: an error loses the accelerator, a warning may."""

    ERROR = "error"
    WARNING = "warning"


class Status(Enum):
    """The verdict on an environment."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DAMAGED = "damaged"


@dataclass(frozen=True)
class Evidence:
    """Where something was seen: a file, what should be there, and what is."""

    file: str
    expected: str
    found: str


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. `distribution` is the pinned distribution it concerns."""

    id: str
    severity: Severity
    title: str
    evidence: tuple[Evidence, ...] = ()
    cause: str | None = None
    remedy: str | None = None
    distribution: str | None = None


@dataclass(frozen=True)
class Report:
    """Everything doctor has to say of one environment. `pin` is `None` where nothing says what it should be."""

    environment: Environment
    pin: VendorPin | None
    findings: tuple[Finding, ...]

    @property
    def status(self) -> Status:
        """Damaged with any error, degraded with any warning, else healthy."""
        severities = {finding.severity for finding in self.findings}
        if Severity.ERROR in severities:
            return Status.DAMAGED
        return Status.DEGRADED if severities else Status.HEALTHY


# A report names at most this many files of one kind; the count is always given.
SHOWN_FILES = 5


def shortened(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """The first few pieces of evidence, and a line that counts the rest."""
    everything = tuple(evidence)
    rest = len(everything) - SHOWN_FILES
    if rest <= 0:
        return everything
    return (*everything[:SHOWN_FILES], Evidence("…", "", f"and {rest} more"))
