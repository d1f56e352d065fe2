"""What `protect` keeps in an environment is its owner's to write: root believes it of protect's own files only."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import envtool.protect.plan
from tests.support.environment import Outcome, RealEnvironment
from tests.support.someone import SOMEONE, as_someone, give_to, list_owners, needs_root

Row = dict[str, Any]
MANIFEST = "etc/hac/protect.json"
PLANTED = b"planted\n"
MINE = b"mine\n"


def row_of(path: str | Path, edit: str = "whole", now: bytes = MINE, **others: object) -> Row:
    """A row that has root put other content into a file, which nobody has changed since."""
    digest = hashlib.sha256(now).hexdigest()
    row = {"path": str(path), "edit": edit, "before": base64.b64encode(PLANTED).decode(), "sha256": digest}
    return {**row, "mode": 0o644, **others}


def plant(prefix: Path, *rows: Row) -> Path:
    path = prefix / MANIFEST
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"schema": 1, "pins": [], "files": rows}))
    return path


def protect(environment: RealEnvironment, *arguments: str) -> Outcome:
    return environment.here("protect", "--prefix", str(environment.path), *arguments)


def read_all(prefix: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(prefix)): path.read_bytes()
        for path in prefix.rglob("*")
        if path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts
    }


def refuses(environment: RealEnvironment, word: str = "damaged") -> None:
    """Each way of the command is an error with a next step, and nothing is changed."""
    before = read_all(environment.path)
    for arguments in (("--undo",), (), ("--undo", "--dry-run"), ("--dry-run",)):
        done = protect(environment, *arguments)
        assert done.status == 10, (arguments, done.out, done.err)
        assert word in done.err, arguments
        assert "next:" in done.err
        assert "Traceback" not in done.err
    assert read_all(environment.path) == before


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "private/victim"
    path.parent.mkdir(mode=0o700)
    path.write_bytes(MINE)
    return path


STRANGE: dict[str, Callable[[RealEnvironment, Path], list[Row]]] = {
    "any-file": lambda _environment, victim: [row_of(victim)],
    "up": lambda environment, victim: [row_of(os.path.relpath(victim, environment.path))],
    "up-from-an-own-folder": lambda environment, victim: [
        row_of(f"etc/hac/../../{os.path.relpath(victim, environment.path)}")
    ],
    "own-name-elsewhere": lambda _environment, victim: [row_of(victim.with_name("pip.conf"), "pip")],
    "the-machines-settings": lambda _environment, _victim: [row_of("/etc/uv/uv.toml", "uv")],
    "torch": lambda environment, _victim: [row_of(environment.site_packages / "torch/version.py")],
    "interpreter": lambda _environment, _victim: [row_of("bin/python")],
    "the-prefix": lambda _environment, _victim: [row_of("")],
    "another-edit": lambda _environment, _victim: [row_of("pip.conf", "whole")],
    "no-edit": lambda _environment, _victim: [row_of("pip.conf", "explode")],
    "behind-a-good-one": lambda _environment, victim: [row_of("pip.conf", "pip"), row_of(victim)],
    "twice": lambda _environment, _victim: [row_of("uv.toml", "uv"), row_of("uv.toml", "uv")],
    "null": lambda _environment, victim: [row_of(f"{victim}\0")],
    "surrogate": lambda _environment, _victim: [row_of("\ud800")],
    "infinite-mode": lambda _environment, _victim: [row_of("uv.toml", "uv", mode=float("inf"))],
    "no-text": lambda _environment, _victim: [{**row_of("x"), "path": ["pip.conf"]}],
}


@needs_root
@pytest.mark.parametrize("rows", STRANGE.values(), ids=STRANGE)
def test_a_manifest_names_protects_own_files_only(
    environment: RealEnvironment, victim: Path, rows: Callable[[RealEnvironment, Path], list[Row]]
) -> None:
    for name, text in (("pip.conf", MINE), ("uv.toml", MINE)):
        (environment.path / name).write_bytes(text)
    plant(environment.path, *rows(environment, victim))
    give_to(SOMEONE, environment.path)
    refuses(environment)
    assert victim.read_bytes() == MINE
    assert not victim.with_name("pip.conf").exists()


def test_not_even_for_the_environments_own_user(environment: RealEnvironment, victim: Path) -> None:
    """Whoever copies an environment from somewhere has somebody else's manifest, too."""
    plant(environment.path, row_of(victim))
    refuses(environment)
    assert victim.read_bytes() == MINE


@pytest.mark.parametrize("word", ["[" * 100_000, "7", "{}", "\ud800", '{"schema": 1, "pins": 7, "files": [7]}'])
def test_what_is_no_manifest(environment: RealEnvironment, word: str) -> None:
    path = plant(environment.path)
    path.write_bytes(word.encode("utf-8", "surrogatepass"))
    refuses(environment)


@pytest.fixture
def machine_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in the place of the machine's /etc/uv/uv.toml."""
    path = tmp_path / "machine/uv.toml"
    path.parent.mkdir()
    path.write_bytes(MINE)
    monkeypatch.setattr(envtool.protect.plan, "SYSTEM_UV", path)
    return path


