"""Case 5: conda, here py-rattler from a local channel, puts its torch over the vendor's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.clobber_files import intruding_files
from tests.support.conda_channel import conda_install, index_channel, write_package
from tests.support.environment import PYTHON, TORCH, RealEnvironment
from tests.support.verdict import Verdict

SITE = f"lib/python{PYTHON[0]}.{PYTHON[1]}/site-packages"


@pytest.fixture
def channel(tmp_path: Path) -> Path:
    folder = tmp_path / "channel"
    files = {f"{SITE}/{name}": text for name, text in intruding_files("1.13.1").items()}
    write_package(folder, "pytorch", "1.13.1", [], files)
    write_package(folder, "needs-pytorch", "1.0", ["pytorch >=1.13"], {"share/needs.txt": "1.0"})
    write_package(folder, "harmless", "1.0", [], {f"{SITE}/harmless.py": "x = 1\n"})
    index_channel(folder)
    return folder


def test_over_the_files_with_the_records_intact(
    conda_environment: RealEnvironment, verdict: Verdict, channel: Path
) -> None:
    environment = conda_environment
    conda_install(channel, environment.path, "needs-pytorch")
    assert (environment.site_packages / f"torch-{TORCH}.dist-info/RECORD").exists()
    verdict.finds(environment, "torch-conda-overwritten", cause="conda installed pytorch-1.13.1-0 from channel")
    assert environment.restore().status == 0
    # conda still has its record of the package, lawfully: the files are the vendor's again.
    assert list((environment.path / "conda-meta").glob("pytorch-*.json"))
    verdict.silent(environment, "--deep")


def test_after_the_vendors_was_uninstalled(conda_environment: RealEnvironment, verdict: Verdict, channel: Path) -> None:
    environment = conda_environment
    environment.pip("uninstall", "--yes", "torch")
    conda_install(channel, environment.path, "pytorch")
    finding = verdict.finds(environment, "torch-conda-overwritten", cause="because 'pytorch' was asked for")
    assert finding["remedy"].startswith("envtool restore")


def test_the_history_that_conda_writes_is_quoted(
    conda_environment: RealEnvironment, verdict: Verdict, channel: Path
) -> None:
    environment = conda_environment
    conda_install(channel, environment.path, "pytorch")
    (environment.path / "conda-meta/history").write_text(
        "==> 2026-11-20 10:11:12 <==\n# cmd: /opt/conda/bin/conda create -n pytorch\n"
        "==> 2026-11-21 08:09:10 <==\n# cmd: /opt/conda/bin/conda install needs-pytorch\n"
        "+conda-forge/linux-64::pytorch-1.13.1-0\n"
    )
    cause = "on 2026-11-21 08:09:10, by: /opt/conda/bin/conda install needs-pytorch"
    verdict.finds(environment, "torch-conda-overwritten", cause=cause)


def test_not_blamed_for_what_pip_did_later(conda_environment: RealEnvironment, channel: Path) -> None:
    environment = conda_environment
    conda_install(channel, environment.path, "pytorch")
    environment.restore()
    environment.pip_install("wants-newer")
    assert "torch-conda-overwritten" not in environment.finding_ids()
    assert "torch-replaced" in environment.finding_ids()


def test_healthy_twin(conda_environment: RealEnvironment, verdict: Verdict, channel: Path) -> None:
    conda_install(channel, conda_environment.path, "harmless")
    verdict.silent(conda_environment, "--deep")
