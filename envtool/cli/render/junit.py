"""A doctor report as JUnit XML: one test case for each kind of finding, failed where there is such a finding."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from envtool.cli.render.text import finding_lines
from envtool.doctor.explanation import list_finding_ids
from envtool.doctor.finding_kind import Severity
from envtool.doctor.findings import Finding, Report

_SUITE = "envtool doctor"


def render_junit(report: Report) -> str:
    """The report as a document with one suite. Notes fail a case where the report is strict; ignored are skipped."""
    cases = []
    for identity in list_finding_ids():
        case = ElementTree.Element("testcase", classname=_SUITE, name=identity)
        found = [item for item in report.findings if item.id == identity]
        failed = [item for item in found if report.strict or item.severity is not Severity.NOTE]
        if failed:
            failure = ElementTree.SubElement(
                case, "failure", message=clean(failed[0].title), type=failed[0].severity.value
            )
            failure.text = _text(failed)
        elif any(item.id == identity for item in report.ignored):
            ElementTree.SubElement(case, "skipped", message="ignored")
        elif found:
            ElementTree.SubElement(case, "system-out").text = _text(found)
        cases.append(case)
    counts = {kind: str(sum(case.find(kind) is not None for case in cases)) for kind in ("failure", "skipped")}
    suite = ElementTree.Element(
        "testsuite",
        name=_SUITE,
        tests=str(len(cases)),
        failures=counts["failure"],
        skipped=counts["skipped"],
        errors="0",
    )
    suite.extend(cases)
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def _text(findings: list[Finding]) -> str:
    return clean("\n".join(line for finding in findings for line in finding_lines(finding)))


def clean(text: str) -> str:
    """XML 1.0 has no way to write most control characters, nor half a surrogate pair."""
    return "".join(c if _is_character(c) else "\N{REPLACEMENT CHARACTER}" for c in text)


def _is_character(c: str) -> bool:
    return c in "\t\n" or (ord(c) >= 32 and not 0xD800 <= ord(c) <= 0xDFFF and ord(c) not in {0xFFFE, 0xFFFF})
