"""What pip and uv really say when they give up because of the constraints, put into plain words."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from envtool.demo.wheel_writer import write_wheel
from envtool.guard.explain import Conflict, find_conflicts, find_culprits, list_found_releases, render_conflicts
from envtool.guard.instruction import find_install_steps
from envtool.guard.suggestion import Trouble, suggest_changes
from envtool.release.pin import PinnedDistribution, PinOrigin, VendorPin
from tests.support.distributions import package
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


def explain(output: str, command: str, folder: Path = Path("/")) -> str:
    conflicts = find_conflicts(output, PIN)
    suggestions = suggest_changes(
        find_culprits(conflicts, output), PIN, find_install_steps(command, folder), Trouble.GAVE_UP
    )
    return render_conflicts(conflicts, PIN, command, suggestions)


def test_pip_names_the_package(environment: RealEnvironment, constraints: Path) -> None:
    output = pip_says(environment, constraints, "wants-newer", "harmless")
    assert find_conflicts(output, PIN) == (Conflict("wants-newer", "1.0", "torch>=2.0"),)
    text = explain(output, "pip install wants-newer")
    assert "pulled in by wants-newer 1.0, which wants torch>=2.0" in text
    # There is no older one.
    assert "wants-newer<" not in text
    assert "  run " not in text
    assert "leave wants-newer out of the requirements" in text


def test_an_older_release_is_named_where_pip_found_one(environment: RealEnvironment, constraints: Path) -> None:
    wheels = constraints.parent / "more"
    wheels.mkdir()
    for version in ("0.9", "1.0rc1", "1.1", "1.2"):
        write_wheel(package("wants-more", version, ["torch>=2"] if version > "1" else []), wheels)
    write_wheel(package("wants-more-still", "0.5", []), wheels)
    output = pip_says(environment, constraints, "wants-more>=1.1", "--find-links", str(wheels))
    text = explain(output, "pip3 install 'wants-more>=1.1' six")
    assert 'run          pip3 install "wants-more<1.1" six' in text
    assert text.count("pulled in by wants-more") == 1
    assert "another release of wants-more as well" in text
    assert list_found_releases(output, "wants-more") == ("0.9", "1.1", "1.2")
    assert list_found_releases(output, "wants") == ()


def test_a_project_is_no_name_of_an_index(environment: RealEnvironment, constraints: Path) -> None:
    wheels = constraints.parent / "dist"
    wheels.mkdir()
    wheel = write_wheel(package("mine", "1.0", ["torch>=2"]), wheels)
    output = pip_says(environment, constraints, str(wheel))
    text = explain(output, f"pip install {wheel}")
    assert "mine<" not in text
    assert f"let mine ({wheel}) ask for torch==1.7.1 or plain torch" in text


def test_a_constraints_file_of_ones_own(environment: RealEnvironment, constraints: Path) -> None:
    own = constraints.parent / "own.txt"
    own.write_text("torch==2.0\n")
    text = explain(pip_says(environment, constraints, "-c", str(own), "wants-any"), f"pip install -c {own} wants-any")
    assert "the instruction itself, which wants torch==2.0" in text
    assert f"fix          in {own}: ask for torch==1.7.1 or plain torch" in text


def test_pip_asked_directly(environment: RealEnvironment, constraints: Path) -> None:
    output = pip_says(environment, constraints, "torch>=2")
    assert find_conflicts(output, PIN) == (Conflict(None, None, "torch>=2"),)
    text = explain(output, "pip install 'torch>=2'")
    assert "the instruction itself" in text
    assert "run          pip install torch" in text


def test_uv_names_the_package(environment: RealEnvironment, constraints: Path) -> None:
    conflicts = find_conflicts(uv_says(environment, constraints, "wants-newer"), PIN)
    assert [(item.name, item.requirement) for item in conflicts] == [("wants-newer", "torch>=2.0")]
    output = uv_says(environment, constraints, "wants-newer")
    # There is no other release, so none is told to be looked for.
    assert "  run " not in explain(output, "uv pip install --system wants-newer")
    output = re.sub("all versions of|only", "version 1 of", output)
    text = explain(output, "uv pip install --system 'wants-newer>=1'")
    assert "run          uv pip install --system wants-newer   (with the image's own pins uv takes a release" in text


def test_uv_asked_directly(environment: RealEnvironment, constraints: Path) -> None:
    conflicts = find_conflicts(uv_says(environment, constraints, "torch>=2"), PIN)
    assert [(item.name, item.requirement) for item in conflicts] == [(None, "torch>=2")]


def test_other_failures_are_left_alone(environment: RealEnvironment, constraints: Path) -> None:
    assert find_conflicts(pip_says(environment, constraints, "no-such-package"), PIN) == ()
    assert find_conflicts(uv_says(environment, constraints, "no-such-package"), PIN) == ()