def make_system_like(environment: RealEnvironment) -> None:
    """Make an environment look like the machine's own Python."""
    (environment.path / "pyvenv.cfg").unlink()
    library = environment.path / "lib/python3"
    library.mkdir()
    environment.site_packages.rename(library / "dist-packages")


@needs_root
def test_the_machines_settings_are_not_somebodys(environment: RealEnvironment, machine_settings: Path) -> None:
    make_system_like(environment)
    plant(environment.path, row_of(machine_settings, "uv"))
    give_to(SOMEONE, environment.path)
    refuses(environment)
    (environment.path / MANIFEST).unlink()
    for arguments in ((), ("--undo",)):
        done = protect(environment, *arguments)
        assert done.status == 0, done.err
        assert str(machine_settings) not in done.out
    assert machine_settings.read_bytes() == MINE


def test_nor_another_systems(environment: RealEnvironment, machine_settings: Path) -> None:
    """A Debian in a folder, such as a chroot, is not the machine's Python."""
    make_system_like(environment)
    done = protect(environment)
    assert done.status == 0, done.err
    assert machine_settings.read_bytes() == MINE
    assert (environment.path / "uv.toml").exists()


@needs_root
@pytest.mark.parametrize("place", [MANIFEST, "etc/hac"])
def test_roots_environment_with_a_manifest_of_others(environment: RealEnvironment, place: str) -> None:
    assert protect(environment).status == 0
    (environment.path / place).chmod(0o777)
    refuses(environment, "cannot be believed")
    (environment.path / place).chmod(0o755)
    assert protect(environment, "--undo").status == 0


PLACES = ["pip.conf", "uv.toml", "etc/hac/constraints.txt", "bin/activate", MANIFEST]


@needs_root
@pytest.mark.parametrize("place", PLACES)
def test_links_lead_root_nowhere(environment: RealEnvironment, victim: Path, place: str) -> None:
    path = environment.path / place
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(victim)
    give_to(SOMEONE, environment.path)
    done = protect(environment)
    assert done.status == 10, done.out
    assert victim.read_bytes() == MINE
    assert victim.stat().st_uid == 0


@needs_root
@pytest.mark.parametrize("folder", ["etc", "etc/hac", "bin"])
@pytest.mark.parametrize("undo", [False, True], ids=["protect", "undo"])
def test_folders_that_lead_elsewhere(environment: RealEnvironment, tmp_path: Path, folder: str, undo: bool) -> None:
    if undo:
        assert protect(environment).status == 0
    (environment.path / folder).rename(tmp_path / "roots")
    (environment.path / folder).symlink_to(tmp_path / "roots")
    give_to(SOMEONE, environment.path)
    before = read_all(tmp_path / "roots")
    done = protect(environment, *(["--undo"] if undo else []))
    assert done.status == 10, done.out
    assert read_all(tmp_path / "roots") == before
    assert list_owners(tmp_path / "roots") == {0}


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
@pytest.mark.parametrize("place", PLACES)
def test_no_regular_files(environment: RealEnvironment, place: str, kind: str) -> None:
    path = environment.path / place
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    if place == "bin/activate":
        # There need be none, and what is no file is none.
        assert protect(environment).status in {0, 10}
        return
    done = protect(environment)
    assert done.status == 10, done.out
    assert "next:" in done.err


@needs_root
def test_innocent_twin_is_the_owners(environment: RealEnvironment) -> None:
    """What root makes is the owner's, who takes it back alone; and the other way round."""
    give_to(SOMEONE, environment.path)
    before = read_all(environment.path)
    assert protect(environment).status == 0
    assert list_owners(environment.path) == {SOMEONE}
    done = as_someone(environment, SOMEONE, "protect", "--undo", "--prefix", str(environment.path))
    assert done.returncode == 0, done.stderr
    assert read_all(environment.path) == before
    done = as_someone(environment, SOMEONE, "protect", "--prefix", str(environment.path))
    assert done.returncode == 0, done.stderr
    assert protect(environment, "--undo").status == 0
    assert read_all(environment.path) == before
    assert list_owners(environment.path) == {SOMEONE}


def test_innocent_twin_that_was_moved(environment: RealEnvironment, tmp_path: Path) -> None:
    """The manifest names the files of the environment that it is in, wherever that is."""
    before = read_all(environment.path)
    assert protect(environment).status == 0
    moved = tmp_path / "moved"
    environment.path.rename(moved)
    assert environment.here("protect", "--undo", "--prefix", str(moved)).status == 0
    assert read_all(moved) == before


def test_innocent_twin_by_another_name(environment: RealEnvironment, tmp_path: Path) -> None:
    before = read_all(environment.path)
    link = tmp_path / "current"
    link.symlink_to(environment.path)
    assert environment.here("protect", "--prefix", str(link)).status == 0
    assert protect(environment, "--undo").status == 0
    assert read_all(environment.path) == before


def test_innocent_twin_with_whole_paths(environment: RealEnvironment) -> None:
    """Paths that begin with the prefix name the same files."""
    (environment.path / "uv.toml").write_bytes(MINE)
    plant(environment.path, row_of(environment.path / "uv.toml", "uv"))
    assert protect(environment, "--undo").status == 0
    assert (environment.path / "uv.toml").read_bytes() == PLANTED
