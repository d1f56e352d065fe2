"""Which wheels belong together, and which release is taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.requirements import Requirement

from envtool.errors import ReleaseError
from envtool.release.candidates import Candidate, select_release
from envtool.release.release_filter import ReleaseFilter
from envtool.wheel.name import WheelName

TAG = "cp38-cp38-linux_x86_64"


def candidates(*stems: str) -> list[Candidate]:
    return [Candidate(WheelName.parse(f"{stem}.whl"), stem) for stem in stems]


def no_metadata(_candidate: Candidate) -> Requirement | None:
    return None


OFFER = candidates(
    f"torch-1.7.1+cu110.moreh9.1-{TAG}",
    f"torch-1.7.1+cu110.moreh22.8.0-{TAG}",
    "torch-2.1.0+moreh25.1.202-cp310-cp310-linux_x86_64",
    f"torch-1.7.1+cu110-{TAG}",
    f"torchvision-0.8.2-{TAG}",
    f"torchvision-0.14.1-{TAG}",
    f"torchaudio-0.7.2-{TAG}",
)


def test_the_newest_that_fits_with_its_companions() -> None:
    release = select_release(OFFER, (3, 8), ReleaseFilter(), no_metadata, where="here")
    assert release.version.text == "1.7.1+cu110.moreh22.8.0"
    assert [item.wheel.version for item in release.companions] == ["0.8.2", "0.7.2"]


def test_companions_by_their_own_metadata() -> None:
    def requires(candidate: Candidate) -> Requirement | None:
        return Requirement("torch==1.7.1") if candidate.wheel.version == "0.14.1" else Requirement("torch==9")

    release = select_release(OFFER, (3, 8), ReleaseFilter(), requires, where="here")
    assert [item.wheel.version for item in release.companions] == ["0.14.1"]


def test_wanted_release() -> None:
    release = select_release(OFFER, (3, 8), ReleaseFilter(release="9.1"), no_metadata, where="here")
    assert str(release.version.release) == "9.1"


@pytest.mark.parametrize(
    ("python", "wanted", "why"),
    [
        ((3, 9), ReleaseFilter(), "it is for cp38, and here is Python 3.9"),
        ((3, 8), ReleaseFilter(served="22.12.0"), "it has 1.7.1+cu110.moreh22.8.0"),
        ((3, 8), ReleaseFilter(release="1.0"), "it has 1.7.1+cu110.moreh22.8.0"),
        ((3, 8), ReleaseFilter(torch="1.13.1"), "it has 1.7.1+cu110.moreh22.8.0"),
    ],
)
def test_says_what_there_is_instead(python: tuple[int, int], wanted: ReleaseFilter, why: str) -> None:
    with pytest.raises(ReleaseError, match="has no vendor torch") as caught:
        select_release(OFFER, python, wanted, no_metadata, where="here")
    assert why in caught.value.why


def test_upstream_wheels_are_not_taken(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError) as caught:
        select_release(candidates(f"torch-1.7.1-{TAG}"), (3, 8), ReleaseFilter(), no_metadata, where=str(tmp_path))
    assert "not the vendor's" in caught.value.why
