"""tox, nox, Hatch and pixi: each of their environments as its own set, and locks of conda's packages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from envtool.errors import RequirementsError
from envtool.release.pin import PinnedDistribution, PinOrigin, VendorPin
from envtool.requirements.find_files import find_dependency_files
from envtool.requirements.model import DependencyFile, Role
from envtool.requirements.read_file import read_file
from envtool.requirements.readers.source_files import SourceFiles
from envtool.requirements.readers.tox_ini import expand_names
from envtool.requirements.static import Verdict, evaluate
from envtool.requirements.target import Target

TORCH = PinnedDistribution(name="torch", version="1.7.1+cu110.moreh22.8.0")
TARGET = Target(pin=VendorPin((TORCH,), PinOrigin.GIVEN), python="3.8")
LENIENT = SourceFiles(is_lenient=True)
Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def put(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return put


def shown(file: DependencyFile) -> dict[str, list[str]]:
    """Each set's entries, conda's with a mark, by its label."""
    return {
        item.label: [
            f"conda:{entry.source_text}" if entry.role is Role.CONDA else entry.display for entry in item.entries
        ]
        for item in file.sets
    }


TOX = """
[tox]
min_version = 4
env_list =
    py{38, 310}-{old,new}
    style
[shared]
deps =
    tqdm
[testenv]
deps =
    {[shared]deps}
    old: torch==1.7.1
    new,style: torch>=2.4   ; python_version >= "3.8"
    py310-new: einops
    !py38: rich
    -r{toxinidir}/more.txt
commands = pytest {posargs}
[testenv:style]
skip_install = true
deps = ruff
# a comment
    {env:MORE:black==24.1.0}
[testenv:pages]
skip_install = true
dependency_groups = docs
commands_pre = python -m pip install "mkdocs>=1.5"
"""


def test_tox_ini_with_factors_references_and_a_list(write: Write) -> None:
    write("more.txt", "einops>=0.6\n")
    write("pyproject.toml", '[dependency-groups]\ndocs = ["mike"]\n')
    found = read_file(write("tox.ini", TOX), files=LENIENT)
    project = str(found.path.parent)
    new = "torch>=2.4"
    assert shown(found) == {
        "environment py38-old": ["tqdm", "torch==1.7.1", "einops>=0.6", project],
        "environment py38-new": ["tqdm", new, "einops>=0.6", project],
        "environment py310-old": ["tqdm", "torch==1.7.1", "rich", "einops>=0.6", project],
        "environment py310-new": ["tqdm", new, "einops", "rich", "einops>=0.6", project],
        "environment style": ["ruff", "black==24.1.0"],
        "environment pages": ["tqdm", "rich", "einops>=0.6", "mkdocs>=1.5", "mike"],
    }
    assert found.sets[0].entries[1].location.line == 13
    assert not any(item.unresolved for item in found.sets)


def test_what_is_not_known_of_a_tox_environment_is_told(write: Write) -> None:
    text = "[testenv]\nskip_install = 1\ndeps =\n  torch{:}1\n  -r gone.txt\n  {[testenv]deps}\n"
    found = read_file(write("tox.ini", text), files=LENIENT)
    told = " ".join(found.sets[0].unresolved)
    assert [item.label for item in found.sets] == ["environment testenv"]
    assert "gone.txt does not exist" in told
    assert "refers to itself" in told


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("py{38,39}-x, lint", ["py38-x", "py39-x", "lint"]),
        ("py3{10-12}", ["py310", "py311", "py312"]),
        ("a{,-b}\n  c # d", ["a", "a-b", "c"]),
        ("{a,b}-{c,d}", ["a-c", "a-d", "b-c", "b-d"]),
    ],
    ids=["braces", "range", "empty", "product"],
)
def test_names_of_tox_environments(text: str, names: list[str]) -> None:
    assert expand_names(text) == names


def test_tox_toml_and_tox_in_other_files(write: Write) -> None:
    text = (
        '[env_run_base]\npackage = "skip"\ndeps = ["tqdm"]\n[env.lint]\ndeps = ["ruff", "torch==2.4.0"]\n[env.plain]\n'
    )
    wanted = {"environment lint": ["ruff", "torch==2.4.0"], "environment plain": ["tqdm"]}
    assert shown(read_file(write("tox.toml", text))) == wanted
    table = text.replace("[env", "[tool.tox.env")
    assert shown(read_file(write("pyproject.toml", table))) == wanted
    legacy = "[tox]\nenvlist = lint\nno_package = true\n[testenv]\ndeps = torch==2.4.0\n"
    legacy = f'[tool.tox]\nlegacy_tox_ini = """\n{legacy}"""\n'
    assert shown(read_file(write("pyproject.toml", legacy))) == {"environment lint": ["torch==2.4.0"]}


NOX = """
import nox
BASE = ["tqdm", "rich"]
MORE = [*BASE, "einops"] + ["click"]

