"""`envtool install`: what it installs, what it refuses, and that a failed or killed one leaves the old state."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from envtool.demo.wheel_writer import WheelContent, write_wheel
from tests.corpus.frozen_index import served
from tests.support.environment import TORCH, RealEnvironment, environment_in
from tests.support.killing import killed_at

State = dict[str, tuple[int, bytes]]


@pytest.fixture(scope="session")
def index() -> Iterator[str]:
    """Real names, versions and requirements, frozen."""
    with served() as address:
        yield address


def state(environment: RealEnvironment) -> State:
    """Every file with its mode and content, and every folder; bytecode is Python's to write."""
    found: State = {}
    for path in sorted(environment.path.rglob("*")):
        if "__pycache__" in path.parts:
            continue
        content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(environment.path))] = (path.lstat().st_mode, content)
    return found


def names(environment: RealEnvironment) -> dict[str, str]:
    records = environment.site_packages.glob("*.dist-info")
    pairs = [path.name.removesuffix(".dist-info").split("-", 1) for path in records]
    return {name.replace("_", "-"): version for name, version in pairs}


def install(environment: RealEnvironment, index: str, *arguments: str) -> tuple[int, str, str]:
    done = environment.envtool("install", "--prefix", str(environment.path), "--index-url", index, *arguments)
    return done.status, done.out, done.err


def test_adds_changes_and_keeps(environment: RealEnvironment, index: str, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("accelerate  # newest is for torch 2\ntqdm==4.60.0\n")
    status, out, err = install(environment, index, "--only-binary=:all:", "-r", str(tmp_path / "requirements.txt"))
    assert status == 0, out + err
    assert f"kept     torch {TORCH}" in out
    assert "added    accelerate 0." in out
    assert names(environment)["torch"] == TORCH
    assert environment.doctor("--deep")["findings"] == []
    before = state(environment)
    status, out, _err = install(environment, index, "accelerate")
    assert (status, "nothing to do" in out) == (0, True)
    assert state(environment) == before


def test_the_next_version_leaves_nothing_of_the_last(environment: RealEnvironment, index: str, wheels: Path) -> None:
    folder = str(environment.path.parent / "own")
    old = WheelContent(
        name="own",
        version="1",
        tag="py3-none-any",
        files={"own/__init__.py": b"", "own/gone.py": b""},
        summary="x",
        commands={"own": "own:f"},
    )
    new = WheelContent(
        name="own", version="2", tag="py3-none-any", files={"own/__init__.py": b"", "own/new.py": b""}, summary="x"
    )
    write_wheel(old, Path(folder))
    assert install(environment, index, "--find-links", folder, "own")[0] == 0
    assert (environment.path / "bin/own").read_text().startswith(f"#!{environment.path}")
    write_wheel(new, Path(folder))
    status, out, _err = install(environment, index, "--find-links", folder, "-U", "own")
    assert status == 0
    assert "changed  own 1 → 2" in out
    assert sorted(path.name for path in (environment.site_packages / "own").iterdir()) == ["__init__.py", "new.py"]
    assert not (environment.path / "bin/own").exists()
    assert not (environment.site_packages / "own-1.dist-info").exists()


def test_dry_run_and_what_cannot_live_with_torch_change_nothing(environment: RealEnvironment, index: str) -> None:
    before = state(environment)
    status, out, _err = install(environment, index, "--dry-run", "timm")
    assert status == 0
    assert "would install" in out
    status, out, _err = install(environment, index, "torch>=2")
    assert status == 1
    assert "torch>=2" in out
    assert f"torch=={TORCH}" in out
    status, out, _err = install(environment, index, "lightning")
    assert status == 1
    assert "without lightning" in out or "lightning==" in out or "there is none" in out
    assert state(environment) == before


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--user", "tqdm"), 2, "--user"),
        (("--target", "/tmp/x", "tqdm"), 2, "--target"),
        (("--frobnicate", "tqdm"), 2, "--frobnicate"),
        ((), 2, "name packages"),
        (("-r", "nowhere.txt"), 17, "nowhere.txt"),
        (("no-such-distribution-anywhere",), 18, "no-such-distribution-anywhere"),
        (("--no-index", "tqdm"), 18, "tqdm"),
    ],
)
def test_bad_arguments_change_nothing(
    environment: RealEnvironment, index: str, arguments: tuple[str, ...], status: int, said: str
) -> None:
    before = state(environment)
    ended, out, err = install(environment, index, *arguments)
    assert ended == status, out + err
    assert said in out + err
    assert state(environment) == before


def test_a_wheel_that_writes_over_torch_is_refused(environment: RealEnvironment, index: str) -> None:
    folder = environment.path.parent / "rude"
    write_wheel(
        WheelContent(
            name="rude", version="1", tag="py3-none-any", files={"torch/version.py": b"moreh = 'no'\n"}, summary="x"
        ),
        folder,
    )
    before = state(environment)
    status, _out, err = install(environment, index, "--find-links", str(folder), "rude")
    assert status == 19
    assert "torch/version.py" in err
    assert state(environment) == before


def test_a_wheel_that_cannot_be_unpacked_changes_nothing(environment: RealEnvironment, index: str) -> None:
    folder = environment.path.parent / "broken"
    content = random.Random(1).randbytes(4096)
    wheel = write_wheel(
        WheelContent(name="broken", version="1", tag="py3-none-any", files={"broken.bin": content}, summary="x"), folder
    )
    data = bytearray(wheel.read_bytes())
    position = data.index(b"broken.bin") + 1000
    data[position : position + 8] = b"\0" * 8
    wheel.write_bytes(bytes(data))
    before = state(environment)
    status, _out, err = install(environment, index, "--find-links", str(folder), "broken")
    assert status in {6, 18}
    assert "error:" in err
    assert state(environment) == before


