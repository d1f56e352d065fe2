"""A virtual environment of one of the Pythons that are found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.environment import Outcome, RealEnvironment, environment_in
from tests.support.find_pythons import find_python, required_versions


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
