"""Case 3: torch or a companion uninstalled."""

from __future__ import annotations

import pytest

from tests.support.environment import RealEnvironment
from tests.support.verdict import Verdict


@pytest.mark.parametrize(("name", "identity"), [("torch", "torch-missing"), ("torchvision", "companion-missing")])
def test_named_and_restored(environment: RealEnvironment, verdict: Verdict, name: str, identity: str) -> None:
    environment.pip("uninstall", "--quiet", "--yes", name)
    assert environment.finding_ids() == {identity}
    verdict.finds(environment, identity, cause="it was uninstalled")
    environment.restore()
    assert environment.doctor("--deep")["findings"] == []
    assert environment.pip("check").status == 0


def test_a_folder_without_records_is_told(environment: RealEnvironment) -> None:
    environment.pip("uninstall", "--quiet", "--yes", "torch")
    (environment.site_packages / "torch").mkdir()
    finding = environment.doctor()["findings"][0]
    assert "folder" in finding["title"]
    environment.restore()
    assert environment.doctor("--deep")["findings"] == []


def test_healthy_twin_reinstalled_by_pip(environment: RealEnvironment, verdict: Verdict) -> None:
    environment.pip("uninstall", "--quiet", "--yes", "torch")
    environment.pip_install("--no-deps", "torch==1.7.1+cu110.moreh22.8.0")
    verdict.silent(environment, "--deep")
