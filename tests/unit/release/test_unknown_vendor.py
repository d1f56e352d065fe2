"""A torch whose label no profile knows: it is named, and so is the next command."""

from __future__ import annotations

from pathlib import Path

import pytest

from envtool.doctor.diagnose_environment import DoctorRequest, diagnose_environment
from envtool.doctor.finding_kind import FindingKind
from envtool.errors import ReleaseError, VersionError
from envtool.release.compatibility import build_known_pin
from envtool.release.unknown_vendor import find_unknown_build
from envtool.requirements.open_target import open_target


@pytest.fixture(autouse=True)
def _no_profile_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HAC_PROFILE", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def make_prefix(folder: Path, torch: str) -> Path:
    site = folder / "lib/python3.12/site-packages"
    records = site / f"torch-{torch}.dist-info"
    records.mkdir(parents=True)
    (records / "METADATA").write_text(f"Metadata-Version: 2.1\nName: torch\nVersion: {torch}\n")
    (records / "RECORD").write_text(f"{records.name}/METADATA,,\n{records.name}/RECORD,,\n")
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.12.0\n")
    (folder / "bin").mkdir()
    (folder / "bin/python").write_text("")
    return folder


@pytest.mark.parametrize("version", ["2.4.0+acme7", "2.4.0+acme", "2.4.0+deadbeef12", "2.4.0+musa.2", "2.4.0+12"])
def test_a_label_that_no_profile_knows(version: str) -> None:
    found = find_unknown_build(version)
    assert found is not None
    assert (found.label, found.candidates) == (version.partition("+")[2], ())
    assert f"envtool profile check FILE --version {version}" in found.remedy
    assert "--profile FILE" in found.remedy


@pytest.mark.parametrize(
    "version",
    [
        *("1.7.1+cu110.moreh22.8.0", "2.8.0a0+5228986c39.nv25.5", "2.9.0+rocmsdk20251116", "2.8.0+xpu"),
        # Without a label, or no version.
        *("2.8.0", "2.8.0a0", "not a version"),
    ],
)
def test_what_is_known_or_has_no_label(version: str) -> None:
    assert find_unknown_build(version) is None


def test_a_version_that_installers_take_for_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hygon's first wheels have two plus signs; no pattern makes that a version."""
    version = "2.1.0+das1.0+git00661e0.abi0.dtk2404"
    own = tmp_path / "dcu.toml"
    own.write_text(
        'schema = 1\nid = "dcu"\ntitle = "the build for DCU"\n[[version]]\npattern = \'{public}\\+das.*\'\n'
        '[[pinned]]\nname = "torch"\n[cure]\nlost = "the DCU is lost"\nrestore = "envtool restore"\n'
    )
    prefix = make_prefix(tmp_path / "environment", version)
    for profile in ("", str(own)):
        monkeypatch.setenv("HAC_PROFILE", profile)
        (finding,) = diagnose_environment(DoctorRequest(prefix=prefix)).findings
        assert finding.kind is FindingKind.TORCH_UNKNOWN_BUILD
        assert "PEP 440" in finding.title
        assert "pip==24.0" in (finding.remedy or "")


def test_upstreams_own_label_names_its_profile() -> None:
    for version, profile in (("2.8.0+cpu", "cpu"), ("2.8.0+cu128", "cuda")):
        found = find_unknown_build(version)
        assert found is not None
        assert (found.is_plain, found.candidates) == (True, (profile,))
        assert f"--profile {profile}" in found.remedy


def test_assuming_a_build_of_no_known_form_says_which_label() -> None:
    with pytest.raises(VersionError) as raised:
        build_known_pin("2.4.0+acme")
    assert "acme" in raised.value.why
    assert "envtool profile check" in raised.value.remedy


def test_doctor_names_the_build(tmp_path: Path) -> None:
    report = diagnose_environment(DoctorRequest(prefix=make_prefix(tmp_path / "venv", "2.4.0+acme7"), driver=False))
    (finding,) = [item for item in report.findings if item.kind is FindingKind.TORCH_UNKNOWN_BUILD]
    assert "torch 2.4.0+acme7" in finding.title
    assert "acme7" in finding.title
    assert "envtool profile check FILE" in (finding.remedy or "")
    assert report.status.value == "absent"


def test_a_build_from_source_may_be_a_vendors(tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path / "venv", "2.10.0a0+git979b46c")
    report = diagnose_environment(DoctorRequest(prefix=prefix, driver=False))
    (finding,) = [item for item in report.findings if item.kind is FindingKind.TORCH_UNKNOWN_BUILD]
    assert "--profile" in (finding.remedy or "")
    assert "habana" in (finding.remedy or "")


@pytest.mark.parametrize("version", ["2.1.0", "2.1.0+cu121", "2.1.0+cpu"])
def test_upstreams_torch_is_none_as_before(version: str, tmp_path: Path) -> None:
    report = diagnose_environment(DoctorRequest(prefix=make_prefix(tmp_path / "venv", version), driver=False))
    assert [item.kind for item in report.findings] == [FindingKind.NO_VENDOR_TORCH]


def test_where_a_profile_is_named_nothing_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAC_PROFILE", "hac")
    prefix = make_prefix(tmp_path / "venv", "2.4.0+acme7")
    report = diagnose_environment(DoctorRequest(prefix=prefix, driver=False))
    assert FindingKind.TORCH_UNKNOWN_BUILD not in {item.kind for item in report.findings}


def test_check_says_why_it_has_nothing_to_hold_files_against(tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path / "venv", "2.4.0+acme7")
    with pytest.raises(ReleaseError) as raised, open_target(prefix, None, None, None):
        pass
    assert "acme7" in raised.value.why
    assert "envtool profile check FILE --version 2.4.0+acme7" in raised.value.remedy
