"""A doctor report as a person reads it: the verdict first, then the findings, the worst first."""

from __future__ import annotations

from envtool.cli.terminal import paint
from envtool.doctor.finding_kind import FindingKind
from envtool.doctor.findings import Evidence, Finding, Report, Status
from envtool.language import tell, translate
from envtool.printable import join_lines, pad
from envtool.release.pin import VendorPin
from envtool.release.read_profile import DEFAULT
from envtool.told_kind import Severity

_COLOURS = {Status.HEALTHY: "green", Status.DEGRADED: "yellow", Status.DAMAGED: "red", Status.ABSENT: "yellow"}
_VERDICTS = {
    Status.HEALTHY: tell("healthy"),
    Status.DEGRADED: tell("degraded"),
    Status.DAMAGED: tell("damaged"),
    Status.ABSENT: tell("no vendor torch"),
}
_SEVERITY_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "blue"}


def render_text(report: Report) -> str:
    """The verdict first, then each finding with its evidence, its cause and the command that mends it."""
    prefix = report.environment.prefix
    python = f"{prefix.python[0]}.{prefix.python[1]}"
    verdict = paint(translate(_name_verdict(report)), _COLOURS[report.status], bold=True)
    lines = [
        f"{verdict}: {translate(_summarize(report))}",
        f"{_label(tell('environment'))}{_render_place(report)} ({prefix.kind.value}, Python {python})",
        f"{_label(tell('pinned'))}{_render_pin(report.pin)}",
    ]
    if report.pin is not None and report.pin.profile_id != DEFAULT:
        lines.append(f"{_label(tell('build'))}{translate(report.pin.profile.title)}")
    lines += [f"{_label(tell('last change'))}{translate(str(report.history[-1]))}"] if report.history else []
    lines += [f"{_label(tell('accelerator'))}{translate(report.driver)}"] if report.driver else []
    for severity in Severity:
        for finding in report.findings:
            if finding.severity is severity:
                lines += ["", *render_finding(finding)]
    for finding in report.ignored:
        lines += ["", f"{translate('ignored')} [{finding.id}] {translate(finding.title)}"]
    return join_lines(lines)


def _name_verdict(report: Report) -> str:
    if any(finding.kind is FindingKind.TORCH_UNKNOWN_BUILD for finding in report.findings):
        return tell("unknown build") if report.status is Status.ABSENT else _VERDICTS[report.status]
    return _VERDICTS[report.status]


def _render_place(report: Report) -> str:
    context = report.environment.context
    path = context.display(str(report.environment.prefix.path))
    if context.is_local:
        return path
    place = tell("{path} in the {place} {name}", path=path, place=context.location.value, name=context.reference)
    return translate(place)


def _summarize(report: Report) -> str:
    for severity in (Severity.ERROR, Severity.WARNING):
        first = next((finding for finding in report.findings if finding.severity is severity), None)
        if first is not None:
            return first.title
    if report.pin is None:
        return tell("nothing says which torch there should be")
    counted = sum(1 for finding in report.findings if finding.severity is Severity.NOTE)
    whose = tell(", {title},", title=report.pin.profile.title) if report.pin.profile_id != DEFAULT else ""
    version = report.pin.version
    if not counted:
        return tell("torch {version}{whose} is in place, with all its files", version=version, whose=whose)
    if counted == 1:
        return tell("torch {version}{whose} is in place, with all its files; 1 note", version=version, whose=whose)
    return tell(
        "torch {version}{whose} is in place, with all its files; {count} notes",
        version=version,
        whose=whose,
        count=counted,
    )


def _render_pin(pin: VendorPin | None) -> str:
    if pin is None:
        return translate("nothing")
    names = ", ".join(f"{item.name} {item.version}" for item in pin.distributions)
    if pin.stand_in:
        text = tell("{names} (stand-ins, not the vendor's code); from {origin}", names=names, origin=pin.origin.value)
    else:
        text = tell("{names}; from {origin}", names=names, origin=pin.origin.value)
    return translate(text)


def _label(text: str) -> str:
    return f"  {pad(translate(text), 11)} "


def render_finding(finding: Finding) -> list[str]:
    """One finding: its title, its evidence, its cause and the command that mends it."""
    colour = _SEVERITY_COLOURS[finding.severity]
    lines = [f"{paint(translate(finding.severity.value), colour, bold=True)} [{finding.id}] {translate(finding.title)}"]
    lines += [f"  {pad(translate('seen'), 6)} {item.file or '…'}{_render_evidence(item)}" for item in finding.evidence]
    lines += [f"  {pad(translate('cause'), 6)} {translate(finding.cause)}"] if finding.cause else []
    if finding.remedy:
        lines.append(f"  {pad(translate('run'), 6)} {paint(translate(finding.remedy), 'cyan', bold=True)}")
    return lines


def _render_evidence(item: Evidence) -> str:
    if not item.expected:
        return f" {translate(item.found)}"
    return ": " + translate(tell("expected {expected}, found {found}", expected=item.expected, found=item.found))
