"""A doctor report in each of the formats."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from envtool.cli.report_format import Format
from envtool.doctor.findings import Finding, Report, Status

if TYPE_CHECKING:
    from envtool.cli.render.interface import CheckReport, Metric, Problem

_TOOL = "envtool doctor"
_STATUS = {Status.HEALTHY: 0, Status.DEGRADED: 1, Status.DAMAGED: 2, Status.ABSENT: 3}


def render_report(report: Report, format: Format) -> str:
    """The report, without a line's end after it."""
    match format:
        case Format.TEXT:
            from envtool.cli.render.text import render_text

            return render_text(report)
        case Format.JSON:
            from envtool.cli.render.json_document import render_json

            return render_json(report)
        case Format.HTML:
            from envtool.cli.render.html.reports import render_doctor_page
            from envtool.cli.render.json_document import create_doctor_document

            return render_doctor_page(create_doctor_document(report))
        case _:
            from envtool.cli.render.write import write_report

            return write_report(convert_diagnosis(report), format)


def convert_diagnosis(report: Report) -> CheckReport:
    """The report as the writers take it: one suite, with a case for each kind of finding."""
    from envtool.cli.render.interface import CheckReport, Level, Rule, Suite, judge_case
    from envtool.doctor.finding_kind import FindingKind

    problems = [_make_problem(finding, is_ignored=False) for finding in report.findings]
    problems += [_make_problem(finding, is_ignored=True) for finding in report.ignored]
    suite = Suite(
        name=_TOOL,
        group=_TOOL,
        verdict=f"{_TOOL}: {report.status.value}",
        cases=tuple(judge_case(kind.id, problems, strict=report.strict) for kind in FindingKind),
        problems=tuple(problems),
    )
    return CheckReport(
        tool=_TOOL,
        rules=tuple(Rule(kind.id, kind.title, Level(kind.severity.value), kind.read_page()) for kind in FindingKind),
        suites=(suite,),
        metrics=_make_metrics(report),
        exit_status=0 if report.status is Status.HEALTHY else 1,
        properties={"status": report.status.value},
    )


def _make_problem(finding: Finding, *, is_ignored: bool) -> Problem:
    from envtool.cli.render.interface import FileLocation, Level, NamedLocation, Observation, Problem

    files = [item.file for item in finding.evidence if item.file is not None]
    return Problem(
        rule=finding.id,
        title=finding.title,
        level=Level(finding.severity.value),
        observations=tuple(Observation(item.file or "…", item.expected, item.found) for item in finding.evidence),
        cause=finding.cause or "",
        remedy=finding.remedy or "",
        locations=tuple(FileLocation(file) if file.startswith("/") else NamedLocation(file) for file in files),
        is_ignored=is_ignored,
    )


def _make_metrics(report: Report) -> tuple[Metric, ...]:
    """The status, the findings, and the versions."""
    from envtool.cli.render.interface import Metric
    from envtool.release.profile import TORCH

    prefix = {"prefix": report.environment.context.display(str(report.environment.prefix.path))}
    counted = Counter((item.id, item.severity.value, "false") for item in report.findings)
    counted += Counter((item.id, item.severity.value, "true") for item in report.ignored)
    findings = tuple(
        ({**prefix, "id": id, "severity": severity, "ignored": ignored}, count)
        for (id, severity, ignored), count in sorted(counted.items())
    )
    installed = report.environment.find(TORCH)
    versions = {
        "installed": installed[-1].version if installed else "",
        "pinned": report.pin.torch.version if report.pin else "",
    }
    return (
        Metric("hac_doctor_status", "0 healthy, 1 degraded, 2 damaged, 3 absent.", ((prefix, _STATUS[report.status]),)),
        Metric("hac_doctor_findings", "Findings by id and severity.", findings),
        Metric("hac_doctor_finding_info", "What each finding says, for an alert's words.", _describe(report, prefix)),
        Metric("hac_torch_info", "The installed and the pinned torch.", (({**prefix, **versions}, 1),)),
    )


def _describe(report: Report, prefix: dict[str, str]) -> tuple[tuple[dict[str, str], int], ...]:
    rows = [(item, "false") for item in report.findings] + [(item, "true") for item in report.ignored]
    labels = [
        {
            **prefix,
            "id": item.id,
            "severity": item.severity.value,
            "ignored": ignored,
            "title": item.title,
            "cause": item.cause or "",
            "package": ", ".join(item.culprits or item.packages),
        }
        for item, ignored in rows
    ]
    # A collector refuses a file with two samples of the same labels, and with it everything in it.
    return tuple((dict(row), 1) for row in dict.fromkeys(tuple(item.items()) for item in labels))