@nox.session(python=["3.8", "3.10"])
@nox.parametrize("torch", ["1.7.1", "2.4.0"])
def tests(session: nox.Session, torch: str) -> None:
    session.install(f"torch=={torch}", *BASE)
    session.run("pytest", *session.posargs)

@nox.session(name="style", venv_backend="uv")
def lint(session):
    deps = ["ruff", "-r", "more.txt"]
    session.install(*deps, *session.posargs)
    session.install(*(session.posargs or ["six"]))
    fill(session)

def fill(session):
    session.run("python", "-m", "pip", "install", *MORE)
    session.run("pip", "list")

@nox.session
def odd(session):
    session.conda_install("pytorch>=2", "--channel=pytorch")
    session.install(*choose(), "tqdm")
    session.run("uv", "sync", external=True)

def nothing(session):
    session.install("torch")
"""


def test_noxfile(write: Write) -> None:
    write("more.txt", "torch>=2.0\n")
    found = read_file(write("noxfile.py", NOX), files=LENIENT)
    assert shown(found) == {
        "environment tests(torch='1.7.1')": ["torch==1.7.1", "tqdm", "rich"],
        "environment tests(torch='2.4.0')": ["torch==2.4.0", "tqdm", "rich"],
        "environment style": ["ruff", "torch>=2.0", "six", "tqdm", "rich", "einops", "click"],
        "environment odd": ["conda:pytorch>=2", "tqdm"],
    }
    assert [bool(item.unresolved) for item in found.sets] == [False, False, False, True]
    assert "choose()" in found.sets[3].unresolved[0]
    assert "'uv', 'sync'" in found.sets[3].unresolved[1]
    with pytest.raises(RequirementsError, match="is no program"):
        read_file(write("noxfile.py", "def (:\n"))


HATCH = """
[envs.default]
dependencies = ["tqdm", "helper @ {root:uri}/helper"]
skip-install = true
[envs.train]
extra-dependencies = ["torch>=2.4"]
[envs.alone]
detached = true
dependencies = ["ruff"]
[envs.pages]
template = "alone"
extra-dependencies = ["mkdocs"]
[envs.test]
skip-install = false
features = ["fit"]
[envs.test.overrides]
matrix.kind.dependencies = [{ value = "torch==2.4.1", if = ["new"] }, "einops"]
"""


def test_hatch_environments_inherit(write: Write) -> None:
    folder = write("setup.py", "").parent
    helper = f"helper @ {folder.as_uri()}/helper"
    wanted = {
        "environment default": ["tqdm", helper],
        "environment train": ["tqdm", helper, "torch>=2.4"],
        "environment alone": ["ruff"],
        "environment pages": ["ruff", "mkdocs"],
        "environment test": ["tqdm", helper, "torch==2.4.1", "einops", f"{folder}[fit]"],
    }
    assert shown(read_file(write("hatch.toml", HATCH))) == wanted
    table = HATCH.replace("[envs", "[tool.hatch.envs")
    own = '[project]\nname = "own"\ndependencies = ["rich"]\n'
    found = shown(read_file(write("pyproject.toml", own + table)))
    wanted = {key: [text.replace(str(folder), f"own @ {folder}") if text.startswith("/") else text for text in rows]
              for key, rows in wanted.items()}  # fmt: skip
    wanted["environment test"][-1] = f"own[fit] @ {folder}"
    assert found == {"": ["rich"], **wanted}


PIXI = """
[workspace]
channels = ["conda-forge"]
platforms = ["linux-64", "osx-arm64"]
[dependencies]
python = ">=3.8,<3.12"
numpy = "*"
[target.osx-arm64.dependencies]
pytorch = "*"
[target.linux-64.pypi-dependencies]
uvloop = "*"
[pypi-dependencies]
accelerate = { version = ">=0.20", extras = ["testing"] }
one = "1.2"
[pypi-options]
extra-index-urls = ["https://example.org/simple"]
[feature.cuda.dependencies]
pytorch-gpu = { version = "2.4.*", channel = "conda-forge" }
[feature.old.pypi-dependencies]
torch = "==1.7.1"
far = { git = "https://example.org/far.git", tag = "v1" }
[environments]
cuda = ["cuda"]
old = { features = ["old"], no-default-feature = true }
"""


def test_pixi_environments(write: Write) -> None:
    found = read_file(write("pixi.toml", PIXI))
    base = ["conda:python>=3.8,<3.12", "conda:numpy"]
    listed = ["accelerate[testing]>=0.20", "one==1.2", "uvloop"]
    assert shown(found) == {
        "environment default": [*base, *listed],
        "environment cuda": [*base, "conda:conda-forge::pytorch-gpu=2.4.*", *listed],
        "environment old": ["torch==1.7.1", "far @ git+https://example.org/far.git@v1"],
    }
    assert found.sets[0].options.extra_index_urls == ("https://example.org/simple",)
    own = '[project]\nname = "own"\ndependencies = ["rich"]\noptional-dependencies = { fit = ["torch>=2.4"] }\n'
    table = own + '[tool.pixi.workspace]\nchannels = []\nplatforms = []\n[tool.pixi.environments]\nfit = ["fit"]\n'
    assert shown(read_file(write("pyproject.toml", table))) == {
        "": ["rich"],
        "extra fit": ["rich", "torch>=2.4"],
        "environment default": ["rich"],
        "environment fit": ["rich", "torch>=2.4"],
    }


CONDA_LOCK = """
version: 1
metadata: {}
package:
- name: numpy
  version: 1.24.1
  manager: conda
  platform: linux-64
  url: https://conda.anaconda.org/conda-forge/linux-64/numpy-1.24.1-py38h1_0.conda
  category: main
