"""The `hac-guard` command, which `hac-shell` runs after an instruction of a Dockerfile. Not for people.

It reads its command line with argparse and imports what it needs where it needs it: it is on the way of every install
in an image, and importing Typer takes longer than a diagnosis.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.cli.guard_report import STOPPED, GuardMode, suggest_for_report
from envtool.cli.localize import prepare_libraries
from envtool.cli.main import run_command_line
from envtool.cli.terminal import print_line, print_safely
from envtool.guard.report_row import render_row
from envtool.language import phrase, tell, translate
from envtool.regular_file import read_regular_text

if TYPE_CHECKING:
    from envtool.doctor.findings import Finding, Report
    from envtool.errors import EnvtoolError


_GIVEN_UP = tell("hac-guard: stopped. HAC_GUARD=warn would let the build go on with the accelerator lost")
_GOES_ON = tell("hac-guard: HAC_GUARD=warn, so the build goes on; the accelerator is lost in this image")


def main() -> None:
    """Run `hac-guard check`, `elsewhere` or `explain`."""
    run_command_line(_main)


def _main() -> None:
    prepare_libraries()
    options = make_parser().parse_args()
    match options.action:
        case "check":
            status = check_instruction(options.prefix, options.mode, options.command)
        case "start":
            status = report_start(options.prefix, tuple(options.words))
        case "elsewhere":
            status = report_other_torches(options.command, options.mode)
        case _:
            status = explain_failure(options.prefix, options.log, options.command)
    raise SystemExit(status)


def make_parser() -> argparse.ArgumentParser:
    """The command line of `hac-guard`."""
    parser = argparse.ArgumentParser(prog="hac-guard", description=phrase("Look after an instruction of a Dockerfile."))
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("check", help=phrase("look whether the instruction damaged torch"))
    elsewhere = actions.add_parser("elsewhere", help=phrase("look whether it put another torch somewhere else"))
    start = actions.add_parser("start", help=phrase("look which torch python imports, when a container starts"))
    explain = actions.add_parser("explain", help=phrase("say why pip or uv gave up because of the pinned torch"))
    start.add_argument("words", nargs="*", help=phrase("the container's command"))
    for action in (check, elsewhere, explain):
        action.add_argument("--command", default="", help=phrase("the instruction that has run"))
    for action in (check, start, explain):
        action.add_argument("--prefix", type=Path, help=phrase("the environment's folder"))
    for action in (check, elsewhere):
        action.add_argument("--mode", default=GuardMode.FAIL.value, help=phrase("fail, warn or restore"))
    explain.add_argument("--log", type=Path, required=True, help=phrase("what pip or uv wrote"))
    return parser


def check_instruction(prefix: Path | None, mode: str, command: str) -> int:
    """Look whether an instruction damaged torch, act as the mode says, and return the exit status."""
    from envtool.doctor.diagnose import diagnose
    from envtool.doctor.findings import Status
    from envtool.environment.prefix import find_prefix
    from envtool.environment.reader import read_environment
    from envtool.errors import PrefixError, ReleaseError
    from envtool.told_kind import Severity

    try:
        report = diagnose(read_environment(find_prefix(prefix)))
    except (PrefixError, ReleaseError) as error:
        return _report_lost_environment(error, mode, command)
    if report.torch_is_intact and report.status is not Status.DAMAGED:
        lost = _find_lost_starts(report)
        if lost:
            return _report_lost_starts(lost, mode, command)
        # What is wrong around torch is worth a line, and no reason to stop a build.
        for finding in report.findings:
            if finding.severity is Severity.WARNING:
                print_line(phrase("hac-guard: {title}; run: {remedy}", title=finding.title, remedy=finding.remedy))
        return 0
    is_known = mode in set(GuardMode)
    _print_damage(report, command)
    if not is_known:
        print_line(phrase("hac-guard: HAC_GUARD={mode} is none of fail, warn, restore, off; taken as fail", mode=mode))
    return _run_action(GuardMode(mode) if is_known else GuardMode.FAIL, prefix, report)


def _report_lost_environment(error: EnvtoolError, mode: str, command: str) -> int:
    """The environment is gone, or nothing in it can be read: torch with it, and nothing is left to put it back into."""
    from envtool.guard.explain import render_incident

    for line in render_incident(
        tell("this instruction damaged the vendor torch, and its environment with it"), command, None
    ):
        print_line(line)
    print_line(render_row(tell("found"), error.what))
    if error.why:
        print_line(render_row(tell("because"), error.why))
    fix = tell("leave the environment's folder in place, or build from the base anew")
    print_line(render_row(tell("fix"), fix))
    if mode == GuardMode.WARN:
        print_safely(translate(_GOES_ON))
        return 0
    print_safely(translate(_GIVEN_UP))
    return STOPPED


def _print_damage(report: Report, command: str) -> None:
    """What was found, why, and what to write in the instruction's place. Of other findings a line each.

    No command that mends the environment: where the build stops, nothing of the instruction is left to mend.
    """
    from envtool.guard.explain import render_incident
    from envtool.told_kind import Severity

    for line in render_incident(tell("this instruction damaged the vendor torch"), command, report.pin):
        print_line(line)
    worst = [finding for finding in report.findings if finding.severity is Severity.ERROR] or report.findings
    causes: list[str] = []
    for finding in worst:
        print_line(render_row(tell("found"), f"{translate(finding.title)} [{finding.id}]"))
        if finding.cause and finding.cause not in causes:
            causes.append(finding.cause)
            print_line(render_row(tell("cause"), finding.cause))
    for line in suggest_for_report(report, command):
        print_line(line)


def _find_lost_starts(report: Report) -> tuple[Finding, ...]:
    """Where `python` would import another torch than the environment's, which is in order."""
    from envtool.doctor.checks import started
    from envtool.told_kind import Severity

    # Elsewhere than in an image, a prefix that is named need not be the one that `python` is of.
    prefix = str(report.environment.prefix.path)
    if report.pin is None or os.environ.get("CONDA_PREFIX") != prefix:
        return ()
    found = started.check(report.environment, report.pin)
    return tuple(finding for finding in found if finding.severity is Severity.ERROR)


