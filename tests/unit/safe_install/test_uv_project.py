"""What docs/how-to/uv-sync-removes-torch.md says of `uv sync` and `uv run` beside the vendor torch, with a real uv."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from envtool.demo.wheel_writer import write_wheel
from tests.support.distributions import package
from tests.support.environment import TORCH, RealEnvironment
from tests.support.local_index import serve_wheels

UV = str(Path(sys.executable).parent / "uv")
PINS = ("torch", "torchvision", "torchaudio")
NEVER = ", ".join(f"\"{name} ; sys_platform == 'never'\"" for name in PINS)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("index")
    for name, version, requires in (
        ("torch", "2.9.0", ["nvidia-cublas-cu12"]),
        ("nvidia-cublas-cu12", "12.8", []),
        ("modest", "1.0", ["torch>=1.5"]),
    ):
        write_wheel(package(name, version, requires), folder)
    with serve_wheels(folder) as address:
        yield address


class Project:
    """A project with a lock, and the variables that the page has one set."""

    def __init__(self, folder: Path, environment: RealEnvironment, index: str, settings: str) -> None:
        folder.mkdir()
        self.folder = folder
        self.environment = environment
        self.variables = {
            **os.environ,
            **environment.variables,
            "UV_DEFAULT_INDEX": index,
            "UV_PROJECT_ENVIRONMENT": str(environment.path),
            "UV_PYTHON": str(environment.python),
        }
        text = (
            '[project]\nname = "work"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["modest", "torch"]\n'
        )
        (folder / "pyproject.toml").write_text(text + settings)
        (folder / ".python-version").write_text("3.99\n")
        self.uv("lock")

    def uv(self, *arguments: str) -> str:
        done = subprocess.run(
            [UV, *arguments],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def installed(self) -> dict[str, str]:
        records = self.environment.site_packages.glob("*.dist-info")
        pairs = [path.name.removesuffix(".dist-info").split("-", 1) for path in records]
        return {name.replace("_", "-"): version for name, version in pairs}


def test_plain_uv_sync_is_what_the_page_warns_of(environment: RealEnvironment, index: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "work", environment, index, "")
    project.uv("sync", "--frozen")
    assert project.installed() == {"modest": "1.0", "torch": "2.9.0", "nvidia-cublas-cu12": "12.8"}


def test_envtool_sync_and_uv_run(environment: RealEnvironment, index: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "work", environment, index, "")
    done = environment.envtool("sync", "--prefix", str(environment.path), str(project.folder))
    assert done.status == 0, done.out + done.err
    said = project.uv("run", "--no-sync", "python", "-c", "import torch, modest; print(torch.__version__)")
    assert said == "1.7.1\n"
    assert project.installed() == {"modest": "1.0", "torch": TORCH, "torchvision": "0.8.2", "torchaudio": "0.7.2"}
    assert environment.doctor("--deep")["findings"] == []


def test_no_install_package(environment: RealEnvironment, index: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "work", environment, index, "")
    words = [word for name in PINS for word in ("--no-install-package", name)]
    project.uv("sync", "--frozen", "--inexact", *words)
    installed = project.installed()
    assert (installed["torch"], installed["modest"]) == (TORCH, "1.0")
    # The page says so, and so does the doctor.
    assert "nvidia-cublas-cu12" in installed
    assert environment.finding_ids() == {"cuda-wheels"}


@pytest.mark.parametrize(
    "settings",
    [
        f"[tool.uv]\nexclude-dependencies = {list(PINS)}\n",
        f"[tool.uv]\noverride-dependencies = [{NEVER}]\n",
    ],
    ids=["exclude-dependencies", "override-dependencies"],
)
def test_a_lock_without_torch(environment: RealEnvironment, index: str, tmp_path: Path, settings: str) -> None:
    project = Project(tmp_path / "work", environment, index, settings)
    said = project.uv("run", "python", "-c", "import torch, modest; print(torch.__version__)")
    assert said == "1.7.1\n"
    project.uv("sync", "--inexact")
    assert project.installed() == {"modest": "1.0", "torch": TORCH, "torchvision": "0.8.2", "torchaudio": "0.7.2"}
    assert environment.doctor("--deep")["findings"] == []
    # The same lock by envtool: nothing of torch's is in it, and nothing is to be done.
    done = environment.envtool("sync", "--prefix", str(environment.path), str(project.folder))
    assert (done.status, "nothing to do" in done.out) == (0, True), done.out + done.err
    project.uv("sync")
    assert "torch" not in project.installed()
