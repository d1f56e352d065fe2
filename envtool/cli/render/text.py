"""A doctor report as a person reads it: the verdict first, then the findings, the worst first."""

from __future__ import annotations

from envtool.cli.terminal import paint
from envtool.doctor.findings import Finding, Report, Status
from envtool.printable import join_lines
from envtool.release.pin import VendorPin
from envtool.release.read_profile import DEFAULT
from envtool.told_kind import Severity

_COLOURS = {Status.HEALTHY: "green", Status.DEGRADED: "yellow", Status.DAMAGED: "red", Status.ABSENT: "yellow"}
_VERDICTS = {Status.ABSENT: "no vendor torch"}
_SEVERITY_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "blue"}


def render_text(report: Report) -> str:
    """The verdict first, then each finding with its evidence, its cause and the command that mends it."""
    prefix = report.environment.prefix
    verdict = paint(_VERDICTS.get(report.status, report.status.value), _COLOURS[report.status], bold=True)
    lines = [
        f"{verdict}: {_summarize(report)}",
        f"  environment {_render_place(report)} ({prefix.kind.value}, Python {prefix.python[0]}.{prefix.python[1]})",
        f"  pinned      {_render_pin(report.pin)}",
    ]
    if report.pin is not None and report.pin.profile_id != DEFAULT:
        lines.append(f"  build       {report.pin.profile.title}")
    lines += [f"  last change {report.history[-1]}"] if report.history else []
    lines += [f"  accelerator {report.driver}"] if report.driver else []
    for severity in Severity:
        for finding in report.findings:
            if finding.severity is severity:
                lines += ["", *render_finding(finding)]
    for finding in report.ignored:
        lines += ["", f"ignored [{finding.id}] {finding.title}"]
    return join_lines(lines)


def _render_place(report: Report) -> str:
    context = report.environment.context
    path = context.display(str(report.environment.prefix.path))
    return path if context.is_local else f"{path} in the {context.location.value} {context.reference}"


def _summarize(report: Report) -> str:
    for severity in (Severity.ERROR, Severity.WARNING):
        first = next((finding for finding in report.findings if finding.severity is severity), None)
        if first is not None:
            return first.title
    if report.pin is None:
        return "nothing says which torch there should be"
    counted = sum(1 for finding in report.findings if finding.severity is Severity.NOTE)
    notes = f"; {counted} {'note' if counted == 1 else 'notes'}" if counted else ""
    whose = f", {report.pin.profile.title}," if report.pin.profile_id != DEFAULT else ""
    return f"torch {report.pin.version}{whose} is in place, with all its files{notes}"


def _render_pin(pin: VendorPin | None) -> str:
    if pin is None:
        return "nothing"
    names = ", ".join(f"{item.name} {item.version}" for item in pin.distributions)
    stand_in = " (stand-ins, not the vendor's code)" if pin.stand_in else ""
    return f"{names}{stand_in}; from {pin.origin.value}"


def render_finding(finding: Finding) -> list[str]:
    """One finding: its title, its evidence, its cause and the command that mends it."""
    colour = _SEVERITY_COLOURS[finding.severity]
    lines = [f"{paint(finding.severity.value, colour, bold=True)} [{finding.id}] {finding.title}"]
    for item in finding.evidence:
        expected = f": expected {item.expected}, found {item.found}" if item.expected else f" {item.found}"
        lines.append(f"  seen   {item.file or '…'}{expected}")
    lines += [f"  cause  {finding.cause}"] if finding.cause else []
    lines += [f"  run    {paint(finding.remedy, 'cyan', bold=True)}"] if finding.remedy else []
    return lines
