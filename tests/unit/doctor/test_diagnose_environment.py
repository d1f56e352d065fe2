"""`diagnose_environment`, as a program calls it."""

from __future__ import annotations

from pathlib import Path

import pytest

from envtool.doctor.diagnose_environment import DoctorRequest, diagnose_environment
from envtool.doctor.finding_kind import FindingKind
from envtool.doctor.findings import Status
from tests.support.environment import RealEnvironment


@pytest.fixture
def driver_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A driver's program alone on PATH; the file is there once it has run."""
    log, folder = tmp_path / "driver.log", tmp_path / "programs"
    folder.mkdir()
    (folder / "moreh-smi").write_text(f"#!/bin/sh\n: >{log}\nexit 1\n")
    (folder / "moreh-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return log


@pytest.fixture(autouse=True)
def isolated(environment: RealEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.variables.items():
        monkeypatch.setenv(name, value)


def test_a_healthy_environment(environment: RealEnvironment) -> None:
    report = diagnose_environment(DoctorRequest(prefix=environment.path, driver=False))
    assert (report.status, report.findings) == (Status.HEALTHY, ())


def test_an_ignored_finding_does_not_count(environment: RealEnvironment) -> None:
    environment.uv_install("wants-newer")
    request = DoctorRequest(prefix=environment.path, driver=False, ignore=("torch-replaced",))
    report = diagnose_environment(request)
    assert [item.kind for item in report.ignored] == [FindingKind.TORCH_REPLACED]
    assert report.status is Status.HEALTHY


def test_the_driver_is_asked_where_there_is_one(environment: RealEnvironment, driver_log: Path) -> None:
    report = diagnose_environment(DoctorRequest(prefix=environment.path))
    assert [item.kind for item in report.findings] == [FindingKind.DRIVER_FAILED]
    assert driver_log.exists()


def test_the_driver_is_not_asked_against_a_persons_will(environment: RealEnvironment, driver_log: Path) -> None:
    report = diagnose_environment(DoctorRequest(prefix=environment.path, driver=False))
    assert (report.findings, report.driver) == ((), "")
    assert not driver_log.exists()


def test_a_deep_diagnosis_tells_its_progress(environment: RealEnvironment) -> None:
    hashed: dict[str, int] = {}

    def advance(name: str, done: int, total: int) -> None:
        hashed[name] = hashed.get(name, 0) + done
        assert hashed[name] <= total

    diagnose_environment(DoctorRequest(prefix=environment.path, driver=False, deep=True), progress=advance)
    assert set(hashed) == {"torch", "torchvision", "torchaudio"}
