"""What both ways to guard an install say: `hac-guard` in the images, and `envtool guard run` anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.language import tell

if TYPE_CHECKING:
    from envtool.doctor.findings import Report

# A status that a user's own command is not likely to have.
STOPPED = 97


class GuardMode(StrEnum):
    """What to do about damage; the values of `HAC_GUARD`."""

    FAIL = "fail"
    WARN = "warn"
    RESTORE = "restore"


def suggest_for_report(report: Report, command: str, *, place: str = tell("the image")) -> Sequence[str]:
    """How to change an instruction: by the tool that it used, and for what requires another torch."""
    from envtool.doctor.cause import find_conflicting_requirements
    from envtool.doctor.finding_kind import FindingKind
    from envtool.guard.instruction import find_install_steps
    from envtool.guard.suggestion import Culprit, Trouble, suggest_changes
    from envtool.release.profile import TORCH
    from envtool.told_kind import Severity

    if report.pin is None:
        return ()
    culprits = []
    for demand in find_conflicting_requirements(report.environment, report.pin.torch):
        found = next(iter(report.environment.find(demand.name)), None)
        culprits.append(
            Culprit(
                name=demand.name,
                version=demand.version,
                is_direct=found.source is not None if found else None,
                installer=found.installer if found else "",
            )
        )
    if not culprits:
        # Of several commands the one by the tool that installed the torch that is there now.
        culprits = [Culprit(name=None, installer=item.installer) for item in report.environment.find(TORCH)[-1:]]
    lost = {FindingKind.TORCH_MISSING, FindingKind.TORCH_FILES_MISSING, FindingKind.TORCH_NO_RECORD}
    lost |= {FindingKind.TORCH_FILES_CHANGED, FindingKind.TORCH_LOST}
    errors = {finding.kind for finding in report.findings if finding.severity is Severity.ERROR}
    trouble = Trouble.LOST if errors <= lost else Trouble.REPLACED
    return suggest_changes(culprits, report.pin, find_install_steps(command, Path.cwd()), trouble, place=place)
