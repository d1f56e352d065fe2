"""Wheels kept unpacked in the store: a restore links to them, and never to what is no longer what was unpacked."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support.environment import RealEnvironment
from tests.support.injection import snapshot
from tests.support.someone import SOMEONE, give_to


def _inode(path: Path) -> int:
    return path.stat().st_ino


def _unpacked(environment: RealEnvironment) -> Path:
    """Unpack the environment's wheels; the folder with torch's files."""
    done = environment.here("vendor", "unpack", "--prefix", str(environment.path))
    assert done.status == 0, done.err
    assert "torch-1.7.1" in done.out
    store = Path(environment.variables["HAC_STORE"])
    (version,) = store.glob("unpacked/*/files/torch/version.py")
    return version.parents[1]


def _restore(environment: RealEnvironment, *arguments: str) -> None:
    done = environment.here("restore", "--prefix", str(environment.path), *arguments)
    assert done.status == 0, done.out + done.err
    assert environment.doctor("--deep")["status"] == "healthy"


def test_a_restore_links_to_the_files(environment: RealEnvironment) -> None:
    files = _unpacked(environment)
    _restore(environment, "--force")
    assert _inode(environment.site_packages / "torch/version.py") == _inode(files / "torch/version.py")
    record = next(environment.site_packages.glob("torch-*.dist-info/RECORD"))
    assert record.stat().st_nlink == 1, "what an install writes to is its own"


def test_what_was_replaced_is_linked_without_being_forced(environment: RealEnvironment) -> None:
    files = _unpacked(environment)
    environment.uv_install("wants-newer")
    _restore(environment)
    assert _inode(environment.site_packages / "torch/version.py") == _inode(files / "torch/version.py")


def test_the_result_is_that_of_the_wheel(environment: RealEnvironment) -> None:
    """RECORD included: its rows come from what was kept, not from the wheel."""
    _restore(environment, "--force")
    from_wheel = snapshot(environment.path)
    _unpacked(environment)
    _restore(environment, "--force")
    assert snapshot(environment.path) == from_wheel


def test_nothing_is_staged_where_a_wheel_is_missing(environment: RealEnvironment) -> None:
    _unpacked(environment)
    before = snapshot(environment.path)
    store = Path(environment.variables["HAC_STORE"])
    (wheel,) = store.glob("sha256/*/*/torchaudio-*.whl")
    wheel.unlink()
    (torchaudio,) = store.glob("unpacked/*/files/torchaudio")
    shutil.rmtree(torchaudio.parents[1])
    changed = environment.site_packages.stat().st_mtime_ns
    done = environment.here("restore", "--force", "--prefix", str(environment.path))
    assert done.status != 0
    assert "torchaudio" in done.err
    assert environment.site_packages.stat().st_mtime_ns == changed
    assert snapshot(environment.path) == before


def test_a_dry_run_stages_nothing(environment: RealEnvironment) -> None:
    _unpacked(environment)
    changed = environment.site_packages.stat().st_mtime_ns
    done = environment.here("restore", "--force", "--dry-run", "--prefix", str(environment.path))
    assert done.status == 0
    assert "reinstall torch" in done.out
    assert environment.site_packages.stat().st_mtime_ns == changed


def test_a_file_that_was_edited_through_a_link_comes_from_the_wheel(environment: RealEnvironment) -> None:
    files = _unpacked(environment)
    _restore(environment, "--force")
    edited = environment.site_packages / "torch/version.py"
    with open(edited, "a") as stream:
        stream.write("# edited in place\n")
    assert (files / "torch/version.py").read_text().endswith("# edited in place\n"), "one file, two names"
    _restore(environment)
    assert "edited" not in edited.read_text()
    assert _inode(edited) != _inode(files / "torch/version.py")
    _restore(environment, "--force")
    assert "edited" not in edited.read_text()
    _unpacked(environment)
    _restore(environment, "--force")
    assert _inode(edited) == _inode(files / "torch/version.py")


@pytest.mark.parametrize("spoil", ["manifest", "files", "folder", "mode"])
def test_a_spoilt_copy_is_no_obstacle(environment: RealEnvironment, spoil: str) -> None:
    files = _unpacked(environment)
    if spoil == "manifest":
        (files.parent / "manifest.json").write_text('{"schema": 1, "mem')
    elif spoil == "files":
        (files / "torch/version.py").unlink()
    elif spoil == "folder":
        shutil.rmtree(files / "torch")
    else:
        (files / "torch/version.py").chmod(0o600)
    _restore(environment, "--force")
    assert environment.site_packages.joinpath("torch/version.py").stat().st_nlink == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="giving files to somebody else takes root")
def test_somebody_elses_environment_gets_files_of_its_own(environment: RealEnvironment) -> None:
    files = _unpacked(environment)
    give_to(SOMEONE, environment.path)
    _restore(environment, "--force")
    assert environment.site_packages.joinpath("torch/version.py").stat().st_uid == 65534
    assert (files / "torch/version.py").stat().st_uid == 0


def test_the_copies_go_and_the_links_stay(environment: RealEnvironment) -> None:
    files = _unpacked(environment)
    _restore(environment, "--force")
    done = environment.here("vendor", "unpack", "--remove", "--prefix", str(environment.path))
    assert done.status == 0
    assert "removed" in done.out
    assert not files.parent.exists()
    assert environment.doctor("--deep")["status"] == "healthy"
    again = environment.here("vendor", "unpack", "--remove", "--prefix", str(environment.path))
    assert "was not unpacked" in again.out


def test_without_a_pin_it_says_what_to_type(make_environment: object) -> None:
    environment = make_environment("plain")  # type: ignore[operator]
    environment.pip_install("harmless")
    done = environment.here("vendor", "unpack", "--prefix", str(environment.path))
    assert done.status != 0
    assert "restore --vendor" in done.err
