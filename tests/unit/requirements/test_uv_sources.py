"""`[tool.uv.sources]`: uv installs from there what pip takes from an index."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from envtool.requirements.read_file import read_file
from tests.corpus.frozen_index import served
from tests.support.environment import RealEnvironment

TOOLS = Path(sys.executable).parent
SYSTEM = """[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[tool.setuptools]
py-modules = []
"""
ROOT = (
    SYSTEM
    + """[project]
name = "whole-thing"
version = "1"
dependencies = ["Shared_Parts", "tqdm"]
[tool.uv.workspace]
members = ["parts/*"]
exclude = ["parts/attic"]
[tool.uv.sources]
shared-parts = { workspace = true }
deep-parts = { path = "apart/deep" }
"""
)
SHARED = SYSTEM + '[project]\nname = "shared-parts"\nversion = "1"\ndependencies = ["deep-parts"]\n'
DEEP = SYSTEM + '[project]\nname = "deep-parts"\nversion = "1"\ndependencies = ["{need}"]\n'


def write_workspace(folder: Path, need: str) -> Path:
    texts = {
        "pyproject.toml": ROOT,
        "whole_thing/__init__.py": "",
        "parts/shared/pyproject.toml": SHARED,
        "parts/shared/shared_parts/__init__.py": "",
        "apart/deep/pyproject.toml": DEEP.format(need=need),
        "apart/deep/deep_parts/__init__.py": "",
        "parts/attic/pyproject.toml": "no TOML at all",
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder / "pyproject.toml"


@pytest.fixture(scope="module")
def index() -> Iterator[str]:
    with served(with_build_tools=True) as address:
        yield address


@pytest.mark.parametrize(("need", "verdict"), [("torch>=2", "clobbered"), ("torch>=1.5", "safe")])
def test_members_of_a_workspace_count_for_uv(
    environment: RealEnvironment, index: str, tmp_path: Path, need: str, verdict: str
) -> None:
    path = write_workspace(tmp_path / "project", need)
    environment.variables.update(PIP_INDEX_URL=index, UV_DEFAULT_INDEX=index)
    done = environment.envtool("check", "--prefix", str(environment.path), "--format", "json", str(path))
    said = {item["installer"]: item["verdict"] for item in json.loads(done.out)["answers"]}
    # pip looks for them on the index.
    assert said == {"uv": verdict, "pip": "unknown"}, done.out
    spare = tmp_path / "spare"
    shutil.copytree(environment.path, spare, symlinks=True)
    command = [str(Path(sys.executable).parent / "uv"), "pip", "install", "--python", str(spare / "bin/python"), "."]
    variables = {**os.environ, **environment.variables}
    installed = subprocess.run(
        command, cwd=path.parent, env=variables, check=False, capture_output=True, timeout=120, text=True
    )
    assert installed.returncode == 0, installed.stderr
    versions = [item.name for item in spare.glob("lib/*/site-packages/torch-*.dist-info")]
    kept = [item.name for item in environment.site_packages.glob("torch-*.dist-info")]
    assert (versions == kept) == (verdict == "safe")


SOURCES = {
    'torch = { url = "https://files.example/torch-2.0-cp38-cp38-linux_x86_64.whl" }': "https://files.example/torch-2.0",
    'torch = { git = "https://code.example/torch", tag = "v2" }': "git+https://code.example/torch@v2",
    'torch = [{ git = "https://c.example/a", extra = "g" }, { url = "https://b.example/torch-2-py3-none-any.whl" }]': (
        "https://b.example/torch-2"
    ),
}


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_of_torch_is_what_uv_installs(environment: RealEnvironment, tmp_path: Path, source: str) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(f'[project]\nname = "x"\nversion = "1"\ndependencies = ["torch"]\n[tool.uv.sources]\n{source}\n')
    found = read_file(path).sets[0]
    assert [entry.link for entry in found.entries] == [None]
    assert found.uv_entries is not None
    assert (found.uv_entries[0].link or "").startswith(SOURCES[source])
    assert environment.here("check", "--static", "--prefix", str(environment.path), str(path)).out[:4] != "safe"


def test_an_index_is_no_other_thing(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    text = '[project]\nname = "x"\nversion = "1"\ndependencies = ["torch"]\n'
    path.write_text(f'{text}[tool.uv.sources]\ntorch = {{ index = "cpu", marker = "os_name != \'nt\'" }}\n')
    assert read_file(path).sets[0].uv_entries is None


LIMITED = """[project]
name = "x"
version = "1"
dependencies = ["{need}"]
[tool.setuptools]
py-modules = []
[tool.uv]
{limits}
"""


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("need", "limits", "expected"),
    [
        ("accelerate", 'constraint-dependencies = ["accelerate<0.20"]', {"uv": "safe", "pip": "clobbered"}),
        ("accelerate", 'override-dependencies = ["torch<2"]', {"uv": "safe", "pip": "clobbered"}),
        ("torch", 'override-dependencies = ["torch==1.8.1"]', {"uv": "clobbered", "pip": "safe"}),
    ],
)
def test_constraints_and_overrides_of_uv_are_uvs(
    environment: RealEnvironment, index: str, tmp_path: Path, need: str, limits: str, expected: dict[str, str]
) -> None:
    path = tmp_path / "project/pyproject.toml"
    path.parent.mkdir()
    path.write_text(LIMITED.format(need=need, limits=limits))
    environment.variables.update(PIP_INDEX_URL=index, UV_DEFAULT_INDEX=index)
    done = environment.envtool("check", "--prefix", str(environment.path), "--format", "json", str(path))
    assert {item["installer"]: item["verdict"] for item in json.loads(done.out)["answers"]} == expected
    kept = {item.name for item in environment.site_packages.glob("torch-*.dist-info")}
    variables = {**os.environ, **environment.variables}
    for installer, verdict in expected.items():
        spare = tmp_path / f"spare-{installer}"
        shutil.copytree(environment.path, spare, symlinks=True)
        tool = [str(TOOLS / "uv"), "pip"] if installer == "uv" else [sys.executable, "-m", "pip"]
        python = ["--python", str(spare / "bin/python")]
        words = [*tool, "install", *python, "."] if installer == "uv" else [*tool, *python, "install", "-q", "."]
        installed = subprocess.run(
            words, cwd=path.parent, env=variables, check=False, capture_output=True, text=True, timeout=120
        )
        assert installed.returncode == 0, installed.stderr
        there = {item.name for item in spare.glob("lib/*/site-packages/torch-*.dist-info")}
        assert (there == kept) == (verdict == "safe"), installer
