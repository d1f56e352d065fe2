"""What pip and uv really say when they give up because of the constraints, put into plain words."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from envtool.guard.explain import Conflict, find_conflicts, render_conflicts
from envtool.release.pin import PinnedDistribution, PinOrigin, VendorPin
from tests.support.environment import TORCH, RealEnvironment

PIN = VendorPin(
    (PinnedDistribution(name="torch", version=TORCH), PinnedDistribution(name="torchvision", version="0.8.2")),
    PinOrigin.FILE,
)


@pytest.fixture
def constraints(tmp_path: Path) -> Path:
    path = tmp_path / "constraints.txt"
    path.write_text(PIN.render_constraints())
    return path


def pip_says(environment: RealEnvironment, constraints: Path, *requirements: str) -> str:
    log = constraints.parent / "pip.log"
    arguments = ("install", "--no-index", "--find-links", str(environment.wheels), "-c", str(constraints))
    outcome = environment.pip(*arguments, "--log", str(log), *requirements, check=False)
    assert outcome.status != 0
    return log.read_text()


def uv_says(environment: RealEnvironment, constraints: Path, *requirements: str) -> str:
    import sys

    command = [str(Path(sys.executable).parent / "uv"), "pip", "install", "--python", str(environment.python)]
    command += ["--no-index", "--find-links", str(environment.wheels), "-c", str(constraints), *requirements]
    variables = {**os.environ, **environment.variables}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    assert done.returncode != 0
    return done.stderr


def test_pip_names_the_package(environment: RealEnvironment, constraints: Path) -> None:
    conflicts = find_conflicts(pip_says(environment, constraints, "wants-newer", "harmless"), PIN)
    assert conflicts == (Conflict("wants-newer", "1.0", "torch>=2.0"),)
    text = render_conflicts(conflicts, PIN, "pip install wants-newer")
    assert "pulled in by wants-newer 1.0, which wants torch>=2.0" in text
    assert 'pip install "wants-newer<1.0"' in text


def test_pip_asked_directly(environment: RealEnvironment, constraints: Path) -> None:
    conflicts = find_conflicts(pip_says(environment, constraints, "torch>=2"), PIN)
    assert conflicts == (Conflict(None, None, "torch>=2"),)
    assert "the instruction itself" in render_conflicts(conflicts, PIN, "pip install 'torch>=2'")


def test_uv_names_the_package(environment: RealEnvironment, constraints: Path) -> None:
    conflicts = find_conflicts(uv_says(environment, constraints, "wants-newer"), PIN)
    assert [(item.name, item.requirement) for item in conflicts] == [("wants-newer", "torch>=2.0")]


def test_uv_asked_directly(environment: RealEnvironment, constraints: Path) -> None:
    conflicts = find_conflicts(uv_says(environment, constraints, "torch>=2"), PIN)
    assert [(item.name, item.requirement) for item in conflicts] == [(None, "torch>=2")]


def test_other_failures_are_left_alone(environment: RealEnvironment, constraints: Path) -> None:
    assert find_conflicts(pip_says(environment, constraints, "no-such-package"), PIN) == ()
    assert find_conflicts(uv_says(environment, constraints, "no-such-package"), PIN) == ()
