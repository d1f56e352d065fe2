"""Volumes in an environment: nothing in one is removed, and a person's own files are named before they go."""

from __future__ import annotations

import json
import os
from pathlib import Path

import jsonschema
import pytest

from envtool.cli.main import main, update_moreh
from envtool.transaction.delete import delete_tree
from tests.support.environment import RealEnvironment
from tests.support.someone import mounted, needs_root

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/restore.schema.json").read_text())


def volume(tmp_path: Path) -> Path:
    folder = tmp_path / "volume"
    folder.mkdir()
    (folder / "precious").write_text("mine")
    return folder


@needs_root
@pytest.mark.parametrize("where", ["torch", "torch/data", "torch/data/deep", "torch-1.7.1+cu110.moreh22.8.0.dist-info"])
@pytest.mark.parametrize("kind", ["bind", "tmpfs"])
def test_a_mount_where_something_is_replaced(
    environment: RealEnvironment, tmp_path: Path, where: str, kind: str
) -> None:
    target = environment.site_packages / where
    target.mkdir(parents=True, exist_ok=True)
    words = ["--bind", volume(tmp_path)] if kind == "bind" else ["-t", "tmpfs", "tmpfs"]
    with mounted(*words, target):
        (target / "precious").write_text("mine")
        for program, arguments in ((main, ("restore", "--force")), (update_moreh, ("--force",))):
            done = environment.here(*arguments, "--prefix", str(environment.path), program=program)
            assert done.status == 10, done.out + done.err
            assert f"{target} is mounted" in done.err
            assert f"umount {target}" in done.err
        assert (target / "precious").read_text() == "mine"
        assert not (environment.site_packages / ".hac-restore").exists()
    assert environment.restore("--force").status == 0


@needs_root
def test_a_dry_run_says_so_too(environment: RealEnvironment, tmp_path: Path) -> None:
    (environment.site_packages / "torch/data").mkdir()
    with mounted("--bind", volume(tmp_path), environment.site_packages / "torch/data"):
        done = environment.restore("--force", "--dry-run")
        assert done.status == 10
        assert "is mounted" in done.err


@needs_root
def test_a_file_that_is_mounted(environment: RealEnvironment, tmp_path: Path) -> None:
    """As `docker run -v FILE:FILE` does."""
    target = environment.site_packages / "torch/cuda.py"
    (tmp_path / "cuda.py").write_text("mine")
    with mounted("--bind", tmp_path / "cuda.py", target):
        done = environment.restore()
        assert done.status == 10, done.out
        assert f"{target} is mounted" in done.err
    assert (tmp_path / "cuda.py").read_text() == "mine"


@needs_root
def test_a_mount_point_with_a_space_in_its_name(environment: RealEnvironment, tmp_path: Path) -> None:
    target = environment.site_packages / "torch/my data"
    target.mkdir()
    with mounted("--bind", volume(tmp_path), target):
        done = environment.restore("--force")
        assert done.status == 10
        assert f"umount '{target}'" in done.err


@needs_root
def test_the_pin_on_another_file_system(environment: RealEnvironment) -> None:
    """Found before anything is changed, and not by a rename that fails half way."""
    environment.uv_install("wants-newer")
    with mounted("-t", "tmpfs", "tmpfs", environment.path / "etc/hac"):
        done = environment.restore("--vendor", str(environment.wheels))
        assert done.status == 10
        assert "another file system" in done.err
        assert not (environment.site_packages / ".hac-restore").exists()
        assert not any((environment.path / "etc/hac").iterdir())
    assert environment.restore().status == 0


@needs_root
def test_nothing_is_deleted_across_a_mount(tmp_path: Path) -> None:
    """Whatever came there since it was looked at."""
    top = tmp_path / "top"
    (top / "a/b").mkdir(parents=True)
    precious = volume(tmp_path) / "precious"
    handle = os.open(tmp_path, os.O_RDONLY)
    with mounted("--bind", precious.parent, top / "a/b"), pytest.raises(OSError, match="cross-device"):
        delete_tree(handle, "top")
    os.close(handle)
    assert precious.read_text() == "mine"


@needs_root
@pytest.mark.parametrize("where", [".", "lib/python3.11/site-packages/other", "share"])
def test_a_volume_beside_it_is_no_obstacle(environment: RealEnvironment, tmp_path: Path, where: str) -> None:
    """The innocent twin: the whole environment in a volume, or one that has nothing to do with torch."""
    environment.uv_install("wants-newer")
    target = environment.path / where
    target.mkdir(exist_ok=True)
    with mounted("--bind", environment.path if where == "." else volume(tmp_path), target):
        assert environment.restore().status == 0
        assert environment.doctor("--deep")["findings"] == []


def test_a_persons_own_files_are_named_before_they_go(environment: RealEnvironment, tmp_path: Path) -> None:
    torch = environment.site_packages / "torch"
    (torch / "mine").mkdir()
    (torch / "mine/notes.txt").write_text("")
    (torch / "link").symlink_to(tmp_path)
    (environment.site_packages / "caffe2").mkdir(exist_ok=True)
    (environment.site_packages / "caffe2/own.py").write_text("")
    done = environment.here("restore", "--force", "--dry-run", "--format", "json", "--prefix", str(environment.path))
    document = json.loads(done.out)
    jsonschema.validate(document, SCHEMA)
    (row,) = [row for row in document["actions"] if row["action"] == "discard"]
    assert {"torch/link", "torch/mine/notes.txt"} <= set(row["files"])
    text = environment.restore("--force", "--dry-run").out
    assert "discard" in text
    assert "torch/mine/notes.txt" in text


def test_what_nobody_put_there_is_not_named(environment: RealEnvironment) -> None:
    """The innocent twin: a healthy environment that Python has run in, with a friend's files."""
    environment._run([str(environment.python), "-m", "compileall", "-q", str(environment.site_packages)], check=True)
    environment.uv_install("wants-any")
    done = environment.here("restore", "--force", "--dry-run", "--format", "json", "--prefix", str(environment.path))
    assert not [row for row in json.loads(done.out)["actions"] if row["action"] == "discard"]


def test_many_are_counted_in_text_and_named_in_json(environment: RealEnvironment) -> None:
    for number in range(30):
        (environment.site_packages / f"torch/mine_{number:02}.txt").write_text("")
    text = environment.restore("--force", "--dry-run").out
    assert "and 20 more" in text
    done = environment.here("restore", "--force", "--dry-run", "--format", "json", "--prefix", str(environment.path))
    (row,) = [row for row in json.loads(done.out)["actions"] if row["action"] == "discard"]
    assert len(row["files"]) == 30
