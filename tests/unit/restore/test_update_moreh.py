"""`update-moreh` in the vendor's own words: what is installed, what is possible, the question, and the way back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from envtool.cli.main import update_moreh
from envtool.demo.vendor_release import make_moreh_smi, make_release_contents
from envtool.demo.wheel_writer import write_wheel
from tests.support.environment import PYTHON, TORCH, Outcome, RealEnvironment

NEWER = "1.7.1+cu110.moreh22.12.0"


def update(environment: RealEnvironment, *arguments: str, input: str = "") -> Outcome:
    return environment.here("--prefix", str(environment.path), *arguments, program=update_moreh, input=input)


@pytest.fixture
def offered(environment: RealEnvironment) -> RealEnvironment:
    """An environment whose vendor has a newer release, and one for another Python."""
    folder = environment.path.parent / "offered"
    for content in make_release_contents(PYTHON, NEWER):
        write_wheel(content, folder)
    (folder / "torch-2.1.0+moreh25.1.202-cp310-cp310-linux_x86_64.whl").write_bytes(b"")
    environment.variables["HAC_VENDOR"] = str(folder)
    return environment


def installed(environment: RealEnvironment) -> list[str]:
    return [path.name for path in environment.site_packages.glob("torch-*.dist-info")]


@pytest.mark.parametrize("answer", ["\n", "", "n\n", "what\n"])
def test_a_newline_declines(offered: RealEnvironment, answer: str) -> None:
    outcome = update(offered, input=answer)
    assert outcome.status == 0
    assert f"Currently installed: {TORCH}" in outcome.out
    assert f"Possible upgrading version: {NEWER}" in outcome.out
    assert "(y/n, default:n)" in outcome.err
    assert installed(offered) == [f"torch-{TORCH}.dist-info"]


@pytest.mark.parametrize(("arguments", "answer"), [((), "y\n"), (("--yes",), "")])
def test_upgrade_and_rollback(offered: RealEnvironment, arguments: tuple[str, ...], answer: str) -> None:
    assert update(offered, *arguments, input=answer).status == 0
    assert installed(offered) == [f"torch-{NEWER}.dist-info"]
    assert offered.doctor("--deep")["findings"] == []
    assert f"Already installed : {NEWER}" in update(offered).out
    # The wheels of the release before are in the store.
    offered.variables["HAC_VENDOR"] = ""
    assert update(offered, "--rollback").status == 0
    assert installed(offered) == [f"torch-{TORCH}.dist-info"]
    assert offered.doctor("--deep")["findings"] == []


def test_nothing_to_roll_back_to(environment: RealEnvironment) -> None:
    outcome = update(environment, "--rollback")
    assert outcome.status == 7
    assert "nothing to roll back to" in outcome.err


def test_a_damaged_torch_is_offered_back(environment: RealEnvironment) -> None:
    environment.uv_install("wants-newer")
    outcome = update(environment, input="\n")
    assert "Currently installed: 2.13.0" in outcome.out
    assert f"Possible upgrading version: {TORCH}" in outcome.out
    assert outcome.status == 1
    assert update(environment, "--force").status == 0
    assert installed(environment) == [f"torch-{TORCH}.dist-info"]


def test_target_and_torch(offered: RealEnvironment) -> None:
    outcome = update(offered, "--target", "22.12.0", "--torch", "1.7.1")
    assert outcome.status == 0, outcome.err
    assert installed(offered) == [f"torch-{NEWER}.dist-info"]
    outcome = update(offered, "--target", "99.0")
    assert outcome.status == 7
    assert NEWER in outcome.err


def test_list(offered: RealEnvironment) -> None:
    outcome = update(offered, "--list")
    assert outcome.status == 0
    line = next(line for line in outcome.out.splitlines() if "2.1.0+moreh25.1.202" in line)
    assert "it is for cp310" in line
    assert f"Currently installed: {TORCH}" in outcome.out


def test_dry_run_changes_nothing(offered: RealEnvironment) -> None:
    assert update(offered, "--dry-run").status == 0
    assert update(offered, "--target", "22.12.0", "--dry-run").status == 0
    assert installed(offered) == [f"torch-{TORCH}.dist-info"]


def test_a_release_that_the_driver_does_not_serve_is_refused(offered: RealEnvironment, tmp_path: Path) -> None:
    program = tmp_path / "bin/moreh-smi"
    program.parent.mkdir()
    program.write_text(make_moreh_smi("22.8.0"))
    program.chmod(0o755)
    offered.variables["PATH"] = f"{program.parent}:{os.environ['PATH']}"
    outcome = update(offered, "--target", "22.12.0")
    assert outcome.status == 7
    assert "for the driver's release 22.8.0" in outcome.err
    assert "the driver here is of release 22.8.0" in update(offered, "--list").out
    assert f"Already installed : {TORCH}" in update(offered).out
    # A person may insist.
    assert update(offered, "--target", "22.12.0", "--ignore-driver").status == 0
    assert installed(offered) == [f"torch-{NEWER}.dist-info"]


def test_what_the_vendor_has_and_envtool_has_not(environment: RealEnvironment) -> None:
    for option in ("--tensorflow", "--nightly", "--driver-only"):
        outcome = update(environment, option)
        assert outcome.status == 2
        assert option in outcome.err
