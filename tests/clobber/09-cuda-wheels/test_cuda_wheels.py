"""Case 9: CUDA runtime wheels dragged in by an upstream torch."""

from __future__ import annotations

import subprocess

from envtool.demo.wheel_writer import WheelContent, write_wheel
from tests.support.distributions import package
from tests.support.environment import RealEnvironment
from tests.support.verdict import Verdict


def add_wheels(environment: RealEnvironment) -> str:
    """An upstream torch that requires CUDA wheels, one of which requires another; returns the folder's path."""
    folder = environment.path.parent / "cuda"
    torch = WheelContent(
        name="torch",
        version="2.14.0",
        tag="py3-none-any",
        files={"torch/__init__.py": b""},
        summary="for tests",
        requires=["nvidia-cublas-cu12", "triton==3.0; python_version >= '3.8'"],
    )
    for content in (
        torch,
        package("nvidia-cublas-cu12", "12.1", ["nvidia-nvrtc-cu12"]),
        package("nvidia-nvrtc-cu12", "12.1", []),
        package("triton", "3.0", []),
        package("renders-with-nvidia", "1.0", ["nvidia-nvrtc-cu12"]),
    ):
        write_wheel(content, folder)
    return str(folder)


def test_gone_with_the_restore(environment: RealEnvironment) -> None:
    folder = add_wheels(environment)
    environment.pip_install("--find-links", folder, "-U", "torch")
    outcome = environment.restore()
    assert outcome.out.count("\n  remove ") == 3, outcome.out
    assert "only torch 2.14.0 wanted it" in outcome.out
    assert environment.doctor("--deep")["findings"] == []
    assert not [*environment.site_packages.glob("nvidia*"), *environment.site_packages.glob("triton*")]


def test_named_after_the_restore_and_gone_with_the_remedy(environment: RealEnvironment, verdict: Verdict) -> None:
    folder = add_wheels(environment)
    environment.pip_install("--find-links", folder, "-U", "torch")
    assert environment.finding_ids() == {"torch-replaced", "cuda-wheels"}
    outcome = environment.restore("--keep-orphans")
    assert "leave     3 CUDA runtime distributions" in outcome.out
    document = environment.doctor()
    assert document["status"] == "degraded"
    finding = document["findings"][0]
    assert finding["id"] == "cuda-wheels"
    verdict.finds(environment, "cuda-wheels", cause="stayed when it went")
    words = finding["remedy"].split(" -m pip ")[1].split()
    environment.pip(*words)
    assert environment.doctor("--deep")["findings"] == []


def test_what_another_distribution_requires_is_left_out(environment: RealEnvironment) -> None:
    folder = add_wheels(environment)
    environment.pip_install("--find-links", folder, "nvidia-cublas-cu12", "renders-with-nvidia")
    finding = environment.doctor()["findings"][0]
    assert finding["remedy"].endswith("uninstall --yes nvidia-cublas-cu12")
    outcome = environment.restore()
    assert "leave     nvidia-cublas-cu12" in outcome.out
    assert "it was asked for by name" in outcome.out
    assert environment.finding_ids() == {"cuda-wheels"}


def test_healthy_twin(environment: RealEnvironment, verdict: Verdict) -> None:
    """CUDA wheels that something needs, and a distribution with a name that only sounds like one."""
    folder = add_wheels(environment)
    sounds = write_wheel(package("my-nvidia-notes", "1.0", []), environment.path.parent / "sounds")
    environment.pip_install("--find-links", folder, "renders-with-nvidia", str(sounds))
    verdict.silent(environment, "--deep")
    assert subprocess.run([environment.python, "-c", "import torch"], check=False).returncode == 0