def test_damaged_torch_is_refused_first(environment: RealEnvironment, index: str) -> None:
    environment.pip("uninstall", "--quiet", "--yes", "torch")
    status, _out, err = install(environment, index, "tqdm")
    assert status == 19
    assert "envtool restore" in err


BACKEND = """
import pathlib, zipfile
def _write(folder):
    name = "mine-1-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as archive:
        archive.writestr("mine.py", "")
        metadata = "Metadata-Version: 2.1\\nName: mine\\nVersion: 1\\nRequires-Dist: tqdm\\n"
        archive.writestr("mine-1.dist-info/METADATA", metadata)
        archive.writestr("mine-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr("mine-1.dist-info/RECORD", "mine.py,,\\n")
    return name
def build_wheel(folder, config_settings=None, metadata_directory=None):
    return _write(folder)
build_editable = build_wheel
"""


@pytest.mark.parametrize("editable", [False, True])
def test_a_project_of_ones_own(environment: RealEnvironment, index: str, tmp_path: Path, editable: bool) -> None:
    """Built by a backend in its own tree, without a name in pyproject.toml."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "backend.py").write_text(BACKEND)
    system = 'requires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    (project / "pyproject.toml").write_text(f"[build-system]\n{system}")
    arguments = ("-e", str(project)) if editable else (str(project),)
    status, out, err = install(environment, index, *arguments)
    assert status == 0, out + err
    assert "added    mine" in out
    assert "added    tqdm" in out
    assert set(names(environment)) >= {"mine", "tqdm"}


@pytest.mark.parametrize("form", ["git+file://{}", "mine @ git+file://{}@main", "mine @ file://{}", "{}/", "./project"])
def test_a_project_by_address(environment: RealEnvironment, index: str, tmp_path: Path, form: str) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "backend.py").write_text(BACKEND)
    system = 'requires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    (project / "pyproject.toml").write_text(f"[build-system]\n{system}")
    for words in (("init", "--quiet", "--initial-branch", "main"), ("add", "."), ("commit", "--quiet", "-m", "x")):
        author = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *author, *words], cwd=project, check=True, timeout=120)
    arguments = [sys.executable, "-m", "envtool", "install", "--prefix", str(environment.path), "--index-url", index]
    done = subprocess.run(
        [*arguments, form.format(project)],
        cwd=tmp_path,
        env={**os.environ, **environment.variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(names(environment)) >= {"mine", "tqdm"}
    assert environment.doctor("--deep")["findings"] == []


BUILT_WITH_TORCH = """
import torch
from setuptools import setup
open("met_in_build.py", "w").write("WHERE = %r" % torch.__file__)
setup(name="looks-at-torch", version="2", py_modules=["met_in_build"])
"""


@pytest.mark.parametrize("needs", ['["setuptools", "torch"]', '["setuptools"]'], ids=["declared", "not declared"])
def test_what_is_built_with_torch_is_built_with_the_one_that_is_there(
    environment: RealEnvironment, tmp_path: Path, needs: str
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "setup.py").write_text(BUILT_WITH_TORCH)
    (project / "pyproject.toml").write_text(
        f'[build-system]\nrequires = {needs}\nbuild-backend = "setuptools.build_meta"\n'
    )
    with served(with_build_tools=True) as tools:
        status, out, err = install(environment, tools, str(project))
    assert status == 0, out + err
    met = (environment.site_packages / "met_in_build.py").read_text()
    assert met == f"WHERE = {str(environment.site_packages / 'torch/__init__.py')!r}"
    assert environment.doctor("--deep")["findings"] == []


@pytest.fixture(scope="module")
def with_tqdm(healthy_template: Path, wheels: Path, index: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that has an old version of what an installation changes, made once and copied."""
    folder = tmp_path_factory.mktemp("with-tqdm")
    for name in ("environment", "store"):
        shutil.copytree(healthy_template / name, folder / name, symlinks=True)
    made = environment_in(folder, wheels, tmp_path_factory.getbasetemp())
    assert install(made, index, "tqdm<4.70")[0] == 0
    return made.path


@pytest.mark.exhaustive
@pytest.mark.parametrize("limit", range(48))
def test_killed_anywhere_leaves_the_old_or_the_new(
    with_tqdm: Path, environment: RealEnvironment, index: str, limit: int
) -> None:
    shutil.rmtree(environment.path)
    shutil.copytree(with_tqdm, environment.path, symlinks=True)
    before = state(environment)
    arguments = ("install", "--prefix", str(environment.path), "--index-url", index, "-U", "tqdm", "timm")
    done = killed_at(limit, environment, *arguments)
    assert done.status in {-signal.SIGKILL, 0}, done.err
    finished = done.status == 0
    # The first command after it puts things right, whatever it is that it is asked for.
    recovered = environment.restore()
    assert recovered.status == 0, recovered.err
    after = state(environment)
    new = "timm" in names(environment)
    assert new or after == before
    assert new or not finished
    if new:
        assert names(environment)["tqdm"] == "4.70.1"
    assert environment.doctor("--deep")["findings"] == []
    assert not (environment.site_packages / ".hac-restore").exists()
    assert install(environment, index, "-U", "tqdm", "timm")[0] == 0
    assert "timm" in names(environment)
