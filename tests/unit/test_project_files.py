"""What a public project has: its files are of the form that GitHub, PyPI and uv read, and say the same."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from email.parser import BytesParser
from pathlib import Path

import pytest
import yaml

import envtool
from tests.support.schemas import assert_matches_schema

PROJECT = Path(__file__).parents[2]
TOOLS = Path(sys.executable).parent
GITHUB = PROJECT / ".github"
SCHEMAS = {
    "dependabot.yml": "vendor.dependabot",
    "ISSUE_TEMPLATE/bug.yml": "vendor.github-issue-forms",
    "ISSUE_TEMPLATE/config.yml": "vendor.github-issue-config",
    "ISSUE_TEMPLATE/feature.yml": "vendor.github-issue-forms",
    "workflows/ci.yml": "vendor.github-workflows",
    "workflows/docs.yml": "vendor.github-workflows",
    "workflows/release.yml": "vendor.github-workflows",
}


@pytest.mark.parametrize("name", list(SCHEMAS))
def test_file_matches_the_schema_of_github(name: str) -> None:
    assert_matches_schema(GITHUB / name, SCHEMAS[name])


def test_every_file_for_github_has_a_schema() -> None:
    assert {str(path.relative_to(GITHUB)) for path in GITHUB.rglob("*.yml")} == set(SCHEMAS)


@pytest.mark.parametrize("name", [name for name in SCHEMAS if name.startswith("workflows/")])
def test_workflow_calls_only_targets_that_the_makefile_has(name: str) -> None:
    jobs = yaml.safe_load((GITHUB / name).read_text())["jobs"]
    commands = [step.get("run", "") for job in jobs.values() for step in job["steps"]]
    targets = [word for command in commands if command.startswith("make ") for word in command.split()[1:]]
    assert targets
    subprocess.run(["make", "--dry-run", *targets], cwd=PROJECT, check=True, capture_output=True)


@pytest.mark.parametrize("name", [name for name in SCHEMAS if name.startswith("workflows/")])
def test_workflow_names_actions_by_commit(name: str) -> None:
    """A tag can be moved to other code."""
    jobs = yaml.safe_load((GITHUB / name).read_text())["jobs"]
    used = [step["uses"] for job in jobs.values() for step in job["steps"] if "uses" in step]
    assert used
    assert [action for action in used if len(action.partition("@")[2]) != 40] == []


def test_hooks_run_tools_that_the_environment_has() -> None:
    (repository,) = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())["repos"]
    programs = {hook["entry"].split()[0] for hook in repository["hooks"]} - {"git"}
    assert programs
    assert [program for program in programs if not (TOOLS / Path(program).name).exists()] == []


def test_lock_is_that_of_pyproject(tmp_path: Path) -> None:
    """With an empty cache and no network, so that uv can only compare; without an index that is set up here."""
    command: list[str | Path] = [TOOLS / "uv", "lock", "--check", "--offline", "--cache-dir", tmp_path]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("UV_")}
    done = subprocess.run(command, cwd=PROJECT, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"uv.lock is out of date; run: uv lock\n{done.stderr}"


def test_lock_names_public_addresses_only() -> None:
    packages = tomllib.loads((PROJECT / "uv.lock").read_text())["package"]
    sources = {row["source"].get("registry", row["source"].get("editable")) for row in packages}
    assert sources == {"https://pypi.org/simple", "."}
    files = [file for row in packages for file in [*row.get("wheels", []), *filter(None, [row.get("sdist")])]]
    assert {file["url"].split("/")[2] for file in files} == {"files.pythonhosted.org"}
    assert all(file["hash"].startswith("sha256:") for file in files)


def test_lock_has_no_torch() -> None:
    packages = tomllib.loads((PROJECT / "uv.lock").read_text())["package"]
    assert {row["name"] for row in packages} & {"torch", "torchvision", "torchaudio"} == set()


def test_wheel_carries_the_licence_the_types_and_the_version(tmp_path: Path) -> None:
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "--target",
        "wheel",
        "--directory",
        tmp_path,
    ]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        information = f"hac_envtool-{envtool.__version__}.dist-info"
        metadata = BytesParser().parsebytes(archive.read(f"{information}/METADATA"))
        licence = archive.read(f"{information}/licenses/LICENSE")
        assert "envtool/py.typed" in archive.namelist()
        assert "envtool/models/samples/resnet/train.py" in archive.namelist()
    description = str(metadata.get_payload())
    # PyPI has none of the files that a relative link leads to.
    assert "# hac-envtool" in description
    assert [link for link in re.findall(r"\]\(([^)]+)\)", description) if not link.startswith("https://")] == []
    assert "https://hac-envtool.github.io/hac-envtool/assets/terminal.svg" in description
    assert metadata["Version"] == envtool.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert licence == (PROJECT / "LICENSE").read_bytes()


def test_changelog_has_keep_a_changelog_headings() -> None:
    """Versions, and below each one the kinds of change in any order."""
    text = (PROJECT / "CHANGELOG.md").read_text()
    versions = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    kinds = {line[4:] for line in text.splitlines() if line.startswith("### ")}
    assert versions[0] == "[Unreleased]"
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert kinds
