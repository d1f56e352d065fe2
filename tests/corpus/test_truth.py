"""Real pip and real uv install every set of the corpus; what becomes of torch is what predictions are held to.

Clobbered means that one of the vendor's distributions is not what it was. An install that fails changes nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from envtool.environment.prefix import read_prefix
from envtool.environment.reader import read_environment
from envtool.errors import ResolutionError
from envtool.requirements.metadata import MetadataReader
from envtool.requirements.model import InstallOptions, RequirementSet
from envtool.requirements.open_target import make_target
from envtool.requirements.predict import predict, predict_static
from envtool.requirements.prediction import Prediction
from envtool.requirements.read_file import read_file
from envtool.requirements.resolve import Resolver
from envtool.requirements.static import Verdict
from envtool.requirements.uv_options import Installer
from tests.corpus.install_lines import find_versions
from tests.corpus.sample import sample
from tests.corpus.sets import Set, all_sets
from tests.support.environment import RealEnvironment, real_pip

pytestmark = pytest.mark.exhaustive

SETS = {item.name: item for item in all_sets()}
# Those that were drawn by chance are many of a kind; each of the others is a trap of its own.
_DRAWN = [name for name in SETS if name.startswith("drawn")]
TRIED = [*(name for name in SETS if name not in _DRAWN), *sample(_DRAWN)]


@dataclass(frozen=True)
class Truth:
    """What an installer did: whether it failed, and the pinned distributions that it changed."""

    failed: bool
    changed: frozenset[str]

    @property
    def clobbered(self) -> bool:
        return bool(self.changed)


def install(installer: Installer, environment: RealEnvironment, index: str, file: Path, case: Set) -> Truth:
    before = find_versions(environment)
    if installer is Installer.PIP:
        command = [*real_pip(environment.python), "install", "--no-compile"]
        command += ["--quiet", "--disable-pip-version-check", "--no-warn-conflicts", "--index-url", index]
    else:
        command = [str(Path(sys.executable).parent / "uv"), "pip", "install", "--python", str(environment.python)]
        command += ["--quiet", "--default-index", index]
    variables = {**os.environ, **environment.variables, "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": ""}
    done = subprocess.run(
        [*command, "-r", str(file), *case.options],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    after = find_versions(environment)
    return Truth(done.returncode != 0, frozenset(name for name in before if before[name] != after[name]))


def read_set(file: Path, case: Set) -> RequirementSet:
    wanted = read_file(file).sets[0]
    options = InstallOptions(upgrade="-U" in case.options, eager="eager" in case.options)
    return replace(wanted, options=options.merge_over(wanted.options))


def predicted(resolver: Resolver, index: str, wanted: RequirementSet) -> Prediction | None:
    """The second stage's answer; `None` where it says that nothing meets the set."""
    try:
        return predict(wanted, resolver, MetadataReader((index,)))
    except ResolutionError:
        return None


@pytest.mark.parametrize("name", TRIED)
def test_prediction_is_what_happens(
    name: str,
    environment: RealEnvironment,
    index: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    case = SETS[name]
    file = tmp_path / "requirements.txt"
    file.write_text(case.text)
    wanted = read_set(file, case)
    target = make_target(read_environment(read_prefix(environment.path)))
    static = predict_static(wanted, target)
    spare = RealEnvironment(tmp_path / "spare", environment.wheels, environment.variables)
    variables = {**os.environ, **environment.variables}
    wrong = []
    for installer in Installer:
        if installer is Installer.UV and "--upgrade-strategy" in case.options:
            # uv has no such option.
            continue
        resolver = Resolver(
            target=target, installer=installer, variables=variables, options=InstallOptions(index_url=index)
        )
        answer = predicted(resolver, index, wanted)
        shutil.copytree(environment.path, spare.path, symlinks=True)
        truth = install(installer, spare, index, file, case)
        shutil.rmtree(spare.path)
        said = "fails" if answer is None else answer.verdict.value
        happened = "failed" if truth.failed else "clobbered" if truth.clobbered else "kept"
        record_property(installer.value, f"{static.verdict.value} {said} {happened}")
        if (answer is not None and answer.is_bad) != truth.clobbered:
            wrong.append(f"{installer.value}: {said}, but {truth}: {case.lines} {case.options}")
        if static.verdict is Verdict.SAFE and truth.clobbered:
            wrong.append(f"static: safe, but {installer.value}: {truth}: {case.lines} {case.options}")
    assert wrong == []