- name: pytorch
  version: 2.4.0
  manager: conda
  platform: osx-64
  category: main
- name: tqdm
  version: 4.66.1
  manager: pip
  platform: linux-64
  category: main
- name: torch
  version: 2.4.0
  manager: pip
  platform: linux-64
  category: dev
"""
PIXI_LOCK = """
version: 6
environments:
  default:
    channels: []
    packages:
      linux-64:
      - conda: https://conda.anaconda.org/conda-forge/linux-64/ffmpeg-6.1.1-h1_0.conda
      - pypi: https://files.pythonhosted.org/packages/aa/tqdm-4.66.1-py3-none-any.whl
      - pypi: ./local
  gpu:
    channels: []
    packages:
      linux-64:
      - conda: https://conda.anaconda.org/conda-forge/linux-64/pytorch-2.4.0-cpu_h1_0.conda
packages:
- pypi: ./local
  name: mine
  version: 0.1.0
"""

BOTH = dict.fromkeys(["", "extra dev"], Verdict.CLOBBERED)


@pytest.mark.parametrize(
    ("name", "text", "verdicts"),
    [
        ("conda-lock.yml", CONDA_LOCK, {"": Verdict.SAFE, "extra dev": Verdict.CLOBBERED}),
        ("gpu.conda-lock.yml", CONDA_LOCK.replace("osx-64", "linux-64"), BOTH),
        ("pixi.lock", PIXI_LOCK, {"environment default": Verdict.SAFE, "environment gpu": Verdict.CLOBBERED}),
    ],
    ids=["conda-lock", "conda-lock-with-torch", "pixi-lock"],
)  # fmt: skip
def test_locks_name_everything(
    write: Write, tmp_path: Path, name: str, text: str, verdicts: dict[str, Verdict]
) -> None:
    found = read_file(write(name, text))
    assert {item.label: evaluate(item, TARGET)[0] for item in found.sets} == verdicts
    assert found.not_rewritable
    assert [path.name for path in find_dependency_files(tmp_path)] == [name]


@pytest.mark.parametrize(
    ("spec", "verdict"),
    [
        ("python=3.8", Verdict.SAFE),
        ("python>=3.7", Verdict.SAFE),
        ("python >=3.7,<3.9", Verdict.SAFE),
        ("conda-forge::python=3.8.18", Verdict.SAFE),
        ("python=3.8.*=*_cpython", Verdict.SAFE),
        ("python=3.7|3.8", Verdict.SAFE),
        ("python=3.10", Verdict.CLOBBERED),
        ("python==3.11.4", Verdict.CLOBBERED),
        ("python 3.9.*", Verdict.CLOBBERED),
        ("python>=3.9", Verdict.CLOBBERED),
        ("python<3.8", Verdict.CLOBBERED),
        ("conda-forge::python=3.12", Verdict.CLOBBERED),
    ],
)
def test_which_python_conda_is_asked_for(write: Write, spec: str, verdict: Verdict) -> None:
    found = read_file(write("environment.yml", f"dependencies:\n- '{spec}'\n"))
    assert evaluate(found.sets[0], TARGET)[0] is verdict


@pytest.mark.parametrize("name", ["tox.ini", "tox.toml", "pixi.toml", "pixi.lock", "conda-lock.yml"])
def test_another_text_of_that_name_is_an_error(write: Write, name: str) -> None:
    with pytest.raises(RequirementsError):
        read_file(write(name, "[other]\na = 1\n" if not name.endswith(("yml", "lock")) else "other: 1\n"))
