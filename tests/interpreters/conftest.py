"""A virtual environment of each Python in turn, made by that Python and filled by its own pip."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from envtool.demo.python_index import make_upstream_torch
from envtool.demo.vendor_release import write_release
from envtool.demo.wheel_writer import write_wheel
from tests.support.distributions import package
from tests.support.find_pythons import VERSIONS
from tests.support.python_environment import PythonEnvironment, environment_of, require_python


@pytest.fixture(scope="session", params=VERSIONS, ids=[f"python{version}" for version in VERSIONS])
def template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> PythonEnvironment:
    """A virtual environment with the stand-in vendor release, made once for each Python, to be copied."""
    version: str = request.param
    python = require_python(version)
    folder = tmp_path_factory.mktemp(f"python{version}")
    write_release(folder / "release", (int(version.split(".")[0]), int(version.split(".")[1])))
    for content in (
        make_upstream_torch(),
        package("wants-newer", "1.0", ["torch>=2.0"]),
        package("harmless", "1.0", []),
    ):
        write_wheel(content, folder / "wheels")
    made = environment_of(folder, folder, version)
    subprocess.run([str(python), "-m", "venv", str(made.path)], check=True, capture_output=True, timeout=120)
    names = ("torch", "torchvision", "torchaudio")
    made.pip("install", "--quiet", "--no-index", "--find-links", str(made.release), *names)
    return made


@pytest.fixture
def python_environment(template: PythonEnvironment, tmp_path: Path) -> PythonEnvironment:
    """A copy of the template, for a test to change."""
    shutil.copytree(template.path, tmp_path / template.path.name, symlinks=True)
    return environment_of(tmp_path, template.release.parent, template.version)
