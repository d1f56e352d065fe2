"""Environments that are odd or broken: findings, never crashes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from envtool.environment.prefix import PrefixKind, read_prefix
from envtool.environment.reader import read_environment
from tests.support.environment import TORCH, RealEnvironment

BREAKAGES = {
    "a dist-info that is a file": lambda site: (site / "numpy-1.0.dist-info").write_text("a file"),
    "a dist-info without a name": lambda site: (site / "odd.dist-info").mkdir(),
    "a dist-info that leads to itself": lambda site: (site / "loop-1.0.dist-info").symlink_to("loop-1.0.dist-info"),
    "a dist-info that leads nowhere": lambda site: (site / "gone-1.0.dist-info").symlink_to("/nowhere/at/all"),
    "a dist-info without metadata": lambda site: (site / "empty-1.0.dist-info").mkdir(),
    "an egg-link to nowhere": lambda site: (site / "dev.egg-link").write_text("/nowhere\n.\n"),
    "an egg-link of other bytes": lambda site: (site / "dev.egg-link").write_bytes(b"\xff\x00\xfe"),
    "a pth file of other bytes": lambda site: (site / "odd.pth").write_bytes(b"\xff\xfe/x\n"),
    "a pth file that is a folder": lambda site: (site / "odd.pth").mkdir(),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_others_are_a_note(environment: RealEnvironment, name: str) -> None:
    BREAKAGES[name](environment.site_packages)
    document = environment.doctor("--deep")
    assert [(item["id"], item["severity"]) for item in document["findings"]] == [("metadata-broken", "note")]
    assert document["status"] == "healthy"
    assert environment.doctor("--strict")["status"] == "degraded"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"Metadata-Version: 2.1\nName: torch\nVersion: 1.7.1\n\n\xff\xfe", "a byte that is none"),
        (b"Metadata-Version: 2.1\nName: torch\n\n", "no Version"),
        (b"Metadata-Version: 2.1\nName: torch\nVersion: 2.0\n\n", "Version: 2.0"),
    ],
)
def test_torchs_metadata_is_a_warning(environment: RealEnvironment, data: bytes, found: str) -> None:
    (environment.site_packages / f"torch-{TORCH}.dist-info/METADATA").write_bytes(data)
    finding = next(item for item in environment.doctor()["findings"] if item["id"] == "torch-metadata-broken")
    assert found in finding["evidence"][0]["found"]
    assert environment.restore().status == 0
    assert environment.doctor("--deep")["findings"] == []


def test_a_link_that_leads_back_to_itself_in_torch(environment: RealEnvironment) -> None:
    path = environment.site_packages / "torch/cuda.py"
    path.unlink()
    path.symlink_to("cuda.py")
    finding = environment.doctor()["findings"][0]
    assert (finding["id"], finding["evidence"][0]["found"]) == (
        "torch-files-missing",
        "a link that leads back to itself",
    )


def test_files_that_may_not_be_read(environment: RealEnvironment) -> None:
    """As a user without rights; where these tests run as root, they take another user's identity."""
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    (environment.site_packages / "torch").chmod(0o700)
    for folder in (environment.path, *environment.path.parents):
        folder.chmod(folder.stat().st_mode | 0o005)
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from envtool.doctor.diagnose import diagnose\n"
        "from envtool.environment.prefix import read_prefix\n"
        "from envtool.environment.reader import read_environment\n"
        "import packaging.requirements, email.parser; email.parser.HeaderParser().parsestr('')\n"
        "os.setegid(65534); os.seteuid(65534)\n"
        "print([item.id for item in diagnose(read_environment(read_prefix(Path(sys.argv[1])))).findings])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, environment.path], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "['torch-files-unreadable']", done.stderr


def test_a_development_install_of_the_old_kind(environment: RealEnvironment, tmp_path: Path) -> None:
    """`setup.py develop` left an .egg-link, which Python's own metadata does not follow, but the import does."""
    source = tmp_path / "pytorch"
    (source / "torch.egg-info").mkdir(parents=True)
    (source / "torch.egg-info/PKG-INFO").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 1.8.0a0+56b43f4\n")
    environment.pip("uninstall", "--yes", "torch")
    (environment.site_packages / "torch.egg-link").write_text(f"{source}\n.\n")
    finding = next(item for item in environment.doctor()["findings"] if item["id"] == "torch-replaced")
    assert finding["evidence"][0]["found"] == "1.8.0a0+56b43f4"


def test_an_editable_install_says_where_it_is_from(environment: RealEnvironment, tmp_path: Path) -> None:
    project = tmp_path / "fork"
    (project / "torch").mkdir(parents=True)
    (project / "torch/__init__.py").touch()
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "torch"\nversion = "1.8"\n'
    )
    environment.pip(
        "install",
        "--quiet",
        "--no-index",
        "--no-build-isolation",
        "--no-deps",
        "--target",
        str(tmp_path / "none"),
        "torch==2.13.0",
        check=False,
    )
    uv = str(Path(sys.executable).parent / "uv")
    command = [uv, "pip", "install", "--python", str(environment.python), "--no-deps", "--editable", str(project)]
    variables = {**os.environ, **environment.variables, "UV_NO_INDEX": ""}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    finding = next(item for item in environment.doctor()["findings"] if item["id"] == "torch-replaced")
    assert f"an editable install of file://{project}" in finding["cause"]


def test_a_system_python_with_eggs(tmp_path: Path) -> None:
    root = tmp_path / "usr"
    packages = root / "lib/python3/dist-packages"
    packages.mkdir(parents=True)
    (root / "lib/python3.11").mkdir()
    (root / "bin").mkdir()
    (root / "bin/python3.11").touch()
    (packages / "PyYAML-6.0.egg-info").write_text("Metadata-Version: 1.1\nName: PyYAML\nVersion: 6.0\n")
    (packages / "six-1.16.egg-info").mkdir()
    prefix = read_prefix(root)
    assert prefix.kind is PrefixKind.SYSTEM
    environment = read_environment(prefix)
    assert {(item.name, item.version) for item in environment.distributions} == {("pyyaml", "6.0"), ("six", "1.16")}


@pytest.mark.parametrize("minor", range(6, 15))
def test_every_python_that_may_be_looked_after(tmp_path: Path, minor: int) -> None:
    root = tmp_path / "prefix"
    (root / f"lib/python3.{minor}/site-packages/torch-{TORCH}.dist-info").mkdir(parents=True)
    (root / "bin").mkdir()
    (root / f"bin/python3.{minor}").touch()
    environment = read_environment(read_prefix(root))
    assert environment.prefix.python == (3, minor)
    assert [item.version for item in environment.find("torch")] == [TORCH]
