"""What doctor says of an environment that has neither a pin nor a vendor torch."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envtool.demo.wheel_writer import write_wheel
from envtool.doctor.diagnose import diagnose
from envtool.doctor.lost_torch import add_driver_release
from envtool.environment.prefix import read_prefix
from envtool.environment.reader import read_environment
from tests.support.distributions import package
from tests.support.environment import TORCH, RealEnvironment

Make = Callable[[str], RealEnvironment]


def look(environment: RealEnvironment) -> dict[str, Any]:
    outcome = environment.here("doctor", "--prefix", str(environment.path), "--format", "json")
    document: dict[str, Any] = json.loads(outcome.out)
    assert outcome.status == 1
    return document


def test_without_any_trace_nothing_is_damaged(make_environment: Make) -> None:
    plain = make_environment("plain")
    document = look(plain)
    assert document["status"] == "absent"
    assert [item["id"] for item in document["findings"]] == ["no-vendor-torch"]
    text = plain.here("doctor", "--prefix", str(plain.path)).out
    assert text.startswith("no vendor torch: ")
    assert "--vendor FOLDER_OR_INDEX" in text


def test_who_asked_for_the_torch_that_is_there(make_environment: Make, wheels: Path) -> None:
    plain = make_environment("plain")
    folder = plain.path.parent / "more"
    write_wheel(package("torchvision", "0.28.0", ["torch==2.13.0"]), folder)
    plain.pip_install("torch==2.13.0")
    plain.pip("install", "--quiet", "--no-index", "--no-deps", "--find-links", str(folder), "torchvision==0.28.0")
    document = look(plain)
    assert document["status"] == "absent"
    assert (
        "pip installed torch 2.13.0 because torchvision 0.28.0 requires torch==2.13.0"
        in (document["findings"][0]["cause"])
    )


@pytest.fixture
def lost(environment: RealEnvironment) -> RealEnvironment:
    """Replaced without a pin, after a look had found everything in order."""
    shutil.rmtree(environment.path / "etc/hac")
    for name in ("torchvision", "torchaudio"):
        environment.pip("uninstall", "--quiet", "--yes", name)
    # A RECORD that is younger than the clock's tick is not kept.
    record = next(environment.site_packages.glob("torch-*.dist-info")) / "RECORD"
    assert record.is_file()
    return environment


def test_what_another_version_would_meet_is_no_cause(lost: RealEnvironment, tmp_path: Path) -> None:
    for name, requirement in (("wants-older", "torch==1.7.0"), ("wants-newer", "torch>=2.0")):
        wheel = write_wheel(package(name, "1", [requirement]), tmp_path / "more")
        lost.pip("install", "--quiet", "--no-index", "--no-deps", str(wheel))
    lost.pip_install("--upgrade", "--no-deps", "torch>=2")
    cause = look(lost)["findings"][0]["cause"]
    assert "wants-newer" in cause
    assert "wants-older" not in cause


def test_an_earlier_look_is_certain(lost: RealEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envtool.doctor.cache.is_recent", lambda _found: False)
    monkeypatch.setattr("envtool.environment.fingerprint.is_recent", lambda _found: False)
    assert lost.doctor()["status"] == "healthy"
    lost.pip_install("--upgrade", "torch>=2")
    document = look(lost)
    assert document["status"] == "damaged"
    (finding,) = document["findings"]
    assert finding["id"] == "torch-lost"
    expected = [item["expected"] for item in finding["evidence"]]
    assert any(text.startswith(f"{TORCH} (certainly: ") for text in expected), expected
    assert "--release 22.8.0" in finding["remedy"]


def test_the_drivers_release_is_likely(make_environment: Make) -> None:
    plain = make_environment("plain")
    report = diagnose(read_environment(read_prefix(plain.path)))
    found = add_driver_release(report, "/usr/bin/moreh-smi", "22.8.0").findings[0].evidence[-1]
    assert found.file == "/usr/bin/moreh-smi"
    assert "22.8.0" in found.expected
    assert "likely" in found.expected


def test_the_companions_narrow_it(make_environment: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = make_environment("plain")
    write_wheel(package("torchvision", "0.8.2", []), plain.path.parent / "more")
    plain.pip("install", "--quiet", "--no-index", "--find-links", str(plain.path.parent / "more"), "torchvision")
    report = diagnose(read_environment(read_prefix(plain.path)))
    builds = ("1.7.1+cu110", "1.10.0+cu111")
    monkeypatch.setattr("envtool.doctor.lost_torch.list_known_builds", lambda _python: builds)
    found = add_driver_release(report, "ap-smi", "22.8.0").findings[0].evidence[-1]
    assert found.expected.startswith("1.7.1+cu110.moreh22.8.0 (likely")


def test_envtools_own_environment_is_named_as_that(environment: RealEnvironment) -> None:
    environment.variables["PATH"] = f"{Path(sys.prefix) / 'bin'}:/usr/bin:/bin"
    done = environment.envtool("doctor")
    assert done.status == 1
    assert "this is envtool's own environment" in done.out
    assert "--prefix FOLDER" in done.out
    done = environment.envtool("install", "tqdm")
    assert "has no vendor torch to install beside" in done.err
