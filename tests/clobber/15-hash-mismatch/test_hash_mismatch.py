"""Case 15: right version, wrong hash. Anyone can publish a wheel of the vendor's name and version."""

from __future__ import annotations

from envtool.demo.vendor_release import make_release_contents
from envtool.demo.wheel_writer import WheelContent, write_wheel
from tests.support.environment import PYTHON, TORCH, RealEnvironment
from tests.support.verdict import Verdict


def imposter(environment: RealEnvironment) -> str:
    genuine = make_release_contents(PYTHON)[0]
    files = {**genuine.files, "torch/__init__.py": b"raise SystemExit('gotcha')\n"}
    content = WheelContent(
        name="torch", version=TORCH, tag=genuine.tag, files=files, summary=genuine.summary, commands=genuine.commands
    )
    return str(write_wheel(content, environment.path.parent / "imposter"))


def test_imposter_is_told_without_hashing(environment: RealEnvironment, verdict: Verdict) -> None:
    environment.pip("install", "--quiet", "--force-reinstall", "--no-deps", "--no-index", imposter(environment))
    assert environment.finding_ids() == {"torch-hash-mismatch"}
    verdict.finds(environment, "torch-hash-mismatch", cause="only bears the vendor's version")
    environment.restore()
    assert environment.doctor("--deep")["findings"] == []


def test_restore_refuses_an_imposter_in_a_source(environment: RealEnvironment, verdict: Verdict) -> None:
    """The pin knows the hash; a folder that has another wheel of that name is not taken for it."""
    import shutil
    from pathlib import Path

    folder = Path(imposter(environment)).parent
    shutil.rmtree(environment.variables["HAC_STORE"])
    environment.pip("uninstall", "--quiet", "--yes", "torch")
    environment.variables["HAC_VENDOR"] = str(folder)
    outcome = environment.restore()
    assert outcome.status == 8
    assert "sha256" in outcome.err
    assert environment.finding_ids() == {"torch-missing"}
    verdict.finds(environment, "torch-missing", cause="uninstalled")


def test_healthy_twin_installed_by_another_installer(environment: RealEnvironment, verdict: Verdict) -> None:
    environment.uv_install("--reinstall", "--no-deps", f"torch=={TORCH}")
    verdict.silent(environment, "--deep")
