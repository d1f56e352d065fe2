"""Code of somebody else's project runs as that somebody, and nothing of root's is put into somebody else's lines."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import envtool
from envtool.authors import Authors, find_authors
from envtool.errors import RequirementsError, ResolutionError
from envtool.release.pin import PinnedDistribution, PinOrigin, VendorPin
from envtool.requirements.build_rights import find_build_rights
from envtool.requirements.model import InstallOptions
from envtool.requirements.projects.source_copy import copy_project
from envtool.requirements.read_file import read_file
from envtool.requirements.readers.source_files import SourceFiles
from envtool.requirements.resolve import Resolver
from envtool.requirements.synthetic_target import synthetic_target
from envtool.requirements.target import Target
from envtool.requirements.uv_options import Installer
from envtool.transaction.owner import Owner, make_owner
from tests.corpus.frozen_index import served
from tests.support.environment import RealEnvironment
from tests.support.someone import NUMBER_ONLY, SOMEONE, find_reachable_python, give_to, make_usable, needs_root

# Tells who it runs as, and what it sees of root's.
TELLS = """
import os
import shutil
seen = [str(os.getuid()), os.environ.get("DEPLOY_TOKEN", "without"), os.environ.get("HOME", "")]
raise RuntimeError("ran as " + " ".join(seen))
"""
DEMO_TORCH = "1.7.1+cu110.moreh22.8.0"


@pytest.fixture(scope="module")
def index() -> Iterator[str]:
    with served(with_build_tools=True) as address:
        yield address


def open_way(path: Path) -> None:
    """Let others pass: pytest's own folders let only root in."""
    for folder in path.parents:
        if "pytest-of-" in str(folder):
            folder.chmod(0o755)


def make_project(folder: Path, owner: int = 0, setup: str = TELLS) -> Path:
    folder.mkdir(parents=True)
    (folder / "setup.py").write_text(setup)
    open_way(folder)
    if owner:
        give_to(owner, folder)
    return folder


def make_resolver(owner: Owner | None = None, index_url: str | None = None) -> Resolver:
    pin = VendorPin((PinnedDistribution(name="torch", version=DEMO_TORCH),), PinOrigin.GIVEN)
    target = Target(pin=pin, python="3.11", owner=owner)
    options = InstallOptions(index_url=index_url)
    return Resolver(target=target, installer=Installer.PIP, variables={}, options=options)


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that everybody can enter: pytest's own ones let only root in."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@needs_root
def test_a_back_end_runs_as_its_author(environment: RealEnvironment, index: str, tmp_path: Path) -> None:
    make_usable(environment)
    open_way(environment.path)
    environment.variables.update(UV_DEFAULT_INDEX=index, DEPLOY_TOKEN="sentinel", PIP_INDEX_URL=index)
    project = make_project(tmp_path / "project", SOMEONE)
    done = environment.envtool("check", "--prefix", str(environment.path), str(project / "setup.py"))
    assert f"ran as {SOMEONE} without" in done.out, done.out + done.err
    assert "/root" not in done.out
    # Root's own one.
    own = make_project(tmp_path / "own")
    done = environment.envtool("check", "--prefix", str(environment.path), str(own / "setup.py"))
    assert "ran as 0 sentinel" in done.out, done.out + done.err


@needs_root
def test_the_same_for_an_assumed_environment(environment: RealEnvironment, index: str, reachable: Path) -> None:
    version = ".".join(Path(find_reachable_python()).name.removeprefix("python").split(".")[:2])
    environment.variables.update(UV_DEFAULT_INDEX=index, PIP_INDEX_URL=index)
    project = make_project(reachable / "project", NUMBER_ONLY)
    words = ("check", "--torch", DEMO_TORCH, "--python-version", version, str(project / "setup.py"))
    done = environment.envtool(*words)
    assert "ran as 0" not in done.out + done.err
    assert f"ran as {NUMBER_ONLY} without" in done.out, done.out + done.err


