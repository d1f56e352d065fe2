"""The folders that `--write-fixed` writes are resolved by the tools whose files they are.

They look at an index that has the vendor's wheels: none of them takes what is installed for an answer.
"""

from __future__ import annotations

import os
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.corpus.frozen_index import served
from tests.corpus.test_other_tools import TOOLS, run
from tests.support.environment import TORCH, RealEnvironment

pytestmark = pytest.mark.exhaustive

POETRY = """[tool.poetry]
package-mode = false
[tool.poetry.dependencies]
python = ">=3.11,<3.12"
accelerate = {{ version = ">=0.20", extras = ["test_trackers"] }}  # mind
torch = {{ version = "^2.0", optional = true }}
tqdm = "^4.60"
[tool.poetry.extras]
gpu = ["torch"]
[tool.poetry.group.dev.dependencies]
einops = {{ version = "*" }}
[[tool.poetry.source]]
name = "frozen"
url = "{index}/"
priority = "primary"
"""
PROJECT = """[project]
name = "sample"
version = "1"
requires-python = ">=3.11"
dependencies = ["accelerate >= 0.20 ; python_version > '3'", 'torch>=2,<3',  # both
  "tqdm"]
[project.optional-dependencies]
more = ["torchmetrics"]
[dependency-groups]
dev = ["einops"]
[[tool.uv.index]]
url = "{index}"
default = true
"""


@pytest.fixture
def index(release: Path) -> Iterator[str]:
    with served(with_build_tools=True, wheels=release) as address:
        yield address


def write_fixed(text: str, environment: RealEnvironment, index: str, folder: Path) -> Path:
    """The folder of the fixed files."""
    (folder / "project").mkdir()
    path = folder / "project/pyproject.toml"
    path.write_text(text.format(index=index))
    environment.variables.update(PIP_INDEX_URL=index, UV_DEFAULT_INDEX=index)
    words = ("--prefix", str(environment.path), str(path), "--write-fixed", str(folder / "fixed"))
    done = environment.here("check", *words)
    assert done.status == 1, done.out + done.err
    return folder / "fixed"


def read_lock(path: Path) -> dict[str, str]:
    return {row["name"]: row.get("version", "") for row in tomllib.loads(path.read_text())["package"]}


@pytest.mark.parametrize("tool", ["uv", "poetry"])
def test_the_tool_resolves_what_was_written(
    environment: RealEnvironment, index: str, tmp_path: Path, tool: str
) -> None:
    fixed = write_fixed(POETRY if tool == "poetry" else PROJECT, environment, index, tmp_path)
    said = (fixed / "pyproject.toml").read_text()
    if tool == "poetry":
        table = tomllib.loads(said)["tool"]["poetry"]
        assert table["dependencies"]["accelerate"]["extras"] == ["test_trackers"]
        assert table["dependencies"]["torch"]["optional"] is True
        done = run("poetry", ["lock", "--no-interaction"], fixed, {"POETRY_CACHE_DIR": str(tmp_path / "poetry")})
        name = "poetry.lock"
    else:
        environment_variables = {**os.environ, **environment.variables}
        words = [str(TOOLS / "uv"), "lock", "--python", str(environment.python)]
        done = subprocess.run(
            words, cwd=fixed, env=environment_variables, capture_output=True, text=True, check=False, timeout=300
        )
        name = "uv.lock"
    assert done.returncode == 0, f"{said}\n{done.stdout}\n{done.stderr}"
    locked = read_lock(fixed / name)
    assert locked["torch"] == TORCH
    assert locked["accelerate"] < "0.2", locked
    assert environment.here("check", "--prefix", str(environment.path), str(fixed / name)).status == 0
