"""Tools that take no constraints, and the hook of pre-commit: run as people run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.environment import TORCH, RealEnvironment

pytestmark = pytest.mark.exhaustive

PROJECT = Path(__file__).parents[2]
TOOLS = Path(sys.executable).parent


def run(tool: str, arguments: list[str], folder: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a tool from PyPI in an environment of its own; poetry's requirements and envtool's exclude each other."""
    command = [str(TOOLS / "uv"), "tool", "run", "--quiet", tool, *arguments]
    environment = {**os.environ, **variables}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def test_poetry_takes_no_constraints_and_check_foretells_it(
    environment: RealEnvironment, index: str, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    text = '[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\npython = ">=3.11,<3.12"\n'
    text += 'torchdiffeq = "*"\ntorch = ">=1.8,<1.9"\n'
    text += f'[[tool.poetry.source]]\nname = "frozen"\nurl = "{index}/"\npriority = "primary"\n'
    (project / "pyproject.toml").write_text(text)
    variables = {**environment.variables, "POETRY_VIRTUALENVS_CREATE": "false", "VIRTUAL_ENV": str(environment.path)}
    variables |= {"PIP_CONSTRAINT": str(tmp_path / "constraints.txt"), "POETRY_CACHE_DIR": str(tmp_path / "poetry")}
    (tmp_path / "constraints.txt").write_text(f"torch=={TORCH}\n")
    variables["PATH"] = f"{environment.path}/bin:{os.environ['PATH']}"
    foretold = environment.envtool(
        "check", "--prefix", str(environment.path), "--static", str(project / "pyproject.toml")
    )
    assert foretold.status == 1
    assert "torch<1.9,>=1.8" in foretold.out
    done = run("poetry", ["install", "--no-interaction"], project, variables)
    assert done.returncode == 0, done.stdout + done.stderr
    found = environment.doctor()["findings"]
    assert [item["id"] for item in found] == ["torch-replaced"]
    assert "oetry" in found[0]["cause"]
    lock = environment.envtool("check", "--prefix", str(environment.path), str(project / "poetry.lock"))
    assert lock.status == 1
    assert environment.restore().status == 0
    assert environment.doctor("--deep")["findings"] == []


def test_pre_commit_stops_a_commit(tmp_path: Path, environment: RealEnvironment) -> None:
    """The hook as published in this repository: installed by pre-commit into an environment of its own."""
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    source = tmp_path / "source"
    subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(source)], check=True)
    for name in (".pre-commit-hooks.yaml", "pyproject.toml"):
        (source / name).write_bytes((PROJECT / name).read_bytes())
    subprocess.run([*git, "-C", str(source), "add", "--all"], check=True)
    subprocess.run([*git, "-C", str(source), "commit", "--quiet", "--allow-empty", "-m", "as it is here"], check=True)
    revision = subprocess.run(
        ["git", "-C", str(source), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    repository = tmp_path / "repository"
    subprocess.run(["git", "init", "--quiet", str(repository)], check=True)
    (repository / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {source.as_uri()}\n  rev: {revision.stdout.strip()}\n"
        f"  hooks:\n  - id: envtool-check\n    args: [--torch, {TORCH}]\n"
    )
    variables = {"PRE_COMMIT_HOME": str(tmp_path / "pre-commit"), "HOME": environment.variables["HOME"]}
    for text, status, said in (
        ("torch==1.7.1\n", 0, "Passed"),
        ("tqdm\ntorch>=2\n", 1, "requirements.txt:2: torch>=2"),
    ):
        (repository / "requirements.txt").write_text(text)
        (repository / "notes.txt").write_text("torch>=2 is not a requirement here\n")
        subprocess.run(["git", "-C", str(repository), "add", "--all"], check=True)
        done = run("pre-commit", ["run", "--all-files"], repository, variables)
        assert done.returncode == status, done.stdout + done.stderr
        assert said in done.stdout
