"""A journal in an environment is somebody else's data: it names nothing outside, and is believed only of ourselves."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.environment import Outcome, RealEnvironment
from tests.support.killing import killed_at
from tests.support.someone import SOMEONE, give_to, needs_root


def plant(environment: RealEnvironment, journal: bytes | dict[str, Any]) -> Path:
    """Leave a working folder with a journal, as an interrupted change would."""
    staging = environment.site_packages / ".hac-restore"
    staging.mkdir(mode=0o700)
    data = journal if isinstance(journal, bytes) else json.dumps(journal).encode()
    (staging / "journal.json").write_bytes(data)
    return staging


def journal_of(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"schema": 2, "backwards": False, "mark": "", "steps": list(steps)}


def refuses(environment: RealEnvironment, *, command: str = "restore") -> Outcome:
    """The command is an error that says what to look at, and leaves the working folder as it is."""
    done = environment.envtool(command, "--prefix", str(environment.path))
    assert done.status == 10, done.out + done.err
    assert "cannot be believed" in done.err
    assert "next:" in done.err
    assert os.path.lexists(environment.site_packages / ".hac-restore")
    return done


def victim_of(environment: RealEnvironment) -> Path:
    """A file beside the environment, and the relative way to it."""
    victim = environment.path.parent / "victim"
    victim.write_text("mine")
    return victim


def paths_to(victim: Path) -> list[dict[str, Any]]:
    up, inside = "../victim", "torch/version.py"
    place = {"place": "torch/x", "in": "prefix"}
    return [
        {"remove": str(victim)},
        {"remove": str(victim), "in": "prefix"},
        {"remove": up, "in": "prefix"},
        {"remove": f"lib/../{up}", "in": "prefix"},
        {"remove": f"./{up}", "in": "prefix"},
        {"remove": f"{up}/", "in": "prefix"},
        {"remove": "victim", "in": str(victim.parent)},
        {"remove": "victim", "in": ".."},
        {"remove": "", "in": "prefix"},
        {"remove": ".", "in": "site-packages"},
        {"remove": "bin", "in": "prefix"},
        {"remove": "lib", "in": "prefix"},
        {"remove": ".hac-restore", "in": "site-packages"},
        {"remove": "a\0b", "in": "prefix"},
        {"remove": ["x"], "in": "prefix"},
        {"remove": inside, "in": ["site-packages"]},
        {"remove": inside, "in": "site-packages", "place": "x"},
        {**place, "at": str(victim)},
        {**place, "at": up},
        {**place, "at": "bin"},
        {"place": str(victim), "at": "stolen", "in": "prefix"},
        {"place": "../../../../../victim", "at": "stolen", "in": "prefix"},
        {"place": "", "at": "stolen", "in": "prefix"},
        {"place": 1, "at": "stolen", "in": "prefix"},
        {},
    ]


@pytest.mark.parametrize("number", range(25))
def test_a_path_that_leads_elsewhere(environment: RealEnvironment, number: int) -> None:
    victim = victim_of(environment)
    plant(environment, journal_of(paths_to(victim)[number]))
    refuses(environment)
    assert victim.read_text() == "mine"
    assert (environment.path / "bin/python").exists()
    assert (environment.site_packages / "torch/version.py").exists()
    assert not (environment.path / "stolen").exists()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        b"1",
        b'"text"',
        b"{}",
        b'{"schema": 2}',
        b'{"schema": 1, "steps": [{"remove": "/etc/hostname"}]}',
        b'{"schema": 2, "backwards": false, "mark": "", "steps": 5}',
        b'{"schema": 2, "backwards": false, "mark": "", "steps": [5]}',
        b'{"schema": 2, "backwards": false, "mark": "", "steps": [[]]}',
        b'{"schema": 2, "backwards": "no", "mark": "", "steps": []}',
        b'{"schema": 2, "backwards": false, "mark": "../../x", "steps": []}',
        b'{"schema": 2, "backwards": false, "mark": 7, "steps": []}',
        b'{"schema": 1' + b"0" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=range(19),
)
def test_a_journal_that_is_none(environment: RealEnvironment, data: bytes) -> None:
    plant(environment, data)
    refuses(environment)


@pytest.mark.parametrize("make", ["link", "pipe", "folder", "huge"])
def test_a_journal_that_is_no_file(environment: RealEnvironment, make: str, tmp_path: Path) -> None:
    staging = plant(environment, b"{}")
    path = staging / "journal.json"
    path.unlink()
    if make == "link":
        (tmp_path / "elsewhere").write_text(json.dumps(journal_of()))
        path.symlink_to(tmp_path / "elsewhere")
    elif make == "pipe":
        os.mkfifo(path)
    elif make == "folder":
        path.mkdir()
    else:
        with open(path, "wb") as stream:
            stream.truncate(1 << 40)
    refuses(environment)


def test_a_journal_that_others_can_write(environment: RealEnvironment) -> None:
    (plant(environment, journal_of()) / "journal.json").chmod(0o666)
    refuses(environment)


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o720])
def test_a_working_folder_that_others_can_write(environment: RealEnvironment, mode: int) -> None:
    plant(environment, journal_of()).chmod(mode)
    refuses(environment)


def test_a_working_folder_that_is_a_link(environment: RealEnvironment, tmp_path: Path) -> None:
    victim = victim_of(environment)
    plant(environment, journal_of()).rename(tmp_path / "elsewhere")
    (environment.site_packages / ".hac-restore").symlink_to(tmp_path / "elsewhere")
    refuses(environment)
    assert victim.exists()
    assert (tmp_path / "elsewhere/journal.json").exists()


@needs_root
def test_somebody_elses_journal_in_roots_environment(environment: RealEnvironment) -> None:
    staging = plant(environment, journal_of({"remove": "torch", "in": "site-packages"}))
    subprocess.run(["chown", "-R", str(SOMEONE), staging], check=True)
    refuses(environment)
    assert (environment.site_packages / "torch").is_dir()


@needs_root
def test_roots_journal_with_somebody_elses_file(environment: RealEnvironment) -> None:
    staging = plant(environment, journal_of({"remove": "torch", "in": "site-packages"}))
    os.chown(staging / "journal.json", SOMEONE, SOMEONE)
    refuses(environment)


@needs_root
def test_the_owners_own_journal_is_done_as_the_owner(environment: RealEnvironment) -> None:
    """It gains nothing by it: what is not the owner's is out of reach."""
    roots = environment.path / "share"
    (roots / "inner").mkdir(parents=True)
    (roots / "inner/file").write_text("root's")
    plant(environment, journal_of({"remove": "share/inner", "in": "prefix"}))
    give_to(SOMEONE, environment.path)
    subprocess.run(["chown", "-R", "root", roots], check=True)
    done = environment.restore()
    assert done.status == 10, done.out
    assert (roots / "inner/file").read_text() == "root's"


