"""The environments that doctor is measured on: real distributions, small made ones to fill up, and a real torch."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.commands import run_command
from envtool.demo.vendor_release import write_release
from envtool.demo.wheel_writer import WheelContent, write_wheel

TOOLS = Path(sys.executable).parent
PYTHON = (sys.version_info.major, sys.version_info.minor)
# Real distributions with compiled parts, and what torch 2.13 requires, from PyPI; in all they are about a hundred.
REAL = (
    "filelock",
    "fsspec",
    "jinja2",
    "networkx",
    "setuptools>=77.0.3,<82",
    "sympy",
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "matplotlib",
    "lxml",
    "aiohttp",
    "cryptography",
    "pyyaml",
    "jupyterlab",
)


def make_environment(folder: Path, count: int, *, torch: Path | None = None, real: tuple[str, ...] = ()) -> Path:
    """A virtual environment below `folder` with pip and `count` distributions in all.

    Its torch is the wheel `torch`, pinned, or the stand-in release; `real` come from PyPI; the rest is made, twenty
    modules each, and each requires another and torch.
    """
    prefix, wheels = folder / "environment", folder / "wheels"
    run_command([sys.executable, "-m", "venv", prefix])
    uv: list[str | Path] = [TOOLS / "uv", "pip", "install", "--quiet", "--python", prefix / "bin/python"]
    if real:
        run_command([*uv, *real])
    if torch is None:
        write_release(wheels, PYTHON)
    else:
        (wheels / torch.name).parent.mkdir(parents=True, exist_ok=True)
        (wheels / torch.name).hardlink_to(torch)
    present = len([*prefix.glob("lib/python*/site-packages/*.dist-info"), *wheels.glob("*.whl")])
    for number in range(count - present):
        write_wheel(_make_filler(number), wheels)
    run_command([*uv, "--no-index", "--no-deps", *wheels.glob("*.whl")])
    run_command([TOOLS / "envtool", "restore", "--prefix", prefix, "--vendor", wheels])
    return prefix


def _make_filler(number: int) -> WheelContent:
    return WheelContent(
        name=f"distribution_{number}",
        version="1.0",
        tag="py3-none-any",
        files={f"distribution_{number}/module{part}.py": b"" for part in range(20)},
        summary="for measuring",
        requires=[f"distribution-{number - 1}>=1.0; python_version >= '3.6'", "torch>=1.6"] if number else [],
    )
