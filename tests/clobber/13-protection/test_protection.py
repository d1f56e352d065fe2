"""Case 13: what protects the pin is switched off or overridden; the installs themselves are real."""

from __future__ import annotations

from pathlib import Path

from envtool.doctor.diagnose import diagnose
from envtool.environment.context import EnvironmentContext, Location
from envtool.environment.prefix import read_prefix
from envtool.environment.reader import read_environment
from tests.support.environment import TORCH, RealEnvironment
from tests.support.verdict import Verdict

NAMED = {"PIP_CONSTRAINT": "/etc/hac/constraints.txt", "UV_CONSTRAINT": "/etc/hac/constraints.txt"}


def protected(environment: RealEnvironment, root: Path, **variables: str) -> set[str]:
    """The ids for the environment in a file system that has the image's protection, below `root`."""
    (root / "etc/hac").mkdir(parents=True, exist_ok=True)
    (root / "etc/hac/constraints.txt").write_text(f"# the vendor's\ntorch=={TORCH}\n")
    (root / "etc/hac/guard.conf").touch()
    context = EnvironmentContext(location=Location.IMAGE, reference="an-image", root=root, variables=variables)
    return {item.id for item in diagnose(read_environment(read_prefix(environment.path), context)).findings}


def test_the_constraints_are_off(environment: RealEnvironment, tmp_path: Path) -> None:
    root = tmp_path / "root"
    assert protected(environment, root, **NAMED) == set()
    assert protected(environment, root) == {"constraints-off"}
    assert protected(environment, root, PIP_CONSTRAINT="/etc/hac/constraints.txt") == {"constraints-off"}
    (root / "mine.txt").write_text("numpy<2\n")
    assert protected(environment, root, **{**NAMED, "PIP_CONSTRAINT": "/mine.txt"}) == {"constraints-off"}
    both = "/mine.txt /etc/hac/constraints.txt"
    assert protected(environment, root, **{**NAMED, "PIP_CONSTRAINT": both}) == set()


def test_pips_own_configuration_counts(environment: RealEnvironment, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/pip.conf").write_text("[install]\nconstraint = /etc/hac/constraints.txt\n")
    uv_only = {"UV_CONSTRAINT": "/etc/hac/constraints.txt"}
    assert protected(environment, root, **uv_only) == set()
    assert protected(environment, root, **uv_only, PIP_CONFIG_FILE="/dev/null") == {"constraints-off"}


def test_the_guard_is_off(environment: RealEnvironment, tmp_path: Path) -> None:
    assert protected(environment, tmp_path / "root", **NAMED, HAC_GUARD="off") == {"guard-off"}
    assert protected(environment, tmp_path / "root", **NAMED, HAC_GUARD="warn") == set()


def test_an_override_replaces_torch_and_is_warned_of_before(
    environment: RealEnvironment, verdict: Verdict, tmp_path: Path
) -> None:
    """uv really follows it for a package that is content with the vendor's, which is why it is worth a warning."""
    overrides = tmp_path / "overrides.txt"
    overrides.write_text("torch==2.13.0\n")
    environment.variables["UV_OVERRIDE"] = str(overrides)
    finding = verdict.finds(environment, "pins-overridden", cause="takes the place of every requirement")
    assert finding["remedy"] == "unset UV_OVERRIDE"
    environment.uv_install("wants-any")
    verdict.finds(environment, "torch-replaced")


def test_an_override_in_uvs_settings(environment: RealEnvironment, verdict: Verdict) -> None:
    settings = Path(environment.variables["XDG_CONFIG_HOME"]) / "uv/uv.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('override-dependencies = ["torch>=2.0"]\n')
    finding = verdict.finds(environment, "pins-overridden", cause="takes the place")
    assert str(settings) in finding["remedy"]


def test_healthy_twins(environment: RealEnvironment, verdict: Verdict, tmp_path: Path) -> None:
    overrides = tmp_path / "overrides.txt"
    overrides.write_text("# torch==2.0\ntorch==1.7.1  # the vendor's meets it\nnumpy<2\n")
    environment.variables["UV_OVERRIDE"] = str(overrides)
    verdict.silent(environment)
