"""Case 8: torchvision that belongs to another torch, where the release has none of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from envtool.demo.wheel_writer import write_wheel
from tests.support.distributions import package
from tests.support.environment import RealEnvironment
from tests.support.verdict import Verdict


@pytest.fixture
def without_companions(environment: RealEnvironment) -> RealEnvironment:
    """An environment whose release is torch alone, as some of the vendor's are."""
    environment.pip("uninstall", "--yes", "torchvision", "torchaudio")
    pin = environment.path / "etc/hac/pin.toml"
    head, *rows = re.split(r"(?=^\[\[distribution\]\])", pin.read_text(), flags=re.MULTILINE)
    pin.write_text(head + "".join(row for row in rows if 'name = "torch"' in row))
    return environment


def test_pip_without_dependencies(without_companions: RealEnvironment, verdict: Verdict, tmp_path: Path) -> None:
    environment = without_companions
    wheel = write_wheel(package("torchvision", "0.19.0", ["torch==2.4.0"]), tmp_path / "other")
    environment.pip("install", "--quiet", "--no-deps", "--no-index", str(wheel))
    finding = verdict.finds(environment, "companion-mismatch", cause="asked for by name")
    assert finding["evidence"][0]["found"] == "torch==2.4.0"


def test_uv_for_another_package(without_companions: RealEnvironment, verdict: Verdict, tmp_path: Path) -> None:
    environment = without_companions
    others = tmp_path / "other"
    write_wheel(package("torchvision", "0.19.0", ["torch>=2.0"]), others)
    write_wheel(package("image-models", "1.0", ["torchvision"]), others)
    environment.uv_install("--no-deps", "--find-links", str(others), "torchvision", "image-models")
    verdict.finds(environment, "companion-mismatch", cause="image-models 1.0 requires torchvision")


def test_healthy_twin(without_companions: RealEnvironment, verdict: Verdict) -> None:
    without_companions.uv_install("torchvision==0.8.2")
    verdict.silent(without_companions, "--deep")
