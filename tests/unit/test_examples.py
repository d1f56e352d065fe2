"""The pipeline files under examples/ci, held against their own systems' schemas and against envtool's options."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from envtool.cli.application import app

EXAMPLES = Path(__file__).parents[2] / "examples/ci"
SCHEMAS = {"github-actions.yml": "vendor.github-workflows", "gitlab-ci.yml": "vendor.gitlab-ci"}


def test_every_example_has_a_schema() -> None:
    assert {path.name for path in EXAMPLES.iterdir()} == set(SCHEMAS)


@pytest.mark.parametrize("name", list(SCHEMAS))
def test_the_systems_own_schema(name: str) -> None:
    command: list[str | Path] = [
        Path(sys.executable).parent / "check-jsonschema",
        "--builtin-schema",
        SCHEMAS[name],
        EXAMPLES / name,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", list(SCHEMAS))
def test_the_commands_exist_with_their_options(name: str) -> None:
    root = get_command(app)
    text = (EXAMPLES / name).read_text()
    found = re.findall(r"\benvtool ([a-z]+)((?: [^|;&\n]*)?)", text)
    assert {"check", "verify", "blame", "sbom"} <= {command for command, _rest in found}
    for command, rest in found:
        known = {option for parameter in root.commands[command].params for option in parameter.opts}  # type: ignore[attr-defined]
        assert set(re.findall(r"(?<= )--[a-z-]+", rest)) <= known, (command, rest)
