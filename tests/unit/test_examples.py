"""The pipeline files under examples/ci, held against their own systems' schemas and against envtool's options."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from envtool.cli.application import app
from tests.support.schemas import assert_matches_schema

EXAMPLES = Path(__file__).parents[2] / "examples/ci"
SCHEMAS = {
    "github-actions.yml": "vendor.github-workflows",
    "gitlab-ci.yml": "vendor.gitlab-ci",
    "images-github-actions.yml": "vendor.github-workflows",
    "images-gitlab-ci.yml": "vendor.gitlab-ci",
}
USED = {"images-": {"lock", "matrix"}, "": {"check", "verify", "blame", "sbom"}}


def test_every_example_has_a_schema() -> None:
    assert {path.name for path in EXAMPLES.iterdir()} == set(SCHEMAS)


@pytest.mark.parametrize("name", list(SCHEMAS))
def test_the_systems_own_schema(name: str) -> None:
    assert_matches_schema(EXAMPLES / name, SCHEMAS[name])


def test_the_generated_pipeline_too(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "envtool", "matrix", "--format", "gitlab", "--demo", "--all", "--project"]
    done = subprocess.run([*command, str(EXAMPLES.parents[1])], capture_output=True, text=True, check=True)
    file = tmp_path / "images.yml"
    file.write_text(done.stdout)
    assert_matches_schema(file, "vendor.gitlab-ci")
    jobs = json.loads(done.stdout)
    assert jobs["build hac-devel"]["needs"] == ["build hac-base"]
    assert jobs["build hac-base"]["needs"] == []


@pytest.mark.parametrize("name", list(SCHEMAS))
def test_the_commands_exist_with_their_options(name: str) -> None:
    root = get_command(app)
    text = (EXAMPLES / name).read_text()
    found = re.findall(r"\benvtool ([a-z]+)((?: [^|;&\n]*)?)", text)
    used = next(commands for prefix, commands in USED.items() if name.startswith(prefix))
    assert used <= {command for command, _rest in found}
    for command, rest in found:
        known = {option for parameter in root.get_command(None, command).params for option in parameter.opts}  # type: ignore[attr-defined]
        assert set(re.findall(r"(?<= )--[a-z-]+", rest)) <= known, (command, rest)
