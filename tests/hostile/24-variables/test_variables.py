"""Variables that root brought along, as behind `sudo -E`, and programs that lie where somebody else may write."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from envtool.cache_folder import find_cache_root
from envtool.driver.ask import start_query
from envtool.git_query import ask_git
from envtool.private_folder import is_private
from envtool.program_path import find_trusted_program
from envtool.temporary_folder import temporary_folder
from envtool.transaction.owner import make_owner
from tests.support.someone import SOMEONE, give_to, needs_root

GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]


def make_program(folder: Path, name: str, mark: Path | None = None) -> Path:
    """A program that leaves a mark."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\ntouch {mark}\n" if mark is not None else "#!/bin/sh\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("path", [".", "", "bin", "::bin:."])
def test_no_program_of_the_working_folder_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """A project that somebody else wrote, looked at with such a PATH."""
    for folder in (tmp_path, tmp_path / "bin"):
        make_program(folder, "moreh-smi", tmp_path / "ran")
        make_program(folder, "git", tmp_path / "ran")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", path)
    assert start_query(os.environ).program is None  # type: ignore[union-attr]  # a result
    assert ask_git(tmp_path, "ls-files") is None
    assert not (tmp_path / "ran").exists()


@needs_root
@pytest.mark.parametrize("theirs", ["program", "folder", "link", "mode"])
def test_root_starts_no_program_of_somebodys(tmp_path: Path, theirs: str) -> None:
    mine = make_program(tmp_path / "mine", "git")
    program = make_program(tmp_path / "somebody", "git")
    match theirs:
        case "program":
            os.chown(program, SOMEONE, SOMEONE)
        case "folder":
            os.chown(program.parent, SOMEONE, SOMEONE)
        case "mode":
            program.chmod(0o777)
        case _:
            program.unlink()
            program.symlink_to(mine)
            os.lchown(program, SOMEONE, SOMEONE)
    # Else nobody else comes this far.
    give_way(tmp_path)
    assert find_trusted_program("git", {"PATH": f"{program.parent}:{mine.parent}"}) == str(mine)


def test_innocent_programs_are_found(tmp_path: Path) -> None:
    program = make_program(tmp_path / "real", "git")
    (tmp_path / "linked").symlink_to("real")
    assert find_trusted_program("git", {"PATH": f"/nowhere:{program.parent}"}) == str(program)
    assert find_trusted_program("git", {"PATH": f"{tmp_path}/linked"}) == f"{tmp_path}/linked/git"


def give_way(folder: Path) -> None:
    """Let others pass: pytest's own folders let only root in."""
    for place in (folder, *folder.parents):
        if "pytest-of-" in str(place):
            place.chmod(0o755)


@needs_root
def test_somebodys_folder_for_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who owns it could put another in the place of what root makes there, with links to root's files in it."""
    theirs, mine = tmp_path / "theirs", tmp_path / "mine"
    for folder in (theirs, mine):
        folder.mkdir()
    give_to(SOMEONE, theirs)
    for place, is_taken in ((theirs, False), (mine, True)):
        monkeypatch.setattr(tempfile, "tempdir", str(place))
        with temporary_folder() as made:
            assert made.is_relative_to(place) is is_taken
            assert is_private(made)


@needs_root
def test_somebodys_folder_for_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, mine = tmp_path / "theirs", tmp_path / "mine"
    for folder in (theirs, mine):
        folder.mkdir()
    give_to(SOMEONE, theirs)
    for place, is_taken in ((theirs, False), (mine, True), (tmp_path / "new", True)):
        monkeypatch.setenv("XDG_CACHE_HOME", str(place))
        found = find_cache_root()
        assert found is not None
        assert found.is_relative_to(place) is is_taken


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GITHUB_PAT", "abc"),
        ("MYSQL_PWD", "abc"),
        ("DATABASE", "postgresql://u:abc@db.example/x"),
        ("DOCKER_AUTH_CONFIG", '{"auths": {"h": {"auth": "abc"}}}'),
    ],
)
def test_secrets_of_roots_are_not_handed_on(tmp_path: Path, name: str, value: str) -> None:
    innocent = {"LANG": "C.UTF-8", "PIP_INDEX_URL": "https://u:abc@h/simple", "UV_INDEX_X_PASSWORD": "abc"}
    given = make_owner(SOMEONE, tmp_path).adapt_variables({**innocent, name: value})
    assert name not in given
    assert innocent.items() <= given.items()


@pytest.mark.parametrize("how", ["ext", "upload pack"])
@pytest.mark.parametrize("words", [("diff", "--cached", "--name-only", "HEAD"), ("ls-files", "--cached")])
def test_a_repository_that_has_its_objects_fetched(tmp_path: Path, how: str, words: tuple[str, ...]) -> None:
    """Git runs what a repository names for that, which may be anything: a folder of somebody's may have a `.git`."""
    project, ran = tmp_path / "project", tmp_path / "ran"
    (project / "inner").mkdir(parents=True)
    (project / "outer").mkdir()
    for folder in ("inner", "outer"):
        (project / folder / "train.py").write_text("import torch\n")
    run = ["git", "-C", str(project)]
    sparse = ("sparse-checkout", "init", "--cone", "--sparse-index"), ("sparse-checkout", "set", "inner")
    for command in (("init", "-q"), ("add", "."), (*GIT[1:], "commit", "-qm", "x"), *sparse):
        subprocess.run([*run, *command], check=True, capture_output=True)
    assert ask_git(project, *words) is not None, "the innocent twin: it has its objects"
    settings = {"core.repositoryformatversion": "1", "extensions.partialClone": "origin"}
    if how == "ext":
        settings |= {"remote.origin.url": f"ext::sh -c touch% {ran}", "protocol.ext.allow": "always"}
    else:
        settings |= {"remote.origin.url": str(tmp_path), "remote.origin.uploadpack": f"touch {ran}; false"}
    for name, value in settings.items():
        subprocess.run([*run, "config", name, value], check=True)
    for objects in (project / ".git/objects").glob("??"):
        shutil.rmtree(objects)
    ask_git(project, *words)
    assert not ran.exists()


def test_a_pipe_that_git_waits_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the place of a `.gitignore`: git is asked once, and its silence is bounded."""
    subprocess.run(["git", "-C", tmp_path, "init", "-q"], check=True)
    os.mkfifo(tmp_path / ".gitignore")
    monkeypatch.setattr("envtool.git_query._TIME_LIMIT", 0.3)
    words = ("ls-files", "-z", "--others", "--exclude-standard")
    assert ask_git(tmp_path, *words) is None
    # A longer patience would not help.
    monkeypatch.setattr("envtool.git_query._TIME_LIMIT", 600.0)
    assert ask_git(tmp_path, *words) is None
