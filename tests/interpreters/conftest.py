"""A virtual environment of each Python in turn, made by that Python and filled by its own pip."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from envtool.demo.python_index import make_upstream_torch
from envtool.demo.vendor_release import write_release
from envtool.demo.wheel_writer import write_wheel
from tests.conftest import Outcome, RealEnvironment, environment_in, package
from tests.interpreters.find_pythons import VERSIONS, find_python, required_versions


@dataclass(frozen=True)
class PythonEnvironment(RealEnvironment):
    """An environment with its own pip, and the folder with the vendor's release for its Python."""

    version: str
    release: Path

    @property
    def site_packages(self) -> Path:
        """Where distributions are."""
        return self.path / "lib" / f"python{self.version}" / "site-packages"

    def pip(self, *arguments: str, check: bool = True) -> Outcome:
        """Run the environment's own pip."""
        return self.run("-m", "pip", "--disable-pip-version-check", *arguments, check=check)

    def run(self, *arguments: str, check: bool = True) -> Outcome:
        """Run the environment's interpreter."""
        return self._run([str(self.python), *arguments], check=check)


def environment_of(folder: Path, shared: Path, version: str) -> PythonEnvironment:
    """The environment of a Python below `folder`, which need not be there yet; wheels come from `shared`."""
    plain = environment_in(folder, shared / "wheels", shared)
    return PythonEnvironment(plain.path, plain.wheels, plain.variables, version, shared / "release")


def require_python(version: str) -> Path:
    """The interpreter of a version. Skips the test where there is none, and fails it where one is required."""
    found = find_python(version)
    if found is None:
        message = f"no CPython {version} with venv and ensurepip is found; HAC_TEST_PYTHONS may name one"
        if version in required_versions():
            pytest.fail(message)
        pytest.skip(message)
    return found


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
