"""Fixes that a person would accept: minimal, proven, with reasons that stand in somebody's metadata."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.environment import TORCH, RealEnvironment, real_pip
from tests.support.small_index import Release, small_index

# The vendor's torch here is a 1.7.1.
PROJECTS = {
    "torch": {"1.7.1": Release(), "1.8.1": Release(), "2.4.0": Release()},
    "torchvision": {"0.8.2": Release(("torch==1.7.1",)), "0.19.0": Release(("torch==2.4.0",))},
    # As of sentence embedders: the last that accepts an old torch was published as source only.
    "phrases": {
        "2.1": Release(("torch>=1.6",), is_source=True),
        "2.2": Release(("torch>=1.6",), is_source=True),
        "2.3": Release(("torch>=1.11",)),
        "3.0": Release(("torch>=1.11",)),
    },
    # As of kernels: each version is for exactly one torch, and the oldest for a still older one.
    "attend": {
        "0.1": Release(("torch==1.6.0",)),
        "0.2": Release(("torch==1.7.1",)),
        "0.3": Release(("torch==1.8.1",)),
        "0.4": Release(("torch==2.4.0",)),
    },
    "shards": {"0.3": Release(("torch>=1.5",)), "0.4": Release(("torch>=1.8",)), "0.5": Release(("torch>=1.8",))},
    "eyes": {"0.4": Release(("torch>=1.4", "plain")), "0.9": Release(("torch>=1.4", "plain"))},
    "heads": {"1.0": Release(("eyes<0.5", "torch"))},
    "plain": {"1.0": Release(), "2.0": Release()},
    "stuck": {"1.0": Release(("torch>=1.9",)), "2.0": Release(("torch>=2",))},
}


@pytest.fixture(scope="module")
def index() -> Iterator[str]:
    with small_index(PROJECTS) as address:
        yield address


@pytest.fixture
def configured(environment: RealEnvironment, index: str) -> RealEnvironment:
    environment.variables.update(PIP_INDEX_URL=index, UV_DEFAULT_INDEX=index)
    return environment


def find_fix(environment: RealEnvironment, file: Path) -> dict[str, Any]:
    done = environment.envtool("check", "--prefix", str(environment.path), "--format", "json", str(file))
    assert done.status == 1, done.out + done.err
    found: dict[str, Any] = json.loads(done.out)["answers"][0]["suggestion"]
    return found


# Lines → what becomes of those that change, each with its reason.
CASES: dict[str, tuple[list[str], dict[str, tuple[str, str]]]] = {
    "source-only": (["phrases>=2.2"], {"phrases>=2.2": ("phrases==2.2", "phrases 3.0 requires torch>=1.11")}),
    "one-torch-each": (["attend"], {"attend": ("attend==0.2", "attend 0.4 requires torch==2.4.0")}),
    "innocent-pins": (
        ["shards==0.4", "eyes==0.4", "plain==1.0", "torch"],
        {"shards==0.4": ("shards==0.3", "shards 0.4 requires torch>=1.8")},
    ),
    "two-culprits": (
        ["plain==1.0", "shards>=0.3", "phrases", "torch>=1.7"],
        {
            "shards>=0.3": ("shards==0.3", "shards 0.5 requires torch>=1.8"),
            "phrases": ("phrases==2.2", "phrases 3.0 requires torch>=1.11"),
        },
    ),
    "torch-itself": (["plain==1.0", "torch>=2"], {"torch>=2": (f"torch=={TORCH}", "the vendor's build")}),
    "none-possible": (
        ["plain", "stuck"],
        {"stuck": ("without stuck", "every version that can be had wants another torch, the most modest torch>=1.9")},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_only_what_must_change_changes(configured: RealEnvironment, tmp_path: Path, name: str) -> None:
    lines, expected = CASES[name]
    file = tmp_path / "requirements.txt"
    file.write_text("".join(f"{line}\n" for line in lines))
    found = find_fix(configured, file)
    changes = {item["was"]: (item["becomes"], item["why"]) for item in found["replacements"]}
    assert changes == expected
    # What is written installs for real, by both, and leaves the vendor's torch as it is.
    done = configured.envtool(
        "check", "--prefix", str(configured.path), str(file), "--write-fixed", str(tmp_path / "fixed")
    )
    assert (tmp_path / "fixed/requirements.txt").exists(), done.out + done.err
    for tool in ("pip", "uv"):
        assert _would_install(configured, tool, tmp_path / "fixed/requirements.txt"), tool


def _would_install(environment: RealEnvironment, tool: str, file: Path) -> bool:
    """Whether a dry run succeeds and speaks of no torch."""
    command = {
        "pip": [*real_pip(environment.python), "install", "--dry-run", "--quiet"],
        "uv": [
            str(Path(sys.executable).parent / "uv"),
            "pip",
            "install",
            "--dry-run",
            "--python",
            str(environment.python),
        ],
    }[tool]
    done = subprocess.run(
        [*command, "-r", str(file)],
        env={**os.environ, **environment.variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return done.returncode == 0 and "torch-" not in done.stdout and "+ torch=" not in done.stderr


@pytest.mark.parametrize(
    ("words", "verdict"),
    [("", "clobbered"), ("--resolution lowest-direct ", "safe"), ("--resolution=lowest ", "safe")],
    ids=["newest", "lowest-direct", "lowest"],
)
def test_what_an_instruction_says_of_the_choice_counts(
    configured: RealEnvironment, tmp_path: Path, words: str, verdict: str
) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text(f"FROM python:3.11\nRUN uv pip install {words}'shards>=0.3'\n")
    done = configured.envtool("check", "--prefix", str(configured.path), "--format", "json", str(file))
    answers = [item for item in json.loads(done.out)["answers"] if "shards" in item["set"]]
    assert [item["verdict"] for item in answers] == [verdict], done.out


def test_an_address_is_never_replaced_by_a_project_of_that_name(configured: RealEnvironment, tmp_path: Path) -> None:
    project = tmp_path / "plain"
    project.mkdir()
    (project / "pyproject.toml").write_text('[project]\nname = "plain"\nversion = "9"\ndependencies = ["torch>=2"]\n')
    file = tmp_path / "requirements.txt"
    for line in (f"plain @ {project.as_uri()}", f"-e {project}", str(project)):
        file.write_text(f"{line}\neyes\n")
        found = find_fix(configured, file)
        assert found["replacements"] == [], line
        assert "plain 9 requires torch>=2" in found["none"]
