"""The pipeline files under examples/ci, held against their own systems' schemas and against envtool's options.

So is the development container under examples/devcontainer, against the image table.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from envtool.cli.application import app
from envtool.image.inputs.accounts import USER
from envtool.image.spec.table import ENVIRONMENT_PREFIX, read_table
from tests.support.schemas import assert_matches_schema

EXAMPLES = Path(__file__).parents[2] / "examples/ci"
DEVELOPMENT = EXAMPLES.parent / "devcontainer"
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
    text = (EXAMPLES / name).read_text()
    found = re.findall(r"\benvtool ([a-z]+)((?: [^|;&\n]*)?)", text)
    used = next(commands for prefix, commands in USED.items() if name.startswith(prefix))
    assert used <= {command for command, _rest in found}
    for command, rest in found:
        assert set(re.findall(r"(?<= )--[a-z-]+", rest)) <= list_options(command), (command, rest)


def list_options(command: str) -> set[str]:
    """The options of a command of envtool; a command that does not exist fails the test."""
    known = get_command(app).get_command(None, command)  # type: ignore[attr-defined]
    assert known is not None, command
    return {option for parameter in known.params for option in parameter.opts}


def read_development_container() -> dict[str, Any]:
    """devcontainer.json, without comments, so that every program reads it."""
    return dict(json.loads((DEVELOPMENT / ".devcontainer/devcontainer.json").read_text()))


def test_the_development_container_has_an_image_and_a_user_of_ours() -> None:
    document = read_development_container()
    # containers.dev, "Dev Container metadata reference": properties of a container that is made from an image.
    general = {"name", "remoteUser", "postCreateCommand", "postStartCommand", "customizations"}
    assert set(document) <= general | {"image", "runArgs"}
    assert document["image"] in read_table(EXAMPLES.parents[1])
    assert document["remoteUser"] == USER
    # The tools give that user the number of whoever starts it, and with it the home alone; the rest is group 0's.
    assert document["runArgs"] == ["--group-add", "0"]
    interpreter = document["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"]
    assert interpreter == f"{ENVIRONMENT_PREFIX}/bin/python"


@pytest.mark.parametrize(
    ("event", "command"), [("postCreateCommand", "install"), ("postStartCommand", "doctor")], ids=["create", "start"]
)
def test_the_development_containers_commands_exist(event: str, command: str) -> None:
    program, name, *rest = shlex.split(read_development_container()[event])
    assert (program, name) == ("envtool", command)
    # What install takes are pip's options, which its own parser knows.
    options = {word for word in rest if word.startswith("-")}
    assert options <= list_options(command) | ({"-r"} if command == "install" else set())
    assert all((DEVELOPMENT / word).is_file() for word in rest if not word.startswith("-"))
