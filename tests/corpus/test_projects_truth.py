"""Real pip and real uv install every project; what becomes of torch is what the predictions are held to."""

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

from envtool.requirements.uv_options import Installer
from tests.corpus.frozen_index import served
from tests.corpus.install_lines import find_versions
from tests.corpus.projects import CASES, ProjectCase
from tests.corpus.sample import sample
from tests.support.environment import RealEnvironment, real_pip

pytestmark = pytest.mark.exhaustive


@pytest.fixture(scope="module")
def index() -> Iterator[str]:
    """The frozen index, with real build back ends in it."""
    with served(with_build_tools=True) as address:
        yield address


def install(installer: Installer, environment: RealEnvironment, index: str, folder: Path, case: ProjectCase) -> str:
    """What a real install does: `failed`, `clobbered` or `kept`."""
    before = find_versions(environment)
    if installer is Installer.PIP:
        command = [*real_pip(environment.python), "install", "--no-compile"]
        command += ["--quiet", "--disable-pip-version-check", "--no-warn-conflicts", "--index-url", index]
    else:
        command = [str(Path(sys.executable).parent / "uv"), "pip", "install", "--python", str(environment.python)]
        command += ["--quiet", "--default-index", index]
    variables = {**os.environ, **environment.variables, "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": ""}
    done = subprocess.run(
        [*command, *case.install],
        env=variables,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    return "clobbered" if find_versions(environment) != before else "failed" if done.returncode else "kept"


def predict(environment: RealEnvironment, folder: Path, case: ProjectCase) -> dict[str, str]:
    """The verdict for each installer."""
    done = environment.envtool("check", "--prefix", str(environment.path), "--format", "json", str(folder / case.check))
    wanted = f"extra {case.extra}" if case.extra else ""
    answers = [item for item in json.loads(done.out)["answers"] if item["set"] in {wanted, "tool.poetry"}]
    assert answers, done.out + done.err
    return {
        installer.value: next(item["verdict"] for item in answers if item["installer"] in {installer.value, None})
        for installer in Installer
    }


@pytest.mark.parametrize("case", sample(CASES), ids=lambda case: case.name)
def test_prediction_is_what_happens(
    case: ProjectCase,
    environment: RealEnvironment,
    index: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    folder = tmp_path / "project"
    for name, text in case.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    environment.variables.update(PIP_INDEX_URL=index, UV_DEFAULT_INDEX=index)
    start = time.monotonic()
    said = predict(environment, folder, case)
    record_property("seconds", time.monotonic() - start)
    spare = RealEnvironment(tmp_path / "spare", environment.wheels, environment.variables)
    wrong = []
    for installer in Installer:
        shutil.copytree(environment.path, spare.path, symlinks=True)
        happened = install(installer, spare, index, folder, case)
        shutil.rmtree(spare.path)
        record_property(installer.value, f"{said[installer.value]} {happened}")
        verdict = said[installer.value]
        if (verdict == "clobbered") != (happened == "clobbered") and not (case.is_unknown and happened == "failed"):
            wrong.append(f"{installer.value}: {verdict}, but {happened}")
        if (verdict == "unknown") != case.is_unknown and not case.is_unknown:
            wrong.append(f"{installer.value}: {verdict}, and {happened}")
        if verdict == "safe" and case.is_unknown:
            wrong.append(f"{installer.value}: safe was said of what nobody could read")
    assert wrong == []
