"""What a scan found in each of the formats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from envtool.cli.render.interface import CheckReport, FileLocation, Level, Problem, Rule, Suite, judge_case
from envtool.cli.render.json_text import render_json_text
from envtool.cli.render.write import write_report
from envtool.cli.report_format import Format, ScanFormat
from envtool.cli.terminal import paint
from envtool.language import Message, join_messages, phrase, tell, translate
from envtool.printable import join_lines
from envtool.scan.findings import ProgramFinding, ScanReport
from envtool.scan.kinds import ScanKind
from envtool.told_kind import Severity

JSON_SCHEMA = "hac-envtool/scan/1"
_TOOL = "envtool scan"
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "blue"}


def render_scan(report: ScanReport, format: ScanFormat) -> str:
    """The report in a format, without a line's end after it; docs/scan.schema.json describes the JSON."""
    match format:
        case ScanFormat.TEXT:
            return join_lines(_render_lines(report))
        case ScanFormat.JSON:
            return render_json_text(create_scan_document(report))
        case ScanFormat.HTML:
            from envtool.cli.render.html.reports import render_scan_page

            return render_scan_page(create_scan_document(report))
        case ScanFormat.SARIF:
            return write_report(convert_scan(report), Format.SARIF)
        case ScanFormat.JUNIT:
            return write_report(convert_scan(report), Format.JUNIT)
        case ScanFormat.GITHUB:
            return write_report(convert_scan(report), Format.GITHUB)


def _render_lines(report: ScanReport) -> Iterator[str]:
    yield _render_verdict(report)
    for path, group in groupby(report.findings, key=lambda finding: finding.path):
        findings = list(group)
        yield ""
        yield path
        for folded in _fold(findings):
            first = folded[0]
            told = paint(translate(first.severity.value), _COLOURS[first.severity], bold=True)
            cell = f" ({phrase('cell {number}', number=first.cell)})" if first.cell is not None else ""
            lines = ", ".join(str(finding.line) for finding in folded)
            yield f"  {lines}{cell}: {told} [{first.id}] {translate(first.message)}"
            if first.instead:
                yield f"    {phrase('instead')}  {translate(first.instead)}"
    if report.unread:
        yield ""
    for file in report.unread:
        yield f"{phrase('not read')}: {file.path}: {translate(file.why)}"
    if report.ignored:
        yield phrase("ignored: {count}", count=len(report.ignored))


def _fold(findings: Sequence[ProgramFinding]) -> list[list[ProgramFinding]]:
    """The same thing on several lines of a file is said once, where it first stands."""
    folded: dict[tuple[object, ...], list[ProgramFinding]] = {}
    for finding in findings:
        key = (finding.kind, finding.severity, finding.identifier, finding.message, finding.cell)
        folded.setdefault(key, []).append(finding)
    return list(folded.values())


def _render_verdict(report: ScanReport) -> str:
    if report.files == 1:
        files = tell("1 file, for torch {version}", version=report.torch)
    else:
        files = tell("{count} files, for torch {version}", count=report.files, version=report.torch)
    if not report.findings and not report.unread:
        return f"{paint(phrase('clean'), 'green', bold=True)}: {translate(files)}"
    counted = [_count_findings(report, severity) for severity in Severity if report.count(severity)]
    counted += [tell("{count} not read", count=len(report.unread))] if report.unread else []
    verdict = (
        paint(phrase("clean"), "green", bold=True)
        if report.is_clean
        else paint(phrase("will not do"), "red", bold=True)
    )
    return f"{verdict}: {phrase('{found} in {files}', found=join_messages(', ', counted), files=files)}"


def _count_findings(report: ScanReport, severity: Severity) -> Message:
    count = report.count(severity)
    if count == 1:
        return {
            Severity.ERROR: tell("1 error"),
            Severity.WARNING: tell("1 warning"),
            Severity.NOTE: tell("1 note"),
        }[severity]
    return {
        Severity.ERROR: tell("{count} errors", count=count),
        Severity.WARNING: tell("{count} warnings", count=count),
        Severity.NOTE: tell("{count} notes", count=count),
    }[severity]


def create_scan_document(report: ScanReport) -> dict[str, Any]:
    """What the JSON is made from."""
    return {
        "schema": JSON_SCHEMA,
        "status": "clean" if report.is_clean else "found",
        "torch": report.torch,
        "files": report.files,
        "findings": [_make_row(finding) for finding in report.findings],
        "ignored": [_make_row(finding) for finding in report.ignored],
        "unread": [{"file": file.path, "why": file.why} for file in report.unread],
    }


def _make_row(finding: ProgramFinding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "severity": finding.severity.value,
        "file": finding.path,
        "line": finding.line,
        "cell": finding.cell,
        "identifier": finding.identifier,
        "message": finding.message,
        "instead": finding.instead or None,
    }


def convert_scan(report: ScanReport) -> CheckReport:
    """The report as the writers take it: one suite, with a case for each kind of finding."""
    problems = [_make_problem(finding, is_ignored=False) for finding in report.findings]
    problems += [_make_problem(finding, is_ignored=True) for finding in report.ignored]
    verdict = "clean" if report.is_clean else f"{len(report.findings)} findings"
    suite = Suite(
        name=_TOOL,
        group=_TOOL,
        verdict=f"{_TOOL}: {verdict}",
        cases=tuple(judge_case(kind.id, problems, strict=report.strict) for kind in ScanKind),
        problems=tuple(problems),
    )
    return CheckReport(
        tool=_TOOL,
        rules=tuple(Rule(kind.id, kind.title, Level(kind.severity.value), kind.read_page()) for kind in ScanKind),
        suites=(suite,),
        exit_status=0 if report.is_clean else 1,
        properties={"torch": report.torch},
    )


def _make_problem(finding: ProgramFinding, *, is_ignored: bool) -> Problem:
    cell = f" (cell {finding.cell})" if finding.cell is not None else ""
    place = f"{finding.path}:{finding.line}{cell}: "
    return Problem(
        rule=finding.id,
        title=f"{place}{finding.message}" + (f"; instead: {finding.instead}" if finding.instead else ""),
        level=Level(finding.severity.value),
        locations=(FileLocation(finding.path, finding.line),),
        is_ignored=is_ignored,
    )
