"""What doctor says: findings, and the report that holds them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from envtool.doctor.finding_kind import FindingKind
from envtool.language import tell
from envtool.told_kind import Severity

if TYPE_CHECKING:
    from pathlib import Path

    from envtool.environment.context import EnvironmentContext
    from envtool.environment.history import HistoryEntry
    from envtool.environment.reader import Environment
    from envtool.release.pin import VendorPin


class Status(Enum):
    """The verdict on an environment. `ABSENT`: it has no vendor torch, and no trace of one, so nothing is damaged."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DAMAGED = "damaged"
    ABSENT = "absent"


@dataclass(frozen=True)
class Evidence:
    """Where something was seen: a file or a setting, what should be there, and what is.

    `file` is `None` for a last line that counts what is left out.
    """

    file: str | None
    expected: str
    found: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong.

    `distribution` is the pinned one whose wheel, put back, fixes it: then checks give no `remedy`. It is `None` where a
    restore does not fix it. `packages` are the names of other installed distributions that it is about; `culprits` are
    those whose requirements brought it about.
    """

    kind: FindingKind
    title: str
    evidence: tuple[Evidence, ...] = ()
    cause: str | None = None
    remedy: str | None = None
    distribution: str | None = None
    packages: tuple[str, ...] = ()
    culprits: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The id of its kind, such as `torch-replaced`."""
        return self.kind.id

    @property
    def severity(self) -> Severity:
        """The severity of its kind."""
        return self.kind.severity


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything doctor has to say of one environment. `pin` is `None` where nothing says what it should be.

    `ignored` are the findings that a person asked to leave out of the verdict, `settings` the project's file that asked
    for it; `strict` lets notes into the verdict. `driver` is one line about the accelerator's driver. `history` are the
    changes that envtool made to torch here, the oldest first. `time` is when it was looked at, in seconds since 1970.
    """

    environment: Environment
    pin: VendorPin | None
    findings: tuple[Finding, ...]
    ignored: tuple[Finding, ...] = ()
    strict: bool = False
    driver: str = ""
    history: tuple[HistoryEntry, ...] = ()
    time: float = 0.0
    settings: Path | None = None

    @property
    def status(self) -> Status:
        """Damaged with any error but that of there being no torch, degraded with any warning (strictly: or note)."""
        severities = {finding.severity for finding in self.findings}
        errors = {finding.kind for finding in self.findings if finding.severity is Severity.ERROR}
        if errors in ({FindingKind.NO_VENDOR_TORCH}, {FindingKind.TORCH_UNKNOWN_BUILD}):
            return Status.ABSENT
        if Severity.ERROR in severities:
            return Status.DAMAGED
        degraded = Severity.WARNING in severities or (self.strict and bool(severities))
        return Status.DEGRADED if degraded else Status.HEALTHY

    @property
    def torch_is_intact(self) -> bool:
        """Whether the pinned distributions are in place, whatever may be wrong around them."""
        return not any(
            finding.distribution or finding.kind is FindingKind.RESTORE_INTERRUPTED for finding in self.findings
        )

    def with_ignored(self, ignored: Collection[str], *, strict: bool) -> Report:
        """The same report with the findings of some ids set aside."""
        findings = (*self.findings, *self.ignored)
        return replace(
            self,
            findings=tuple(finding for finding in findings if finding.id not in ignored),
            ignored=tuple(finding for finding in findings if finding.id in ignored),
            strict=strict,
        )


def with_inner_paths(finding: Finding, context: EnvironmentContext) -> Finding:
    """The finding with its paths as they are called inside of the image or container that it was made in."""
    if context.is_local:
        return finding
    display = context.display
    return replace(
        finding,
        title=display(finding.title),
        evidence=tuple(
            Evidence(item.file and display(item.file), display(item.expected), display(item.found))
            for item in finding.evidence
        ),
        cause=finding.cause and display(finding.cause),
        remedy=finding.remedy and display(finding.remedy),
    )


# A report names at most this many files of one kind; the count is always given.
SHOWN_FILES = 5


def truncate(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """The first few pieces of evidence, and a line that counts the rest."""
    everything = tuple(evidence)
    rest = len(everything) - SHOWN_FILES
    if rest <= 0:
        return everything
    return (*everything[:SHOWN_FILES], Evidence(None, "", tell("and {rest} more", rest=rest)))
