"""What the environment's own pip says of a set of requirements: real pip, in the environment, from a frozen index."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from envtool.environment.prefix import read_prefix
from envtool.environment.reader import read_environment
from envtool.requirements.model import InstallOptions
from envtool.requirements.open_target import make_target
from envtool.requirements.pip_proof import find_objection
from envtool.requirements.read_file import read_file
from envtool.requirements.resolve import Resolver
from envtool.requirements.uv_options import Installer
from tests.corpus.build_tools import pack_installed
from tests.corpus.frozen_index import served
from tests.support.environment import RealEnvironment


@pytest.fixture
def index() -> Iterator[str]:
    with served() as address:
        yield address


def ask(environment: RealEnvironment, index: str, file: Path, *, no_build: str = "") -> str | None:
    resolver = Resolver(
        target=make_target(read_environment(read_prefix(environment.path))),
        installer=Installer.PIP,
        variables={**os.environ, **environment.variables},
        options=InstallOptions(index_url=index),
        no_build=no_build,
    )
    return find_objection(read_file(file).sets[0], resolver)


def test_pip_says_what_it_would_not_do(environment: RealEnvironment, index: str, tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("accelerate==0.14.0\ntqdm\n")
    assert ask(environment, index, file) is None, "it has no pip"
    name, data = pack_installed("pip")
    (tmp_path / name).write_bytes(data)
    environment.uv_install(str(tmp_path / name))
    assert ask(environment, index, file) is None
    file.write_text("accelerate\ntqdm\n")
    assert (ask(environment, index, file) or "").startswith("pip would install torch ")
    file.write_text("torch==1.7.1\naccelerate==1.15.0\n")
    assert "torch" in (ask(environment, index, file) or "")
    assert ask(environment, index, file, no_build="not here") is None
    file.write_text(f"tqdm --hash=sha256:{'a' * 64}\n")
    assert "hash" in (ask(environment, index, file) or "").lower()
