"""Rows of a RECORD that are no files of a distribution's: no folder goes, and the environment stays usable."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.environment import RealEnvironment
from tests.support.injection import snapshot

ROWS = {
    "bin": "../../../bin",
    "bin-slash": "../../../bin/",
    "bin-dot": "../../../bin/.",
    "up": "..",
    "here": ".",
    "here-slash": "./",
    "self": "torch/..",
    "round-about": "torch/../../../../bin",
    "double-slash": "..//..//..//bin",
    "prefix": "../../..",
    "beyond": "../../../..",
    "root": "/",
    "far-up": "../" * 40 + "etc",
    "interpreter": "../../../bin/python",
    "configuration": "../../../pyvenv.cfg",
    "pin": "../../../etc/hac/pin.toml",
    "lib64": "../../../lib64",
    "working-folder": ".hac-restore/x",
    "working-folder-itself": ".hac-restore",
    "too-long": "x" * 300,
    "too-long-folder": "x" * 300 + "/y",
    "too-deep": "a/" * 3000 + "b",
    "other-folder": "friend-1.0.dist-info",
    "standard-library": "../os.py",
    "not-utf-8": "caf\udce9/",
    "quoted": '"a\nb/.."',
}


def add_rows(environment: RealEnvironment, name: str, *rows: str) -> None:
    (record,) = environment.site_packages.glob(f"{name}-*.dist-info/RECORD")
    with open(record, "a", encoding="utf-8", errors="surrogateescape") as stream:
        stream.writelines(f"{row},,\n" for row in rows)


def main_parts(environment: RealEnvironment) -> dict[str, bool]:
    """What an environment cannot do without."""
    names = ("bin/python", "pyvenv.cfg", "etc/hac/pin.toml", "lib64", "lib/python3.11/os.py")
    found = {name: (environment.path / name).exists() for name in names}
    return found | {"site-packages": environment.site_packages.is_dir()}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
@pytest.mark.parametrize("how", ["intruder", "vendor"])
def test_a_row_that_is_no_file(environment: RealEnvironment, row: str, how: str) -> None:
    (environment.site_packages / "friend-1.0.dist-info").mkdir()
    (environment.site_packages / "friend-1.0.dist-info/METADATA").write_text("Name: friend\nVersion: 1.0\n")
    (environment.path / "lib/python3.11/os.py").write_text("")
    if how == "intruder":
        environment.uv_install("wants-newer")
    before = main_parts(environment)
    add_rows(environment, "torch", row)
    for _time in range(2):
        done = environment.restore("--force")
        assert done.status == 0, done.out + done.err
    assert main_parts(environment) == before
    assert (environment.site_packages / "friend-1.0.dist-info/METADATA").exists()
    assert environment.doctor("--deep")["findings"] == []


@pytest.mark.parametrize("row", [".", "..", "torch/..", "../../../bin/"])
def test_doctor_says_that_the_record_is_not_the_vendors(environment: RealEnvironment, row: str) -> None:
    add_rows(environment, "torch", row)
    assert "torch-record-untrusted" in environment.finding_ids()


@pytest.mark.parametrize("row", ["../../../bin", "..", ".", "../../../bin/python", "/etc/hostname", "x" * 300])
def test_an_install_that_replaces_such_a_distribution(environment: RealEnvironment, row: str) -> None:
    environment.pip_install("harmless")
    add_rows(environment, "harmless", row)
    before = main_parts(environment)
    words = ["--no-index", "--find-links", str(environment.wheels), "--force-reinstall", "harmless"]
    done = environment.envtool("install", "--prefix", str(environment.path), *words)
    assert done.status in {0, 10, 19}, done.err
    assert main_parts(environment) == before
    assert Path("/etc/hostname").exists()
    assert not (environment.site_packages / ".hac-restore").exists()


def test_an_egg_link_leads_to_a_persons_work(environment: RealEnvironment, tmp_path: Path) -> None:
    """`setup.py develop` leaves one: what it leads to is in nobody's environment."""
    work = tmp_path / "work"
    (work / "torch.egg-info").mkdir(parents=True)
    (work / "torch.egg-info/PKG-INFO").write_text("Metadata-Version: 1.0\nName: torch\nVersion: 2.0\n")
    (environment.site_packages / "torch.egg-link").write_text(f"{work}\n.")
    done = environment.restore("--force")
    assert (work / "torch.egg-info/PKG-INFO").exists(), done.out
    assert "outside the environment" in done.out


def test_a_distribution_with_files_everywhere_goes_as_a_whole(environment: RealEnvironment) -> None:
    """The innocent twin: commands, data and headers, each removed with its distribution; and nothing else."""
    environment.restore("--force")
    before = snapshot(environment.path)
    environment.uv_install("wants-newer")
    share = environment.path / "share/torch"
    share.mkdir(parents=True)
    (share / "data.txt").write_text("")
    add_rows(environment, "torch", "../../../share/torch/data.txt")
    assert environment.restore().status == 0
    after = {path: data for path, data in snapshot(environment.path).items() if "wants_newer" not in path}
    assert after == before
    assert not (environment.path / "share").exists()
