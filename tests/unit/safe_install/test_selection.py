"""`envtool sync` and `install` with parts of a lock that cannot be had: what is wrong, and what to run next."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from envtool.demo.wheel_writer import write_wheel
from tests.support.distributions import package
from tests.support.environment import TORCH, RealEnvironment
from tests.support.local_index import serve_wheels
from tests.support.locked_project import BASE, installed, sync, uv_lock, write_project


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("index")
    for name, version in (("kernel", "1.0"), ("kernel", "2.0"), ("kernel", "3.0"), ("plain", "1.0")):
        write_wheel(package(name, version, []), folder)
    with serve_wheels(folder) as address:
        yield address


CONFLICTS = """
requires-python = ">=3.11"
dependencies = ["plain"]
[project.optional-dependencies]
cpu = ["kernel<2"]
gpu = ["kernel>=2,<3"]
Other_Gpu = ["kernel>=3"]
docs = []
[dependency-groups]
old = ["kernel<2"]
new = ["kernel>=2,<3"]
[tool.uv]
conflicts = [[{ extra = "cpu" }, { extra = "gpu" }, { extra = "other-gpu" }, { group = "old" }, { group = "new" }]]
"""


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (("--extra", "cpu", "--extra", "gpu"), "--extra cpu"),
        (("--extra", "gpu", "--extra", "docs", "--extra", "cpu"), "--extra gpu --extra docs"),
        (("--extra", "Other-GPU", "--extra", "cpu"), "--extra Other-GPU"),
        (("--group", "old", "--group", "new"), "--group old"),
        (("--only-group", "old", "--only-group", "new"), "--only-group old"),
        (("--extra", "cpu", "--group", "new"), "--extra cpu"),
        (("--all-groups",), "--all-groups --no-group old"),
        (("--all-groups", "--extra", "gpu"), "--all-groups --extra gpu --no-group new --no-group old"),
        (
            ("--all-groups", "--no-group", "new", "--extra", "gpu"),
            "--all-groups --extra gpu --no-group new --no-group old",
        ),
        (("--all-extras",), "--extra cpu --extra docs"),
    ],
    ids=" ".join,
)
def test_of_conflicting_parts_one_is_left_out(
    environment: RealEnvironment, index: str, tmp_path: Path, words: tuple[str, ...], command: str
) -> None:
    project = uv_lock(write_project(tmp_path / "work", CONFLICTS), index, environment)
    status, said = sync(environment, *words, str(project))
    assert (status, "incompatible" in said) == (12, True), said
    proposed = re.search(r"leave (?:all but )?one of them out: (envtool sync .*)$", said, re.MULTILINE)
    assert proposed is not None, said
    assert proposed[1] == f"envtool sync --prefix {environment.path} {command} {project}"
    assert installed(environment) == BASE
    status, said = sync(environment, *shlex.split(proposed[1])[2:])
    assert status == 0, said
    assert "kernel" in installed(environment)


def test_a_default_group_gives_way_to_what_is_asked_for(
    environment: RealEnvironment, index: str, tmp_path: Path
) -> None:
    text = CONFLICTS + 'default-groups = ["old"]\n'
    project = uv_lock(write_project(tmp_path / "work", text), index, environment)
    status, said = sync(environment, "--extra", "gpu", str(project))
    assert status == 12, said
    assert f"envtool sync --prefix {environment.path} --extra gpu --no-group old {project}" in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--extra", "gpus"), "has no extra gpus: there are cpu, docs, gpu, other-gpu"),
        (("--group", "lint"), "has no dependency group lint: there are new, old"),
        (("--only-group", "lint"), "has no dependency group lint: there are new, old"),
        (("--no-group", "lint"), "has no dependency group lint: there are new, old"),
        (("--package", "other"), "there are work"),
    ],
    ids=" ".join,
)
def test_what_a_project_lacks_is_told_with_what_it_has(
    environment: RealEnvironment, index: str, tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    project = uv_lock(write_project(tmp_path / "work", CONFLICTS), index, environment)
    status, said = sync(environment, *words, str(project))
    assert (status, told in said) == (2, True), said


PYLOCK = """lock-version = "1.0"
created-by = "hand"
extras = ["serve", "train"]
dependency-groups = ["dev", "docs"]
[[packages]]
name = "plain"
version = "1.0"
[[packages.wheels]]
name = "plain-1.0-py3-none-any.whl"
url = "https://files.pythonhosted.org/plain-1.0-py3-none-any.whl"
hashes = { sha256 = "{plain}" }
[[packages]]
name = "torch"
version = "2.9.0"
marker = "'train' in extras or 'dev' in dependency_groups"
[[packages.wheels]]
name = "torch-2.9.0-py3-none-any.whl"
url = "https://files.pythonhosted.org/torch-2.9.0-py3-none-any.whl"
hashes = { sha256 = "0000" }
"""


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ("-r {lock}[train]", "--extra train {lock}"),
        ("-r {lock}[serve,train] plain", "--extra serve --extra train {lock}"),
        ("--group {lock}:dev", "--only-group dev {lock}"),
        ("-r {lock}[serve] --group {lock}:dev", "--extra serve --group dev {lock}"),
    ],
    ids=["extra", "extras-and-more", "group", "extra-and-group"],
)
def test_a_lock_that_pins_another_torch_is_for_sync(
    environment: RealEnvironment, tmp_path: Path, words: str, command: str
) -> None:
    lock = tmp_path / "pylock.toml"
    lock.write_text(PYLOCK)
    # Nothing is asked of an index for it.
    environment.variables["PIP_INDEX_URL"] = "http://127.0.0.1:9/simple"
    done = environment.envtool("install", "--prefix", str(environment.path), *words.format(lock=lock).split())
    assert done.status == 19, done.out + done.err
    assert f"{lock} pins torch==2.9.0, and torch {TORCH} stays" in done.err
    assert f"envtool sync --prefix {environment.path} {command.format(lock=lock)}" in done.err
    assert installed(environment) == BASE


def test_the_sync_that_is_proposed_installs_the_rest(environment: RealEnvironment, index: str, tmp_path: Path) -> None:
    text = 'requires-python = ">=3.11"\ndependencies = ["plain"]\n'
    project = uv_lock(write_project(tmp_path / "work", text), index, environment)
    digest = re.search(r"sha256:(\w+)", (project / "uv.lock").read_text())
    assert digest is not None
    (tmp_path / "pylock.toml").write_text(PYLOCK.replace("{plain}", digest[1]))
    environment.variables["PIP_INDEX_URL"] = index
    done = environment.envtool("install", "--prefix", str(environment.path), "-r", str(tmp_path / "pylock.toml[train]"))
    proposed = re.search(r"envtool sync (--prefix .*)$", done.err, re.MULTILINE)
    assert proposed is not None, done.err
    done = environment.envtool("sync", *shlex.split(proposed[1]))
    assert done.status == 0, done.out + done.err
    assert installed(environment) == {*BASE, "plain"}
    assert environment.doctor("--deep")["findings"] == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--group {lock}:lint", "has no dependency group lint: there are dev, docs"),
        ("-r {lock}[serv]", "has no extra serv: there are serve, train"),
        ("-r {lock}[dev,train]", "has no extra dev: there are serve, train"),
        ("--group {bare}:dev", "has no dependency group dev: there are none"),
        ("--group {project}:lint", "has no dependency group lint: there are dev"),
        ("-r {project} --extra dev", "has no extra dev: there are serve"),
    ],
    ids=["group", "extra", "group-as-extra", "group-of-none", "group-of-a-project", "extra-of-a-project"],
)
def test_groups_are_no_extras(environment: RealEnvironment, tmp_path: Path, words: str, told: str) -> None:
    (tmp_path / "pylock.toml").write_text(PYLOCK)
    (tmp_path / "pylock.bare.toml").write_text('lock-version = "1.0"\ncreated-by = "hand"\npackages = []\n')
    text = "[project.optional-dependencies]\nserve = []\n[dependency-groups]\ndev = []\n"
    write_project(tmp_path, text)
    names = {"lock": "pylock.toml", "bare": "pylock.bare.toml", "project": "pyproject.toml"}
    given = words.format(**{key: tmp_path / name for key, name in names.items()})
    done = environment.envtool("install", "--prefix", str(environment.path), *given.split())
    assert (done.status, told in done.err) == (17, True), done.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--group", "lint"), "has no dependency group lint: there are dev, docs"),
        (("--no-group", "train"), "has no dependency group train: there are dev, docs"),
        (("--extra", "Docs"), "has no extra docs: there are serve, train"),
    ],
    ids=" ".join,
)
def test_sync_tells_what_a_pylock_has(
    environment: RealEnvironment, tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    (tmp_path / "pylock.toml").write_text(PYLOCK)
    status, said = sync(environment, *words, str(tmp_path))
    assert (status, told in said) == (2, True), said
