"""Real pip and uv install what each dependency file stands for: `check` must have said what becomes of torch."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from envtool.environment.prefix import read_prefix
from envtool.environment.reader import read_environment
from tests.corpus.files import FILES, DependencyText
from tests.corpus.frozen_index import served
from tests.corpus.sample import sample
from tests.support.environment import RealEnvironment

pytestmark = pytest.mark.exhaustive

CASES = {case.name: case for case in FILES}
_PINNED = ("torch", "torchvision", "torchaudio")


@pytest.fixture(scope="session")
def index() -> Iterator[str]:
    """The frozen index."""
    with served() as address:
        yield address


def versions(environment: RealEnvironment) -> dict[str, list[str]]:
    found = read_environment(read_prefix(environment.path))
    return {name: sorted(item.version for item in found.find(name)) for name in _PINNED}


def is_clobbered(case: DependencyText, installer: str, environment: RealEnvironment, index: str, folder: Path) -> bool:
    """Whether installing the lines changes one of the vendor's distributions."""
    spare = RealEnvironment(folder / f"spare-{installer}", environment.wheels, environment.variables)
    shutil.copytree(environment.path, spare.path, symlinks=True)
    before = versions(spare)
    if installer == "pip":
        command = [sys.executable, "-m", "pip", "--python", str(spare.python), "install", "--quiet", "--no-compile"]
        command += ["--disable-pip-version-check", "--no-warn-conflicts", "--index-url", index]
    else:
        command = [str(Path(sys.executable).parent / "uv"), "pip", "install", "--python", str(spare.python)]
        command += ["--quiet", "--default-index", index]
    variables = {**os.environ, **environment.variables}
    subprocess.run([*command, *case.lines.lines], env=variables, capture_output=True, check=True, timeout=600)
    return versions(spare) != before


@pytest.mark.parametrize("name", sample(list(CASES)))
def test_prediction_is_what_happens(
    name: str,
    environment: RealEnvironment,
    index: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    case = CASES[name]
    folder = tmp_path / "project"
    folder.mkdir()
    path = folder / case.file
    path.write_bytes(case.text.encode())
    environment.variables.update(PIP_INDEX_URL=index, UV_DEFAULT_INDEX=index)
    start = time.monotonic()
    done = environment.here("check", "--prefix", str(environment.path), "--format", "json", "--no-build", str(path))
    record_property("seconds", time.monotonic() - start)
    answers = json.loads(done.out)["answers"]
    for installer in ("pip", "uv"):
        # Beside the main set there may be an empty one, of development packages.
        verdicts = {item["verdict"] for item in answers if item["installer"] in {None, installer}}
        changed = is_clobbered(case, installer, environment, index, tmp_path)
        record_property(installer, f"{','.join(sorted(verdicts))} {'clobbered' if changed else 'kept'}")
        assert "unknown" not in verdicts, f"{case.text}\n{answers}"
        assert ("clobbered" in verdicts) == changed, f"{case.text}\n{installer}: {answers}"
