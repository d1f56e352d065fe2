"""Case 1: torch replaced by an upstream wheel, by pip and by uv, in the ways that happen."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.environment import RealEnvironment
from tests.support.verdict import Verdict

Damage = Callable[[RealEnvironment], object]
DAMAGES: dict[str, tuple[Damage, str]] = {
    "pip-upgrade": (lambda e: e.pip_install("-U", "torch"), "asked for by name"),
    "pip-dependency": (lambda e: e.pip_install("wants-newer"), "wants-newer 1.0 requires torch>=2.0"),
    "pip-eager": (lambda e: e.pip_install("-U", "--upgrade-strategy", "eager", "wants-any"), "wants-any 1.0"),
    "uv-dependency": (lambda e: e.uv_install("wants-newer"), "wants-newer 1.0 requires torch>=2.0"),
    "uv-upgrade": (lambda e: e.uv_install("-U", "wants-any"), "wants-any 1.0"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_named_with_its_cause_and_restored(environment: RealEnvironment, verdict: Verdict, name: str) -> None:
    damage, cause = DAMAGES[name]
    damage(environment)
    assert environment.doctor()["status"] == "damaged"
    finding = verdict.finds(environment, "torch-replaced", cause=cause)
    assert finding["evidence"][0]["found"] == "2.13.0"
    assert finding["remedy"] == f"envtool restore --prefix {environment.path}"

    assert environment.restore().status == 0
    assert environment.doctor("--deep")["findings"] == []
    assert not (environment.site_packages / "torch/upstream_only.py").exists()


def test_a_second_restore_has_nothing_to_do(environment: RealEnvironment) -> None:
    environment.uv_install("wants-newer")
    assert "replace " in environment.restore().out
    again = environment.restore().out
    assert "nothing to do" in again
    assert "replace " not in again


def test_healthy_twin(environment: RealEnvironment, verdict: Verdict) -> None:
    environment.pip_install("wants-any", "harmless")
    environment.uv_install("wants-any", "torch==1.7.1")
    verdict.silent(environment, "--deep")


def test_other_distributions_stay(environment: RealEnvironment) -> None:
    environment.pip_install("harmless", "wants-newer")
    environment.restore()
    names = environment.envtool("list", "--prefix", str(environment.path)).out
    assert "harmless" in names
    assert "wants-newer" in names


def test_companion_replaced(environment: RealEnvironment) -> None:
    from envtool.demo.wheel_writer import write_wheel
    from tests.support.distributions import package

    wheel = write_wheel(package("torchvision", "0.19.0", ["torch>=2.0"]), environment.path.parent / "other")
    environment.pip("install", "--quiet", "--no-deps", "--no-index", str(wheel))
    assert environment.finding_ids() == {"companion-replaced"}
    environment.restore()
    assert environment.doctor("--deep")["findings"] == []
