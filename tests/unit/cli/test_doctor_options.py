"""The options of doctor: what is ignored, what is strict, what is fixed, where it is written."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from envtool.cli.report_format import Format
from tests.support.environment import RealEnvironment


def doctor(environment: RealEnvironment, *arguments: str) -> tuple[int, str, str]:
    done = environment.envtool("doctor", "--prefix", str(environment.path), *arguments)
    return done.status, done.out, done.err


def test_ignored_findings_are_listed_as_ignored(environment: RealEnvironment) -> None:
    environment.uv_install("wants-newer")
    status, out, _ = doctor(environment, "--ignore", "torch-replaced")
    assert status == 0
    assert out.startswith("healthy: ")
    assert "ignored [torch-replaced]" in out
    document = environment.doctor("--ignore", "torch-replaced")
    assert (document["findings"], [item["id"] for item in document["ignored"]]) == ([], ["torch-replaced"])


def test_an_id_that_does_not_exist(environment: RealEnvironment) -> None:
    status, _, err = doctor(environment, "--ignore", "torch-replased")
    assert status == 16
    assert "'torch-replaced' comes near" in err


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hac.toml", '[doctor]\nignore = ["torch-replaced"]\n'),
        ("pyproject.toml", '[tool.hac.doctor]\nignore = ["torch-replaced"]\n'),
    ],
    ids=["hac.toml", "pyproject.toml"],
)
def test_settings_of_a_project(
    environment: RealEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    environment.uv_install("wants-newer")
    project = tmp_path / "project/below"
    project.mkdir(parents=True)
    (project.parent / name).write_text(text)
    monkeypatch.chdir(project)
    assert doctor(environment)[0] == 0
    (project.parent / name).write_text(text.replace("torch-replaced", "guard-off"))
    assert doctor(environment)[0] == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[doctor]\nignores = []\n", "'ignores' is not known"),
        ("[doctor]\nignore = 'x'\n", "not a list"),
        ("[doctor]\nstrict = 1\n", "neither true nor false"),
        ("doctor = 1\n", "not a table"),
        ("[doctor\n", "is not TOML"),
        ('[doctor]\nignore = ["no-such"]\n', "'no-such'"),
    ],
    ids=["unknown key", "no list", "no boolean", "no table", "no TOML", "unknown id"],
)
def test_settings_that_cannot_be_followed(
    environment: RealEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, why: str
) -> None:
    (tmp_path / "hac.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    status, out, err = doctor(environment)
    assert (status, out) == (16, "")
    assert why in err


def test_fix_puts_torch_back_and_leaves_the_rest(environment: RealEnvironment, tmp_path: Path) -> None:
    environment.uv_install("wants-newer")
    other = tmp_path / "other"
    environment.pip_install("--no-deps", "--target", str(other), "torch==2.13.0")
    environment.variables["PYTHONPATH"] = str(other)
    status, out, err = doctor(environment, "--fix", "--format", "json")
    assert status == 1
    assert [item["id"] for item in json.loads(out)["findings"]] == ["torch-shadowed"]
    assert "replace   torch: 2.13.0 -> 1.7.1+cu110.moreh22.8.0" in err
    assert "left to you: [torch-shadowed]" in err
    assert "run: unset PYTHONPATH" in err
    del environment.variables["PYTHONPATH"]
    assert doctor(environment, "--fix")[0] == 0


def test_the_report_in_a_file(environment: RealEnvironment, tmp_path: Path) -> None:
    target = tmp_path / "doctor.prom"
    status, out, _ = doctor(environment, "--format", "prometheus", "--output", str(target))
    assert (status, out) == (0, "")
    assert "hac_doctor_status" in target.read_text()
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    assert [path.name for path in tmp_path.glob(".*prom*")] == []


def test_a_report_that_cannot_be_written(environment: RealEnvironment, tmp_path: Path) -> None:
    status, _, err = doctor(environment, "--output", str(tmp_path / "absent/doctor.txt"))
    assert status == 3
    assert "--output FILE" in err


@pytest.mark.parametrize(
    "options", [["--container", "y"], ["--probe"], ["--fix"], ["--driver"]], ids=lambda options: options[0]
)
def test_options_that_exclude_each_other(environment: RealEnvironment, options: list[str]) -> None:
    assert environment.here("doctor", "--image", "x", *options).status == 2


def test_every_format_has_a_name_in_the_help(environment: RealEnvironment) -> None:
    environment.variables["COLUMNS"] = "300"
    text = environment.envtool("doctor", "--help").out
    assert all(format.value in text for format in Format)
