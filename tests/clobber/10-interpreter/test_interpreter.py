"""Case 10: the environment's Python changes under the vendor torch."""

from __future__ import annotations

import shutil
from pathlib import Path

from envtool.demo.vendor_release import make_release_contents
from envtool.demo.wheel_writer import write_wheel
from tests.support.conda_channel import conda_install, index_channel, write_package
from tests.support.environment import PYTHON, RealEnvironment
from tests.support.verdict import Verdict

OTHER = (PYTHON[0], PYTHON[1] + 1)
OTHER_NAME = f"python{OTHER[0]}.{OTHER[1]}"


def test_conda_brings_another_python(conda_environment: RealEnvironment, verdict: Verdict, tmp_path: Path) -> None:
    """As `conda update --all` does: the new Python has a library folder of its own, and finds nothing of the old."""
    environment, channel = conda_environment, tmp_path / "channel"
    files = {f"bin/{OTHER_NAME}": "a program\n", f"lib/{OTHER_NAME}/site-packages/README.txt": "here\n"}
    write_package(channel, "python", f"{OTHER[0]}.{OTHER[1]}.1", [], files)
    index_channel(channel)
    conda_install(channel, environment.path, "python")
    python = environment.path / "bin/python"
    python.unlink()
    python.symlink_to(OTHER_NAME)
    finding = verdict.finds(environment, "interpreter-changed", cause=f"environment's Python to {OTHER[0]}.{OTHER[1]}")
    assert finding["remedy"] == f"conda install --prefix {environment.path} python={PYTHON[0]}.{PYTHON[1]}"
    (environment.path / "conda-meta/history").write_text(
        f"==> 2026-11-21 08:09:10 <==\n# cmd: conda update --all\n+main::python-{OTHER[0]}.{OTHER[1]}.1-0\n"
    )
    cause = f"conda installed python-{OTHER[0]}.{OTHER[1]}.1-0 on 2026-11-21 08:09:10, by: conda update --all"
    verdict.finds(environment, "interpreter-changed", cause=cause)
    assert "torch-missing" not in environment.finding_ids()
    # A restore cannot mend that, touches nothing and says so.
    outcome = environment.restore()
    assert outcome.status == 1
    assert f"conda install --prefix {environment.path} python=" in outcome.out
    assert (environment.path / f"lib/python{PYTHON[0]}.{PYTHON[1]}/site-packages/torch/__init__.py").exists()


def test_a_wheel_for_another_python(environment: RealEnvironment, verdict: Verdict, tmp_path: Path) -> None:
    """Laid by hand, as when a folder is copied from another machine: no installer would take the wheel."""
    import zipfile

    wheel = write_wheel(make_release_contents(OTHER)[0], tmp_path / "other")
    for path in environment.site_packages.glob("torch-*.dist-info"):
        shutil.rmtree(path)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(environment.site_packages)
    finding = verdict.finds(environment, "interpreter-changed", cause="upgraded to Python")
    assert finding["evidence"][0]["found"] == f"Python {OTHER[0]}.{OTHER[1]}"


def test_the_interpreter_is_gone(environment: RealEnvironment, verdict: Verdict) -> None:
    for path in (environment.path / "bin").glob("python*"):
        path.unlink()
    (environment.path / "bin/python").symlink_to("/opt/removed/bin/python3")
    verdict.finds(environment, "interpreter-missing", cause="was removed or moved")


def test_healthy_twin_with_a_second_library_folder(environment: RealEnvironment, verdict: Verdict) -> None:
    (environment.path / f"lib/{OTHER_NAME}/site-packages").mkdir(parents=True)
    verdict.silent(environment, "--deep")
