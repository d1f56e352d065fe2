"""Case 16: torch is the vendor's and whole, but something that it requires is not there."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from envtool.demo.vendor_release import make_release_contents
from envtool.demo.wheel_writer import write_wheel
from tests.support.distributions import package
from tests.support.environment import PYTHON, TORCH, RealEnvironment
from tests.support.small_index import small_index
from tests.support.verdict import Verdict

NEEDS = ["half-floats>=1.16", 'old-classes ; python_version < "3.7"', 'drawing ; extra == "show"']


@pytest.fixture
def demanding(environment: RealEnvironment, tmp_path: Path) -> RealEnvironment:
    """An environment whose torch requires something; no pin file knows that wheel."""
    wheel = write_wheel(replace(make_release_contents(PYTHON, TORCH)[0], requires=NEEDS), tmp_path / "demanding")
    write_wheel(package("half-floats", "1.20", []), tmp_path / "demanding")
    environment.pip("uninstall", "--yes", "torch")
    (environment.path / "etc/hac/pin.toml").unlink()
    environment.pip_install("--find-links", str(tmp_path / "demanding"), str(wheel))
    return environment


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_uninstalled(demanding: RealEnvironment, verdict: Verdict, tool: str) -> None:
    if tool == "pip":
        demanding.pip("uninstall", "--yes", "half-floats")
    else:
        uv = str(Path(sys.executable).parent / "uv")
        subprocess.run(
            [uv, "pip", "uninstall", "--quiet", "--python", str(demanding.python), "half-floats"], check=True
        )
    finding = verdict.finds(demanding, "requirement-missing", cause="it was uninstalled")
    assert finding["title"] == "torch needs half-floats>=1.16, which is missing"
    assert "half-floats>=1.16" in finding["remedy"]


def test_check_tells_it_as_that(demanding: RealEnvironment, tmp_path: Path) -> None:
    demanding.pip("uninstall", "--yes", "half-floats")
    file = tmp_path / "requirements.txt"
    file.write_text("torch\n")
    said = "torch needs half-floats>=1.16, which is missing"
    done = demanding.envtool("check", "--prefix", str(demanding.path), "--static", str(file))
    assert said in done.out, done.out + done.err
    with small_index({}) as index:
        demanding.variables.update(PIP_INDEX_URL=index, UV_DEFAULT_INDEX=index)
        done = demanding.envtool("check", "--prefix", str(demanding.path), str(file))
    assert said in done.out + done.err, done.out + done.err


def test_healthy_twin(demanding: RealEnvironment, verdict: Verdict) -> None:
    verdict.silent(demanding)
