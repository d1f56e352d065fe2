"""What doctor says of files that no installer changed: who else has them, which link leads away, and since when."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from envtool.doctor import recent_changes
from tests.support.environment import RealEnvironment

FILE = "torch/lib/libtorch_stand_in.txt"


def ask_cause(environment: RealEnvironment) -> str:
    """The cause of the one finding."""
    causes = [str(item["cause"]) for item in environment.doctor()["findings"]]
    assert len(causes) == 1
    return causes[0]


def record_of_another(environment: RealEnvironment, *paths: str) -> None:
    """A distribution whose RECORD has paths of torch's."""
    info = environment.site_packages / "fast_ops-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fast-ops\nVersion: 2.0\n")
    (info / "RECORD").write_text("".join(f"{path},,\n" for path in (*paths, "fast_ops-2.0.dist-info/RECORD")))


def test_another_distribution_has_the_file_as_well(environment: RealEnvironment) -> None:
    record_of_another(environment, FILE)
    (environment.site_packages / FILE).write_text("other")
    assert "the RECORD of fast-ops has them as well" in ask_cause(environment)


def test_another_distribution_without_the_file_is_not_named(environment: RealEnvironment) -> None:
    record_of_another(environment, "torch/other.py")
    (environment.site_packages / FILE).write_text("other")
    assert "fast-ops" not in ask_cause(environment)


def test_a_folder_that_became_a_link_is_named(environment: RealEnvironment, tmp_path: Path) -> None:
    folder = environment.site_packages / "torch/lib"
    shutil.copytree(folder, tmp_path / "older")
    (tmp_path / "older" / Path(FILE).name).write_text("older")
    shutil.rmtree(folder)
    folder.symlink_to(tmp_path / "older")
    assert f"{folder} is a link to {tmp_path}/older, made on " in ask_cause(environment)


def test_a_later_change_is_told_by_its_time(environment: RealEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    """ctime cannot be set, so that no time has to lie between an install and what follows it."""
    monkeypatch.setattr(recent_changes, "_ONE_INSTALL", 0.0)
    (environment.site_packages / FILE).unlink()
    outcome = environment.here("doctor", "--prefix", str(environment.path))
    assert "after uv had installed it, and no RECORD tells by what" in outcome.out
