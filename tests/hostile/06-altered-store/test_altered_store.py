"""A store whose files are not what their names say, or that others can write to: nothing of it is installed unseen."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from envtool.errors import StoreError
from envtool.wheel.name import compute_sha256
from envtool.wheel.store import FileStore
from tests.support.environment import RealEnvironment
from tests.support.injection import snapshot

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="giving files to somebody else takes root")


def _store(environment: RealEnvironment) -> Path:
    return Path(environment.variables["HAC_STORE"])


def _stored_torch(environment: RealEnvironment) -> Path:
    (wheel,) = _store(environment).glob("sha256/*/*/torch-*.whl")
    return wheel


def _alter(path: Path) -> None:
    """Another content of the same size and time, in the same file."""
    status, data = path.stat(), path.read_bytes()
    with open(path, "r+b") as stream:
        stream.write(bytes(byte ^ 1 for byte in data))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _swap_wheel(environment: RealEnvironment, other: Path) -> Path:
    """Put another wheel in the place of torch's, under its name and below its hash."""
    wheel = _stored_torch(environment)
    shutil.copyfile(other, wheel)
    return wheel


@pytest.fixture
def upstream_torch(wheels: Path) -> Path:
    """A sound wheel of another torch."""
    return next(path for path in wheels.glob("torch-*.whl") if "moreh" not in path.name)


def test_other_bytes_under_the_right_name_are_not_installed(environment: RealEnvironment, upstream_torch: Path) -> None:
    _swap_wheel(environment, upstream_torch)
    before = snapshot(environment.path)
    done = environment.restore("--force")
    assert done.status != 0
    assert "what the store has under that name are other bytes" in done.err
    assert snapshot(environment.path) == before


def test_the_source_is_asked_in_its_place(environment: RealEnvironment, upstream_torch: Path, release: Path) -> None:
    wheel = _swap_wheel(environment, upstream_torch)
    (environment.path / "etc/hac/pin.toml").unlink()
    environment.pip("uninstall", "--yes", "torch")
    done = environment.restore("--vendor", str(release))
    assert done.status == 0, done.err
    assert environment.doctor("--deep")["findings"] == []
    assert compute_sha256(wheel) == wheel.parent.name, "the store has been mended"


def test_a_truncated_wheel_is_fetched_again(environment: RealEnvironment, release: Path) -> None:
    wheel = _stored_torch(environment)
    wheel.write_bytes(wheel.read_bytes()[:1000])
    done = environment.restore("--force", "--vendor", str(release))
    assert done.status == 0, done.err
    assert environment.doctor("--deep")["findings"] == []


def _unpack(environment: RealEnvironment) -> Path:
    done = environment.here("vendor", "unpack", "--prefix", str(environment.path))
    assert done.status == 0, done.err
    (version,) = _store(environment).glob("unpacked/*/files/torch/version.py")
    return version.parents[1]


@pytest.mark.parametrize("restores", [0, 1, 2])
def test_an_unpacked_copy_that_was_edited_in_place_is_not_linked(environment: RealEnvironment, restores: int) -> None:
    files = _unpack(environment)
    for _ in range(restores):
        assert environment.restore("--force").status == 0
    _alter(files / "torch/version.py")
    for _ in range(2):
        done = environment.restore("--force")
        assert done.status == 0, done.err
        assert environment.doctor("--deep")["findings"] == []


@pytest.mark.parametrize(
    "spoil", [_alter, lambda path: path.write_bytes(path.read_bytes()[:1000])], ids=["altered", "cut"]
)
def test_the_wheel_beside_an_unpacked_copy_gives_nothing_unhashed(
    environment: RealEnvironment, release: Path, spoil: Callable[[Path], None]
) -> None:
    _unpack(environment)
    spoil(_stored_torch(environment))
    before = snapshot(environment.path)
    assert environment.restore("--force").status != 0
    assert snapshot(environment.path) == before
    done = environment.restore("--force", "--vendor", str(release))
    assert done.status == 0, done.err
    assert environment.doctor("--deep")["findings"] == []


