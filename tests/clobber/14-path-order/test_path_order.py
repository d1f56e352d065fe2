"""Case 14: another environment is active than the one with the vendor torch."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.support.environment import RealEnvironment
from tests.support.verdict import Verdict


def conda_installation(environment: RealEnvironment, other: RealEnvironment, root: Path) -> tuple[Path, Path]:
    """Lay the two environments out as conda has them: `other` as the base, `environment` as `envs/pytorch` below."""
    other.path.rename(root)
    (root / "conda-meta").mkdir()
    pytorch = root / "envs/pytorch"
    pytorch.parent.mkdir()
    environment.path.rename(pytorch)
    (pytorch / "conda-meta").mkdir()
    return root, pytorch


def active(environment: RealEnvironment, *arguments: str, **variables: str) -> dict[str, object]:
    """What doctor says where nobody names an environment."""
    environment.variables.update(variables)
    done = environment.envtool("doctor", "--format", "json", *arguments)
    assert done.status in {0, 1}, done.err
    document: dict[str, object] = json.loads(done.out)
    return document


def ids(document: dict[str, object]) -> list[str]:
    findings = document["findings"]
    assert isinstance(findings, list)
    return [item["id"] for item in findings]


def test_base_is_active(
    environment: RealEnvironment,
    make_environment: Callable[[str], RealEnvironment],
    verdict: Verdict,
    tmp_path: Path,
) -> None:
    base, pytorch = conda_installation(environment, make_environment("base"), tmp_path / "conda")
    document = active(environment, CONDA_PREFIX=str(base), PATH=f"{base}/bin:{os.environ['PATH']}")
    findings = document["findings"]
    assert isinstance(findings, list)
    verdict.record("found", ids(document) == ["wrong-environment"])
    assert ids(document) == ["wrong-environment"]
    verdict.record("cause", "CONDA_PREFIX names it" in findings[0]["cause"])
    assert "CONDA_PREFIX names it" in findings[0]["cause"]
    assert findings[0]["remedy"] == f"conda activate {pytorch}"


def test_a_virtual_environment_over_it(
    environment: RealEnvironment, make_environment: Callable[[str], RealEnvironment], tmp_path: Path
) -> None:
    """conda's variable still names the right one, but `python` is that of the virtual environment: asked of a shell."""
    _, pytorch = conda_installation(environment, make_environment("base"), tmp_path / "conda")
    over = make_environment("over")
    path = f"{over.path}/bin:{pytorch}/bin:{os.environ['PATH']}"
    first = subprocess.run(
        ["sh", "-c", "command -v python"], env={"PATH": path}, capture_output=True, text=True, check=True
    )
    assert first.stdout.strip() == f"{over.path}/bin/python"
    document = active(environment, CONDA_PREFIX=str(pytorch), PATH=path)
    assert ids(document) == ["path-order"]
    assert document["status"] == "degraded"


def test_healthy_twins(
    environment: RealEnvironment,
    make_environment: Callable[[str], RealEnvironment],
    verdict: Verdict,
    tmp_path: Path,
) -> None:
    """The right one active; and the wrong one active, but the right one named."""
    base, pytorch = conda_installation(environment, make_environment("base"), tmp_path / "conda")
    right = active(environment, CONDA_PREFIX=str(pytorch), PATH=f"{pytorch}/bin:{os.environ['PATH']}")
    named = active(
        environment, "--prefix", str(pytorch), CONDA_PREFIX=str(base), PATH=f"{base}/bin:{os.environ['PATH']}"
    )
    verdict.record("false alarm", bool(ids(right) or ids(named)))
    assert ids(right) == ids(named) == []
