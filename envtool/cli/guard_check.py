"""What the guard does after an instruction that changed the environment. Imports next to nothing: it is on the way of
every install in an image."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envtool.doctor.findings import Report

# Told apart from any status that a user's own command is likely to have.
STOPPED = 97


class GuardMode(StrEnum):
    """What to do about damage; the values of `HAC_GUARD`."""

    FAIL = "fail"
    WARN = "warn"
    RESTORE = "restore"


def check_instruction(prefix: Path | None, mode: str, command: str) -> int:
    """Look whether an instruction damaged torch, act as the mode says, and return the exit status.

    Raises `EnvtoolError`.
    """
    from envtool.doctor.diagnose import diagnose
    from envtool.doctor.findings import Severity, Status
    from envtool.environment.prefix import find_prefix
    from envtool.environment.reader import read_environment

    report = diagnose(read_environment(find_prefix(prefix)))
    if report.torch_is_intact and report.status is not Status.DAMAGED:
        # What is wrong around torch is worth a line, and no reason to stop a build.
        for finding in report.findings:
            if finding.severity is Severity.WARNING:
                print(f"hac-guard: {finding.title}; type: {finding.remedy}")
        return 0
    from envtool.cli.render.text import render_text

    known = mode in set(GuardMode)
    print(f"\nhac-guard: this instruction damaged the vendor torch\n  instruction  RUN {command}")
    print(render_text(report))
    for line in _ways_out(report):
        print(line)
    if not known:
        print(f"hac-guard: HAC_GUARD={mode} is none of fail, warn, restore, off; taken as fail")
    return _act(GuardMode(mode) if known else GuardMode.FAIL, prefix)


def _act(mode: GuardMode, prefix: Path | None) -> int:
    match mode:
        case GuardMode.FAIL:
            print("hac-guard: stopped. HAC_GUARD=warn would let the build go on with the accelerator lost")
            return STOPPED
        case GuardMode.WARN:
            print("hac-guard: HAC_GUARD=warn, so the build goes on; the accelerator is lost in this image")
            return 0
        case GuardMode.RESTORE:
            from envtool.cli.commands.restore import put_back

            print("hac-guard: HAC_GUARD=restore, so torch is put back", flush=True)
            return 0 if put_back(prefix, "hac-guard") else 1


def plain_watch(arguments: Sequence[str]) -> int | None:
    """`envtool guard check` as hac-shell spells it, without Typer; `None` where Typer is to read it."""
    words = list(arguments)
    if words[:2] != ["guard", "check"] or len(words) != 8:
        return None
    options = dict(zip(words[2::2], words[3::2], strict=True))
    if set(options) != {"--prefix", "--mode", "--command"}:
        return None
    return check_instruction(Path(options["--prefix"]), options["--mode"], options["--command"])


def _ways_out(report: Report) -> list[str]:
    """How to change the instruction, where installed distributions say that they want another torch."""
    from envtool.doctor.cause import find_conflicting_requirements
    from envtool.guard.explain import suggest_changes

    pin = report.pin
    demands = find_conflicting_requirements(report.environment, pin.torch) if pin is not None else ()
    return (
        suggest_changes([(demand.name, demand.version) for demand in demands], pin)
        if pin is not None and demands
        else []
    )