def test_a_file_edited_beside_an_altered_wheel_is_not_installed(environment: RealEnvironment) -> None:
    files = _unpack(environment)
    wheel = _stored_torch(environment)
    with zipfile.ZipFile(wheel) as archive:
        info = archive.getinfo("torch/version.py")
    data = bytearray(wheel.read_bytes())
    # Its data in the archive, after the header and the name.
    data[info.header_offset + 30 + len(info.filename) + info.compress_size // 2] ^= 0xFF
    with open(wheel, "r+b") as stream:
        stream.write(data)
    _alter(files / "torch/version.py")
    before = snapshot(environment.path)
    assert environment.restore("--force").status != 0
    assert snapshot(environment.path) == before


def test_a_file_edited_through_the_environment_is_not_linked_again(environment: RealEnvironment) -> None:
    files = _unpack(environment)
    assert environment.restore("--force").status == 0
    assert (files / "torch/version.py").samefile(environment.site_packages / "torch/version.py")
    _alter(environment.site_packages / "torch/version.py")
    for _ in range(2):
        assert environment.restore("--force").status == 0
        assert environment.doctor("--deep")["findings"] == []


def test_innocent_twin_links_are_made_again_and_again(environment: RealEnvironment) -> None:
    files = _unpack(environment)
    for _ in range(3):
        assert environment.restore("--force").status == 0
        assert (files / "torch/version.py").samefile(environment.site_packages / "torch/version.py")
        assert environment.doctor("--deep")["findings"] == []


@pytest.mark.parametrize(
    "row",
    ["../../escaped", "/escaped", "torch/../../../escaped", "..", "sub/escaped"],
)
def test_a_manifest_cannot_name_what_lies_outside(environment: RealEnvironment, row: str) -> None:
    files = _unpack(environment)
    manifest = files.parent / "manifest.json"
    table = json.loads(manifest.read_text())
    victim = files.parent / "escaped"
    victim.write_text("outside")
    table["shared"]["torch"].append([row, 7, victim.stat().st_mtime_ns, False])
    manifest.write_text(json.dumps(table))
    before = set(environment.path.parent.rglob("escaped"))
    assert environment.restore("--force").status == 0
    assert set(environment.path.parent.rglob("escaped")) == before
    assert environment.doctor("--deep")["findings"] == []


@pytest.mark.parametrize("folder", ["../../escaped", "/tmp/escaped", "torch/../../escaped"])
def test_nor_can_a_folder_of_it(environment: RealEnvironment, folder: str) -> None:
    files = _unpack(environment)
    manifest = files.parent / "manifest.json"
    table = json.loads(manifest.read_text())
    table["shared"][folder] = []
    manifest.write_text(json.dumps(table))
    assert environment.restore("--force").status == 0
    assert list(environment.path.parent.rglob("escaped")) == []


@as_root
def test_a_copy_that_is_another_users_is_not_linked(environment: RealEnvironment) -> None:
    files = _unpack(environment)
    os.chown(files.parent / "manifest.json", NOBODY, NOBODY)
    assert environment.restore("--force").status == 0
    assert not (files / "torch/version.py").samefile(environment.site_packages / "torch/version.py")
    assert environment.doctor("--deep")["findings"] == []


def _open_to_all(path: Path) -> None:
    path.chmod(0o777)


def test_a_store_that_others_can_write_is_copied_from(environment: RealEnvironment) -> None:
    _open_to_all(_store(environment))
    done = environment.restore("--force")
    assert done.status == 0, done.err
    copies = list((environment.path.parent / "home/.cache/hac-envtool/store").glob("sha256/*/*/torch-*.whl"))
    assert len(copies) == 1
    assert environment.doctor("--deep")["findings"] == []


@as_root
def test_so_is_one_of_another_user(environment: RealEnvironment, tmp_path: Path) -> None:
    wheel = _stored_torch(environment)
    os.chown(wheel, NOBODY, NOBODY)
    store = FileStore(_store(environment), own=tmp_path / "own")
    found = store.find(wheel.parent.name)
    assert found is not None
    assert found.is_relative_to(tmp_path / "own")


def test_without_a_place_for_a_copy_it_is_refused(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "store")
    (tmp_path / "a.whl").write_bytes(b"wheel")
    sha256 = store.add(tmp_path / "a.whl").parent.name
    _open_to_all(tmp_path / "store/sha256")
    with pytest.raises(StoreError, match="others than this user and root can write"):
        FileStore(tmp_path / "store").find(sha256)


@as_root
def test_innocent_twin_a_store_that_a_group_shares(environment: RealEnvironment) -> None:
    """Written by one of the group, read by another: by way of a copy, and with nothing to be set."""
    store = _store(environment)
    for path in (store, *store.rglob("*")):
        os.chown(path, 1234, 4321)
        path.chmod(0o2775 if path.is_dir() else 0o664)
    done = environment.restore("--force")
    assert done.status == 0, done.err
    assert environment.doctor("--deep")["findings"] == []


def test_innocent_twin_a_store_behind_a_link(environment: RealEnvironment, tmp_path: Path) -> None:
    store = _store(environment)
    store.rename(tmp_path / "large-disk")
    store.symlink_to(tmp_path / "large-disk")
    assert environment.restore("--force").status == 0
    assert environment.doctor("--deep")["findings"] == []
