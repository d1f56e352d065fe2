"""Case 2: another vendor release than the pinned one."""

from __future__ import annotations

import pytest

from tests.support.distributions import other_release
from tests.support.environment import TORCH, RealEnvironment
from tests.support.verdict import Verdict


@pytest.mark.parametrize("version", ["1.7.1+cu110.moreh9.1", "1.7.1+cu110.moreh22.12.0", "1.10.0+cpuonly.moreh0.2.0"])
def test_named_and_restored(environment: RealEnvironment, verdict: Verdict, version: str) -> None:
    wheel = other_release(environment.path.parent, version)
    environment.pip("install", "--quiet", "--no-deps", "--no-index", str(wheel))
    finding = verdict.finds(environment, "torch-other-release", cause="from file://")
    assert finding["evidence"][0]["expected"] == TORCH
    environment.restore()
    assert environment.doctor("--deep")["findings"] == []


def test_healthy_twin_where_that_release_is_the_pin(environment: RealEnvironment, verdict: Verdict) -> None:
    wheel = other_release(environment.path.parent, "1.7.1+cu110.moreh22.12.0")
    outcome = environment.restore("--vendor", str(wheel.parent), "--release", "22.12.0")
    assert outcome.status == 0, outcome.err
    verdict.silent(environment, "--deep")


def test_numeric_comparison_takes_the_newest(environment: RealEnvironment) -> None:
    folder = environment.path.parent / "many"
    for version in ("1.7.1+cu110.moreh9.1", "1.7.1+cu110.moreh22.8.1"):
        wheel = other_release(environment.path.parent, version)
        folder.mkdir(exist_ok=True)
        (folder / wheel.name).write_bytes(wheel.read_bytes())
    environment.restore("--vendor", str(folder))
    listing = environment.envtool("list", "--prefix", str(environment.path), "^torch$").out
    assert "moreh22.8.1" in listing


def test_build_of_another_vendor_is_told_apart(environment: RealEnvironment) -> None:
    from envtool.demo.wheel_writer import WheelContent, write_wheel

    content = WheelContent(
        name="torch", version="2.1.0+nv24.01", tag="py3-none-any", files={"torch/__init__.py": b""}, summary="for tests"
    )
    wheel = write_wheel(content, environment.path.parent / "nv")
    environment.pip("install", "--quiet", "--no-deps", "--no-index", str(wheel))
    finding = environment.doctor()["findings"][0]
    assert finding["id"] == "torch-replaced"
    assert "another vendor" in finding["title"]
