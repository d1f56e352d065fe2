"""SARIF that code scanning takes: GitHub refuses a whole file for one result without a file, or with too many."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from envtool.cli.render.interface import CheckReport, FileLocation, Level, NamedLocation, Problem, Rule, Suite
from envtool.cli.render.sarif import render_sarif


def render(*problems: Problem, title: str = "a title") -> dict[str, Any]:
    suite = Suite(name="all", group="all", verdict="", problems=problems)
    report = CheckReport(tool="envtool verify", rules=(Rule("a-rule", title),), suites=(suite,))
    run: dict[str, Any] = json.loads(render_sarif(report))["runs"][0]
    return run


def read_uri(problem: Problem) -> str:
    (result,) = render(problem)["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["region"]["startLine"] >= 1
    uri: str = place["artifactLocation"]["uri"]
    return uri


@pytest.mark.parametrize(
    ("location", "uri"),
    [
        (NamedLocation("docker://registry.example.com/team/app:1", is_image=True), "registry.example.com/team/app%3A1"),
        (NamedLocation("oci:/srv/layout", is_image=True), "srv/layout"),
        (NamedLocation("ubuntu:24.04", is_image=True), "ubuntu%3A24.04"),
        (NamedLocation("team/app@sha256:0a", is_image=True), "team/app%40sha256%3A0a"),
        (NamedLocation("PATH"), "PATH"),
        (FileLocation("a b/100%.txt", 3), "a%20b/100%25.txt"),
        (FileLocation("./x/../요구.txt", 1), "%EC%9A%94%EA%B5%AC.txt"),
        (FileLocation("c:d.txt"), "c%3Ad.txt"),
        (FileLocation("x#y?.py", 0), "x%23y%3F.py"),
        (FileLocation("/opt/conda/envs/a b", 7), "file:///opt/conda/envs/a%20b"),
        (FileLocation("."), "."),
    ],
)
def test_each_place_is_a_file_and_a_line(
    location: FileLocation | NamedLocation, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = read_uri(Problem(rule="a-rule", title="t", locations=(location,)))
    assert found == uri
    assert urlsplit(found).scheme in {"", "file"}


def test_what_is_below_the_working_folder_is_told_from_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    inside = Problem(rule="a-rule", title="t", locations=(FileLocation(str(tmp_path / "sub/file.txt"), 2),))
    assert read_uri(inside) == "sub/file.txt"
    outside = Problem(rule="a-rule", title="t", locations=(FileLocation("../file.txt", 2),))
    assert unquote(read_uri(outside)) == f"file://{tmp_path.parent}/file.txt"


def test_a_problem_without_a_place_has_one() -> None:
    assert read_uri(Problem(rule="a-rule", title="t", subject="team/app:1")) == "team/app%3A1"
    assert read_uri(Problem(rule="a-rule", title="t")) == "."


def test_of_too_many_results_the_worst_are_kept() -> None:
    note = Problem(rule="a-rule", title="n", level=Level.NOTE, locations=(FileLocation("f", 1),))
    run = render(*[note] * 25_000, Problem(rule="a-rule", title="e"))
    assert len(run["results"]) == 25_000
    assert run["results"][0]["level"] == "error"
    assert run["properties"] == {"resultsLeftOut": 1}


def test_a_result_has_not_more_places_than_are_taken() -> None:
    (result,) = render(Problem(rule="a-rule", title="t", locations=(FileLocation("f", 1),) * 1001))["results"]
    assert len(result["locations"]) == 1_000


def test_each_command_is_a_category_of_its_own() -> None:
    """Several logs of one upload are told apart by it."""
    assert render()["automationDetails"] == {"id": "envtool-verify/"}


def test_a_rules_title_is_not_longer_than_is_shown() -> None:
    (rule,) = render(title="word " * 1000)["tool"]["driver"]["rules"]
    assert len(rule["shortDescription"]["text"]) <= 1024
