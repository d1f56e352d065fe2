"""Real pip and uv install what each dependency file stands for: `check` must have said what becomes of torch."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.corpus.files import FILES, DependencyText
from tests.corpus.install_lines import install_lines
from tests.corpus.sample import sample
from tests.support.environment import RealEnvironment

pytestmark = pytest.mark.exhaustive

CASES = {case.name: case for case in FILES}


def is_clobbered(case: DependencyText, installer: str, environment: RealEnvironment, index: str, folder: Path) -> bool:
    """Whether installing the lines changes one of the vendor's distributions."""
    took, kept = install_lines(case.lines.lines, installer, environment, index, folder)
    assert took
    return not kept


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