@pytest.mark.parametrize("program", ["restore", "doctor --fix", "update-moreh", "install"])
def test_every_command_that_recovers(environment: RealEnvironment, program: str) -> None:
    from envtool.cli.main import update_moreh

    victim = victim_of(environment)
    plant(environment, journal_of({"remove": str(victim), "in": "prefix"}))
    prefix = ("--prefix", str(environment.path))
    if program == "update-moreh":
        done = environment.here(*prefix, program=update_moreh)
    elif program == "install":
        done = environment.here("install", *prefix, "--no-index", "harmless")
    elif program == "restore":
        done = environment.here("restore", *prefix)
    else:
        (environment.site_packages / "torch/cuda.py").unlink()
        done = environment.here("doctor", "--fix", *prefix)
    assert done.status == 10, done.out + done.err
    assert victim.read_text() == "mine"


def test_a_link_on_the_way_of_a_step(environment: RealEnvironment, tmp_path: Path) -> None:
    """Put there after the journal was written: a plain path that leads out."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("mine")
    (environment.site_packages / "linked").symlink_to(outside)
    plant(environment, journal_of({"remove": "linked/precious", "in": "site-packages"}))
    done = environment.restore()
    assert done.status == 10, done.out
    assert (outside / "precious").read_text() == "mine"


def test_a_journal_of_ones_own_is_completed(environment: RealEnvironment) -> None:
    """The innocent twin: a restore that was really killed, in every state that a kill leaves."""
    environment.uv_install("wants-newer")
    template = environment.path.with_name("template")
    shutil.copytree(environment.path, template, symlinks=True)
    recovered = 0
    for limit in range(2, 40, 3):
        shutil.rmtree(environment.path)
        shutil.copytree(template, environment.path, symlinks=True)
        killed_at(limit, environment, "restore", "--prefix", str(environment.path))
        recovered += (environment.site_packages / ".hac-restore/journal.json").exists()
        done = environment.here("restore", "--prefix", str(environment.path))
        assert done.status == 0, done.err
        assert environment.doctor("--deep")["findings"] == []
    assert recovered > 2


def test_an_environment_that_was_moved_meanwhile(environment: RealEnvironment) -> None:
    """A journal's paths are relative: the change is completed where the environment is now."""
    (environment.site_packages / "torch/old.txt").write_text("")
    plant(environment, journal_of({"remove": "torch/old.txt", "in": "site-packages"}))
    moved = environment.path.with_name("moved")
    environment.path.rename(moved)
    done = environment.envtool("restore", "--prefix", str(moved))
    assert "completed a restore that had been interrupted" in done.err
    assert not list(moved.rglob("old.txt"))