@needs_root
def test_whose_rights_a_file_gets(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    file = read_file(project / "setup.py")
    assert find_build_rights(file, [make_resolver()]).owner is None
    owner = make_owner(NUMBER_ONLY, tmp_path)
    # An environment's owner runs what is root's, as before.
    assert find_build_rights(file, [make_resolver(owner)]).owner == owner
    give_to(SOMEONE, project)
    found = find_build_rights(read_file(project / "setup.py"), [make_resolver()])
    assert found.owner is not None
    assert found.owner.uid == SOMEONE
    assert not found.refusal
    refused = find_build_rights(file, [make_resolver(owner)])
    assert "with another's rights" in refused.refusal
    password = find_build_rights(file, [make_resolver(index_url="https://user:word@index.example/simple")])
    assert "password" in password.refusal
    assert password.owner is None
    # Named in a file of root's.
    own = tmp_path / "requirements.txt"
    for line in (f"-e {project}", f"{project}", f"x @ file://{project}"):
        own.write_text(f"{line}\n")
        named = find_build_rights(read_file(own), [make_resolver()])
        assert named.owner is not None, line
        assert named.owner.uid == SOMEONE
    own.write_text(f"-r {project}/more.txt\n")
    (project / "more.txt").write_text("numpy\n")
    assert find_build_rights(read_file(own), [make_resolver()]).owner is not None


@needs_root
def test_a_root_that_may_not_change_its_user(reachable: Path) -> None:
    """As in a container without these capabilities, or with one user only: nothing fails for it, and no code runs."""
    project = make_project(reachable / "project", SOMEONE)
    (project / "requirements.txt").write_text("tqdm\n")
    give_to(SOMEONE, project)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path\n"
        "from envtool.transaction.owner import make_owner\n"
        f"print(make_owner({SOMEONE}, Path('/')).is_usable())\n"
    )
    root = str(Path(envtool.__file__).parents[1])
    dropped = ["setpriv", "--bounding-set", "-setuid", "--inh-caps", "-setuid", sys.executable, "-c", program, root]
    alone = ["unshare", "--user", "--map-root-user", sys.executable, "-c", program, root]
    done = subprocess.run(dropped, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "False\n"
    done = subprocess.run(alone, capture_output=True, text=True, check=False, timeout=60)
    # Some machines allow no namespaces.
    assert done.stdout in {"False\n", ""}
    assert make_owner(SOMEONE, Path("/")).is_usable()


@needs_root
def test_a_refusal_runs_nothing(tmp_path: Path) -> None:
    from envtool.requirements.projects.project_reader import open_project_reader

    project = make_project(tmp_path / "project")
    (project / "part.py").write_text("x = 1\n")
    os.chown(project / "part.py", SOMEONE, SOMEONE)
    with open_project_reader(make_resolver()) as reader, pytest.raises(ResolutionError) as error:
        reader.read(str(project))
    assert "it would run as root" in str(error.value.why)
    assert "part.py" in str(error.value.why)


@needs_root
def test_who_wrote_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a/b"
    folder.mkdir(parents=True)
    file = folder / "file"
    file.touch()
    assert not find_authors([file])
    for changed in (file, folder, tmp_path / "a"):
        os.chown(changed, SOMEONE, SOMEONE)
        assert find_authors([file]).users == {SOMEONE}, changed
        os.chown(changed, 0, 0)
        changed.chmod(0o777)
        assert find_authors([file]).everybody, changed
        with monkeypatch.context() as patch:
            patch.setenv("CI", "true")
            assert not find_authors([file])
        changed.chmod(0o755)
    (tmp_path / "a").chmod(0o1777)
    assert not find_authors([file]), "in a sticky folder nobody exchanges another's file"
    link = tmp_path / "link"
    link.symlink_to(file)
    os.lchown(link, NUMBER_ONLY, NUMBER_ONLY)
    assert find_authors([link]).users == {NUMBER_ONLY}
    assert find_authors([tmp_path / "nowhere"]) == Authors()


@needs_root
def test_a_copy_has_nothing_that_its_author_may_not_read(reachable: Path) -> None:
    """Somebody who makes a repository of a folder that others share gets none of their files."""
    shared = reachable / "shared"
    shared.mkdir(mode=0o1777)
    shared.chmod(0o1777)
    (shared / "secret").write_text("sentinel")
    (shared / "secret").chmod(0o600)
    make_project(shared / "project", SOMEONE)
    (shared / ".git").mkdir()
    give_to(SOMEONE, shared / ".git")
    work = reachable / "work"
    work.mkdir()
    os.chown(work, SOMEONE, SOMEONE)
    copied = copy_project(shared / "project", work, "project", make_owner(SOMEONE, work))
    assert copied == work / "source", "what cannot be read whole is no repository of the project's"
    assert {path.name for path in copied.rglob("*")} <= {"setup.py", ".git", "objects", "refs"}
    shutil.rmtree(copied)
    (shared / ".git").rmdir()
    copied = copy_project(shared / "project", work, "project", make_owner(SOMEONE, work))
    assert [path.name for path in copied.iterdir()] == ["setup.py"]
    # For root itself somebody else's repository is none.
    own = make_project(shared / "own")
    (shared / ".git").mkdir()
    give_to(SOMEONE, shared / ".git")
    assert copy_project(own, reachable, "own") == reachable / "source"


def test_a_python_that_lies_beside_is_not_run(index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """uv by itself takes the interpreter of a `.venv` in the current folder, or above it."""
    ran = tmp_path / "ran"
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\ntouch "{ran}"\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (python.parent / "python3").symlink_to("python")
    (tmp_path / ".venv/pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.11.2\n")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    pin = VendorPin((PinnedDistribution(name="torch", version=DEMO_TORCH),), PinOrigin.GIVEN)
    (tmp_path / "requirements.txt").write_text("tqdm\n")
    wanted = read_file(tmp_path / "requirements.txt").sets[0]
    for path in (os.environ["PATH"], "/nonexistent"):
        with synthetic_target(pin, "3.11") as target:
            resolver = Resolver(
                target=target,
                installer=Installer.PIP,
                variables={**os.environ, "PATH": path},
                options=InstallOptions(index_url=index),
            )
            assert [change.name for change in resolver.resolve(wanted).changes] == ["tqdm"]
        assert not ran.exists()


LINES = {
    "index": "--index-url https://elsewhere.example/${DEPLOY_TOKEN}/simple",
    "in a name": "numpy @ https://elsewhere.example/${DEPLOY_TOKEN}/numpy-1-py3-none-any.whl",
    "nested": "-r https://elsewhere.example/${DEPLOY_TOKEN}",
    "continued": "--extra-index-url \\\n  https://elsewhere.example/${DEPLOY_TOKEN}/simple",
}


@needs_root
@pytest.mark.parametrize("name", LINES)
def test_variables_of_roots_in_somebodys_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("DEPLOY_TOKEN", "sentinel")
    file = tmp_path / "requirements.txt"
    file.write_text(f"{LINES[name]}\ntqdm\n")
    fetched: list[str] = []

    def fetch(address: str) -> str:
        fetched.append(address)
        return "numpy\n"

    files = SourceFiles(is_lenient=True, fetch=fetch)
    own = read_file(file, files=files)
    assert "sentinel" in repr(own) + repr(fetched)
    fetched.clear()
    give_to(SOMEONE, file)
    found = read_file(file, files=files)
    assert "sentinel" not in repr(found) + repr(fetched)
    assert "${DEPLOY_TOKEN} is not put in" in found.sets[0].unresolved[0]
    assert [entry.name for entry in found.sets[0].entries] == ["tqdm"]
    with pytest.raises(RequirementsError, match="not put in"):
        read_file(file)
    # What is not set is sent nowhere.
    monkeypatch.delenv("DEPLOY_TOKEN")
    assert "not put in" not in repr(read_file(file, files=files))


def test_variables_in_lines_of_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOY_TOKEN", "sentinel")
    file = tmp_path / "requirements.txt"
    file.write_text("-r https://elsewhere.example/more.txt\n")
    files = SourceFiles(
        is_lenient=True, fetch=lambda _address: "--index-url https://x.example/${DEPLOY_TOKEN}\nnumpy\n"
    )
    found = read_file(file, files=files)
    assert "sentinel" not in repr(found)
    assert "not put in" in found.sets[0].unresolved[0]


def test_variables_of_an_image_are_the_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOY_TOKEN", "sentinel")
    (tmp_path / "requirements.txt").write_text("tqdm==${CHOSEN}\n--index-url https://x.example/${DEPLOY_TOKEN}\n")
    (tmp_path / "Dockerfile").write_text(
        "FROM hac-base\nENV CHOSEN=4.0\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"
    )
    found = read_file(tmp_path / "Dockerfile", files=SourceFiles(is_lenient=True))
    assert "sentinel" not in repr(found)
    assert "tqdm==4.0" in [entry.format_line() for item in found.sets for entry in item.entries]
