"""An environment that is only assumed, of a Python that is not here: what is built for it is built with this one."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.environment import TORCH, RealEnvironment
from tests.support.small_index import Release, small_index

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"
TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}-none-any"
# As numpy's: the newest is for newer Pythons, and to compile it takes what nobody has.
PROJECTS = {
    "torch": {"1.7.1": Release(), "2.4.0": Release()},
    "arrays": {"1.0": Release(), "2.0": Release(tag=TAG, python=f">={HERE}", has_broken_source=True)},
    # As of many that measure sound: a source distribution that imports numpy to be built.
    "sounds": {"1.0": Release(("arrays", "torch>=1.5"), is_source=True, build_requires=("arrays",))},
    "louder": {"1.0": Release(("arrays", "sounds", "torch>=2"))},
}


@pytest.fixture(scope="module")
def index() -> Iterator[str]:
    with small_index(PROJECTS) as address:
        yield address


@pytest.mark.parametrize(("name", "verdict"), [("sounds", "safe"), ("louder", "clobbered")])
def test_what_a_build_needs_is_not_compiled(
    environment: RealEnvironment, index: str, tmp_path: Path, name: str, verdict: str
) -> None:
    environment.variables.update(PIP_INDEX_URL=index, UV_DEFAULT_INDEX=index)
    file = tmp_path / "requirements.txt"
    file.write_text(f"arrays\n{name}\n")
    words = ("check", "--torch", TORCH, "--python-version", "3.8", "--format", "json", str(file))
    done = environment.envtool(*words)
    answers = {answer["verdict"] for answer in json.loads(done.out)["answers"]}
    assert answers == {verdict}, done.out + done.err
