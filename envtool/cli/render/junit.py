"""A report as JUnit XML: a suite for each subject, a test case for each check."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

from envtool.cli.render.interface import Case, CheckReport, Outcome, Problem
from envtool.masking import MaskedText, mask_credentials


def render_junit(report: CheckReport) -> str:
    """The document, with all suites."""
    root = ElementTree.Element("testsuites")
    for suite in report.suites:
        outcomes = [case.outcome for case in suite.cases]
        element = ElementTree.SubElement(
            root,
            "testsuite",
            name=_clean(suite.name),
            tests=str(len(outcomes)),
            failures=str(outcomes.count(Outcome.FAILED)),
            skipped=str(outcomes.count(Outcome.SKIPPED)),
            errors=str(outcomes.count(Outcome.ERROR)),
        )
        for case in suite.cases:
            _add_outcome(ElementTree.SubElement(element, "testcase", classname=_clean(suite.group), name=case.id), case)
    ElementTree.indent(root)
    return MaskedText(ElementTree.tostring(root, encoding="unicode", xml_declaration=True))


def _add_outcome(element: ElementTree.Element, case: Case) -> None:
    text = _clean(case.output or "\n".join(line for item in case.problems for line in _render_lines(item)))
    if case.outcome is Outcome.SKIPPED:
        ElementTree.SubElement(element, "skipped", message="ignored")
    elif case.outcome is Outcome.PASSED:
        if text:
            ElementTree.SubElement(element, "system-out").text = text
    else:
        first = case.problems[0]
        attributes = {"message": _clean(first.title), "type": first.level.value}
        ElementTree.SubElement(element, case.outcome.value, attributes).text = text


def _render_lines(problem: Problem) -> Iterator[str]:
    if problem.message:
        yield problem.message
        return
    yield f"{problem.level.value} [{problem.rule}] {problem.title}"
    for item in problem.observations:
        expected = f": expected {item.expected}, found {item.found}" if item.expected else f" {item.found}"
        yield f"  seen   {item.place}{expected}"
    if problem.cause:
        yield f"  cause  {problem.cause}"
    if problem.remedy:
        yield f"  run    {problem.remedy}"


def _clean(text: str) -> str:
    # Masked here, because an escape would hide what is to be masked.
    return replace_invalid_characters(mask_credentials(text))


def replace_invalid_characters(text: str) -> str:
    """XML 1.0 has no way to write most control characters, nor half a surrogate pair."""
    return "".join(c if _is_character(c) else "\N{REPLACEMENT CHARACTER}" for c in text)


def _is_character(c: str) -> bool:
    return c in "\t\n" or (ord(c) >= 32 and not 0xD800 <= ord(c) <= 0xDFFF and ord(c) not in {0xFFFE, 0xFFFF})
