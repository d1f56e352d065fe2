"""Lines that name a vendor's pre-release, or its build by `===`: what check says of them by the lines alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from envtool.release.compatibility import build_known_pin
from envtool.requirements.check_files import CheckRequest, check_files
from envtool.requirements.metadata import MetadataReader
from envtool.requirements.predict import predict
from envtool.requirements.prediction import Prediction
from envtool.requirements.read_file import read_file
from envtool.requirements.resolve import Resolver
from envtool.requirements.synthetic_target import synthetic_target
from envtool.requirements.uv_options import Installer, UvIndexes, list_uv_indexes

HABANA, ROCM, NGC = "2.10.0a0+git979b46c", "2.4.0.dev20240520+rocm6.1", "2.8.0a0+5228986c39.nv25.05"


def check(folder: Path, torch: str, text: str, *, upgrade: bool = False) -> Prediction:
    file = folder / "requirements.txt"
    file.write_text(text)
    request = CheckRequest(files=(file,), torch=torch, static=True, upgrade=upgrade)
    (answer,) = check_files(request).predictions
    return answer


@pytest.mark.parametrize(
    ("torch", "line"),
    [
        (HABANA, "torch==2.10.0"),
        (HABANA, "torch>=2.10"),
        (HABANA, "torch~=2.10.0"),
        (HABANA, "torch===2.10.0"),
        (HABANA, "torch>=2.9,!=2.10.0a0"),
        (ROCM, "torch>=2.4"),
        (NGC, "torch==2.8.*,>=2.8"),
    ],
)
def test_the_release_that_is_meant_is_blocked_and_an_override_is_the_fix(torch: str, line: str, tmp_path: Path) -> None:
    answer = check(tmp_path, torch, line)
    assert answer.verdict.value == "blocked"
    assert "override" in answer.why
    assert "UV_OVERRIDE" in answer.next_step
    assert torch.replace(".05", ".5") in answer.next_step


@pytest.mark.parametrize(
    ("torch", "text"),
    [
        # Its release would not do either.
        (HABANA, "torch>=2.11"),
        (HABANA, "torch<2.10"),
        (HABANA, "torch>=2.10\ntorch<2.10"),
        # Something else is lost as well.
        ("1.7.1+cu110.moreh22.8.0", "torch>=1.8"),
        ("1.7.1+cu110.moreh22.8.0", "torch===1.7.1"),
    ],
)
def test_what_asks_for_another_torch_is_clobbered(torch: str, text: str, tmp_path: Path) -> None:
    assert check(tmp_path, torch, text).verdict.value == "clobbered"


def test_an_upgrade_leaves_no_requirement_unmet(tmp_path: Path) -> None:
    answer = check(tmp_path, HABANA, "torch", upgrade=True)
    assert (answer.verdict.value, answer.next_step) == ("clobbered", "")


@pytest.mark.parametrize(
    "line", ["torch>=2.9", "torch>=2.10.0a0", "torch==2.10.0a0", "torch!=2.9.0", f"torch=={HABANA}"]
)
def test_what_a_prerelease_meets_is_safe(line: str, tmp_path: Path) -> None:
    assert check(tmp_path, HABANA, line).verdict.value == "safe"


@pytest.mark.parametrize(
    ("torch", "letters", "verdict"),
    [
        (NGC, "2.8.0a0+5228986c39.nv25.05", "blocked"),
        (NGC, "2.8.0a0+5228986c39.nv25.5", "safe"),
        ("1.7.1+cu110.moreh22.8.0", "1.7.1+cu110.moreh22.8.0", "safe"),
        # In letters that differ by their case alone.
        ("1.7.1+cu110.moreh22.8.0", "1.7.1+CU110.Moreh22.8.0", "safe"),
        ("1.7.1+cu110.moreh22.8.0", "1.7.1+cu110-moreh22.8.0", "blocked"),
        ("1.7.1+cu110.moreh22.8.0", "v1.7.1+cu110.moreh22.8.0", "blocked"),
    ],
)
def test_arbitrary_equality_is_of_letters(torch: str, letters: str, verdict: str, tmp_path: Path) -> None:
    """As pip does it (measured: pip fails where the letters are others, in any environment)."""
    answer = check(tmp_path, torch, f"torch==={letters}")
    assert answer.verdict.value == verdict
    assert ("torch==" in answer.next_step) == (verdict == "blocked")


def test_of_other_letters_pip_alone_fails(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text(f"--no-index\ntorch==={NGC}\n")
    (wanted,) = read_file(file).sets
    with synthetic_target(build_known_pin(NGC), "3.12") as target:
        found = {}
        for installer in Installer:
            resolver = Resolver(target=target, installer=installer, variables=os.environ)
            found[installer] = predict(wanted, resolver, MetadataReader()).verdict.value
    assert found == {Installer.PIP: "blocked", Installer.UV: "safe"}


def test_explanations_come_from_the_indexes_that_uv_is_told() -> None:
    """Else a name that upstream's index has too is explained by what that one says."""
    variables = {
        "UV_DEFAULT_INDEX": "main=https://a.invalid/simple",
        "UV_INDEX": "https://b.invalid/?x=1 c=https://c.invalid",
    }
    assert list_uv_indexes(variables) == UvIndexes(
        "https://a.invalid/simple", ("https://b.invalid/?x=1", "https://c.invalid")
    )
    assert list_uv_indexes(
        {"UV_INDEX_URL": "https://a.invalid", "UV_EXTRA_INDEX_URL": "https://b.invalid"}
    ) == UvIndexes("https://a.invalid", ("https://b.invalid",))
    assert list_uv_indexes({}) == UvIndexes()