def _report_lost_starts(findings: Sequence[Finding], mode: str, command: str) -> int:
    from envtool.doctor.finding_kind import FindingKind
    from envtool.guard.explain import render_incident
    from envtool.guard.instruction import find_install_steps
    from envtool.guard.project_command import suggest_environment

    for line in render_incident(tell("after this instruction python imports another torch"), command, None):
        print_line(line)
    for finding in findings:
        print_line(render_row(tell("found"), finding.title))
        print_line(render_row(tell("because"), finding.cause or ""))
    steps = find_install_steps(command, Path.cwd())
    is_shadowed = any(finding.kind is FindingKind.TORCH_SHADOWED for finding in findings)
    suggested = suggest_environment(steps) if steps and is_shadowed else []
    for line in suggested:
        print_line(line)
    label = tell("otherwise") if suggested else tell("fix")
    for remedy in dict.fromkeys(finding.remedy for finding in findings):
        print_line(render_row(label, remedy or ""))
    if mode in {GuardMode.WARN, GuardMode.RESTORE}:
        return 0
    print_safely(phrase("hac-guard: stopped. HAC_GUARD=warn would let the build go on"))
    return STOPPED


def report_start(prefix: Path | None, command: tuple[str, ...]) -> int:
    """Say, when a container starts, whether `python` imports the vendor torch; 1 where it does not."""
    from envtool.doctor.checks import interpreter, started
    from envtool.environment.context import EnvironmentContext
    from envtool.environment.effective_pin import find_effective_pin
    from envtool.environment.prefix import find_prefix
    from envtool.environment.reader import read_environment
    from envtool.told_kind import Severity

    context = EnvironmentContext(command=command, folder=str(Path.cwd()))
    environment = read_environment(find_prefix(prefix), context)
    pin = find_effective_pin(environment)
    findings = [*interpreter.check_lost(environment), *(started.check(environment, pin) if pin is not None else ())]
    lost = [finding for finding in findings if finding.severity is Severity.ERROR]
    for finding in lost:
        print_line(phrase("hac-start: {title}; {cause}", title=finding.title, cause=finding.cause))
    return 1 if lost else 0


def _run_action(mode: GuardMode, prefix: Path | None, report: Report) -> int:
    match mode:
        case GuardMode.FAIL:
            print_safely(translate(_GIVEN_UP))
            return STOPPED
        case GuardMode.WARN:
            print_safely(translate(_GOES_ON))
            remedy = next((finding.remedy for finding in report.findings if finding.remedy), None)
            if remedy is not None:
                text = tell("{remedy}   (in a later instruction, or in a container)", remedy=remedy)
                print_line(render_row(tell("run"), text))
            return 0
        case GuardMode.RESTORE:
            from envtool.cli.commands.restore import put_back

            print_safely(phrase("hac-guard: HAC_GUARD=restore, so torch is put back"), flush=True)
            return 0 if put_back(prefix, "hac-guard") else 1


def report_other_torches(command: str, mode: str) -> int:
    """Look whether an instruction put another torch into a folder or an environment of its own."""
    from envtool.guard.explain import render_incident
    from envtool.guard.instruction import find_install_steps
    from envtool.guard.other_torch import find_other_torches
    from envtool.guard.project_command import suggest_environment

    found = find_other_torches(command, Path.cwd(), os.environ)
    if not found:
        return 0
    for line in render_incident(
        tell("this instruction installed a torch that does not see the accelerator"), command, None
    ):
        print_line(line)
    for item in found:
        text = tell("torch {version} in {folder}", version=item.version, folder=item.folder)
        print_line(render_row(tell("found"), text))
    for line in suggest_environment(find_install_steps(command, Path.cwd())):
        print_line(line)
    if mode in {GuardMode.WARN, GuardMode.RESTORE}:
        return 0
    print_safely(phrase("hac-guard: stopped. HAC_GUARD=warn would let the build go on"))
    return STOPPED


def explain_failure(prefix: Path | None, log: Path, command: str) -> int:
    """Say in plain words why pip or uv gave up, where it was because of the pinned torch."""
    from envtool.environment.effective_pin import find_effective_pin
    from envtool.environment.prefix import find_prefix
    from envtool.environment.reader import read_environment
    from envtool.guard.explain import find_conflicts, find_culprits, render_conflicts
    from envtool.guard.instruction import find_install_steps
    from envtool.guard.suggestion import Trouble, suggest_changes

    pin = find_effective_pin(read_environment(find_prefix(prefix)))
    try:
        output = read_regular_text(log)
    except OSError as error:
        # The instruction may have removed its own log; its error has been printed all the same.
        told = phrase("hac-guard: {file} cannot be read: {reason}", file=log, reason=error.strerror)
        print_line(told, file=sys.stderr)
        return 0
    conflicts = find_conflicts(output, pin) if pin is not None else ()
    if pin is not None and conflicts:
        steps = find_install_steps(command, Path.cwd())
        suggestions = suggest_changes(find_culprits(conflicts, output), pin, steps, Trouble.GAVE_UP)
        print_safely(render_conflicts(conflicts, pin, command, suggestions))
    return 0
