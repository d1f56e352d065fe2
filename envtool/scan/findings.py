"""What a scan says: findings in files, files that could not be read, and the report that holds them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from envtool.told_kind import Severity

if TYPE_CHECKING:
    from envtool.scan.kinds import ScanKind


@dataclass(frozen=True, kw_only=True)
class ProgramFinding:
    """One thing in a program. `identifier` is what makes it one; `instead` what to write; `cell` a notebook's, from 1.

    `path` is relative to the project, with slashes.
    """

    kind: ScanKind
    severity: Severity
    path: str
    line: int
    identifier: str
    message: str
    instead: str = ""
    cell: int | None = None

    @property
    def id(self) -> str:
        """The id of its kind, such as `process-per-device`."""
        return self.kind.id


@dataclass(frozen=True)
class UnreadFile:
    """A file that was not judged, and why."""

    path: str
    why: str


@dataclass(frozen=True, kw_only=True)
class ScanReport:
    """Everything that was found. `torch` is the release it was judged for; `files` the number of those read.

    `ignored` are findings that a person asked to leave out of the verdict; `strict` lets notes and unread files in.
    """

    torch: str
    files: int
    findings: tuple[ProgramFinding, ...]
    unread: tuple[UnreadFile, ...] = ()
    ignored: tuple[ProgramFinding, ...] = ()
    strict: bool = False

    @property
    def is_clean(self) -> bool:
        """Whether nothing but notes was found; strictly: nothing at all, and every file could be read."""
        if self.strict:
            return not self.findings and not self.unread
        return all(finding.severity is Severity.NOTE for finding in self.findings)

    def count(self, severity: Severity) -> int:
        """How many findings are of that severity."""
        return sum(finding.severity is severity for finding in self.findings)

    def with_ignored(self, ignored: Collection[str], *, strict: bool) -> ScanReport:
        """The same report with the findings of some ids set aside."""
        return replace(
            self,
            findings=tuple(finding for finding in self.findings if finding.id not in ignored),
            ignored=(*self.ignored, *(finding for finding in self.findings if finding.id in ignored)),
            strict=strict,
        )
