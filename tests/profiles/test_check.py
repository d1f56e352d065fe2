"""What check foretells in other vendors' environments, from an index as upstream's is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.profiles.conftest import PROFILES, MakeVendor
from tests.support.environment import RealEnvironment
from tests.support.local_index import serve_wheels
from tests.support.vendor_wheels import get_case, write_stand_in


@pytest.fixture(scope="session")
def index(upstream_wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Upstream's wheels over HTTP."""
    folder = tmp_path_factory.mktemp("index")
    for wheel in upstream_wheels.glob("*.whl"):
        shutil.copy(wheel, folder)
    with serve_wheels(folder) as address:
        yield address


Check = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def check(index: str, tmp_path: Path) -> Check:
    """Answers of `envtool check` for lines of a requirements file."""

    def run(environment: RealEnvironment, *lines: str, options: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        environment.variables.update(PIP_INDEX_URL=index, UV_DEFAULT_INDEX=index)
        file = tmp_path / "requirements.txt"
        file.write_text("".join(f"{line}\n" for line in lines))
        outcome = environment.here("check", "--prefix", str(environment.path), str(file), "--format", "json", *options)
        assert outcome.status in {0, 1}, outcome.err + outcome.out
        answers: list[dict[str, Any]] = json.loads(outcome.out)["answers"]
        assert (outcome.status == 1) == any(answer["verdict"] in {"clobbered", "blocked"} for answer in answers)
        return answers

    return run


def verdicts(answers: list[dict[str, Any]]) -> set[str]:
    return {answer["verdict"] for answer in answers}


@pytest.mark.parametrize("profile", PROFILES)
def test_what_asks_for_any_torch_is_safe_and_for_a_newer_one_is_not(
    profile: str, make_vendor: MakeVendor, check: Check
) -> None:
    environment = make_vendor(profile)
    assert verdicts(check(environment, "torch", "any-torch")) == {"safe"}
    answers = check(environment, "newer-torch")
    assert verdicts(answers) == {"clobbered"}
    (chain, *_more) = answers[0]["clobbers"][0]["chains"]
    assert chain["links"][-1] == {"name": "newer-torch", "version": "1.0", "requires": "torch>=2.12"}


@pytest.mark.parametrize("line", ["torch==2.10.0", "torch>=2.10", "torch~=2.10.0"])
@pytest.mark.parametrize("constrained", [False, True])
def test_a_prerelease_does_not_meet_its_release(
    line: str, constrained: bool, make_vendor: MakeVendor, check: Check, tmp_path: Path
) -> None:
    """huggingface/optimum-habana#2366: never safe, and uv's override is the fix."""
    environment = make_vendor("habana")
    if constrained:
        assert environment.here("protect", "--prefix", str(environment.path)).status == 0
        constraints = str(environment.path / "etc/hac/constraints.txt")
        environment.variables.update(PIP_CONSTRAINT=constraints, UV_CONSTRAINT=constraints)
    for answer in check(environment, line):
        assert answer["verdict"] == "blocked"
        # What would happen without the override is told all the same.
        assert constrained or [item["name"] for item in answer["clobbers"]] == ["torch"]
        assert "UV_OVERRIDE" in answer["next"]
        assert "torch==2.10.0a0+git979b46c" in answer["next"]
    # And the override does what is promised, by the real uv.
    override = tmp_path / "overrides.txt"
    override.write_text("torch==2.10.0a0+git979b46c\n")
    environment.variables["UV_OVERRIDE"] = str(override)
    environment.uv_install(line)
    assert [path.name for path in environment.site_packages.glob("torch-*.dist-info")] == [
        "torch-2.10.0a0+git979b46c.dist-info"
    ]


@pytest.mark.parametrize("line", ["torch>=2.9", "torch>=2.10.0a0", "torch!=2.9.0"])
def test_a_prerelease_meets_what_comes_before_it(line: str, make_vendor: MakeVendor, check: Check) -> None:
    environment = make_vendor("habana")
    assert verdicts(check(environment, line)) == {"safe"}
    environment.uv_install(line)
    environment.pip_install(line)
    assert environment.doctor()["status"] == "healthy"


def test_where_no_index_has_the_release_the_install_fails(make_vendor: MakeVendor, check: Check) -> None:
    """A mirror without torch: what asks for the release cannot be met at all."""
    environment = make_vendor("ngc")
    answers = check(environment, "any-torch", "torch==2.8.0.post1")
    assert verdicts(answers) == {"blocked"}


@pytest.mark.parametrize("profile", ["rocm", "ascend", "jetson"])
def test_wheels_for_other_hardware_are_intruders(profile: str, make_vendor: MakeVendor, check: Check) -> None:
    answers = check(make_vendor(profile), "nvidia-cublas-cu12==12.8.4.1", options=("--static",))
    assert get_title(profile) in answers[0]["remarks"][0]["why"]


def test_nvidias_wheels_are_none_for_nvidia(make_vendor: MakeVendor, check: Check) -> None:
    assert check(make_vendor("ngc"), "nvidia-cublas-cu12==12.8.4.1", options=("--static",))[0]["remarks"] == []


def test_the_plugin_and_its_companions_are_pinned_as_well(make_vendor: MakeVendor, check: Check) -> None:
    answers = check(make_vendor("ascend"), "torch-npu==2.6.0", options=("--static",))
    assert verdicts(answers) == {"clobbered"}
    assert get_case("ascend").pinned["torch-npu"] in answers[0]["why"]


def test_a_torch_without_a_label_is_held_against_other_builds_of_its_release(
    make_vendor: MakeVendor, tmp_path: Path
) -> None:
    """`torch==2.5.1` admits 2.5.1+cu124, with which no torch-npu works."""
    environment = make_vendor("ascend")
    index = tmp_path / "other-builds"
    write_stand_in(index, "torch", "2.5.1+cu124")
    write_stand_in(index, "any-torch", "1.0", ("torch",))
    file = tmp_path / "requirements.txt"
    file.write_text("torch==2.5.1+cu124\n")
    with serve_wheels(index) as address:
        environment.variables.update(PIP_INDEX_URL=address, UV_DEFAULT_INDEX=address)
        command = ("check", "--prefix", str(environment.path), str(file), "--format", "json")
        assert verdicts(json.loads(environment.here(*command).out)["answers"]) == {"clobbered"}
        assert environment.here("protect", "--prefix", str(environment.path)).status == 0
        constraints = str(environment.path / "etc/hac/constraints.txt")
        environment.variables.update(PIP_CONSTRAINT=constraints, UV_CONSTRAINT=constraints)
        assert verdicts(json.loads(environment.here(*command).out)["answers"]) == {"blocked"}
        held = replace(environment, wheels=index)
        held.uv_install("--upgrade", "torch", "any-torch")
        held.pip_install("--upgrade", "torch")
    assert environment.doctor()["status"] == "healthy"


def get_title(profile: str) -> str:
    from envtool.release.read_profile import load_profile

    return load_profile(profile).title


def test_a_version_alone_tells_its_profile(tmp_path: Path, make_vendor: MakeVendor) -> None:
    """For CI, where there is no such environment."""
    environment = make_vendor("rocm")
    file = tmp_path / "requirements.txt"
    file.write_text("torch==2.10.0\n")
    for torch, told in (
        ("2.10.0a0+git979b46c", "2.10.0a0+git979b46c"),
        ("2.9.0+rocmsdk20251116", "AMD's ROCm"),
        ("2.8.0a0+5228986c39.nv25.5", "NGC"),
    ):
        done = environment.here("check", "--static", "--torch", torch, str(file))
        assert done.status == 1, done.err
        assert told in done.out
    plain = environment.here("check", "--static", "--torch", "2.8.0+cpu", str(file))
    assert plain.status == 5
    named = environment.here("check", "--static", "--torch", "2.8.0+cpu", "--profile", "cpu", str(file))
    assert named.status == 1
