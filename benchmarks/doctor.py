"""`envtool doctor` on a healthy environment of 40 distributions, against `pip check` and `uv pip check`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.timing import Row, alternately, ratio_row
from envtool.demo.vendor_release import write_release
from envtool.demo.wheel_writer import WheelContent, write_wheel

_TOOLS = Path(sys.executable).parent
_PYTHON = (sys.version_info.major, sys.version_info.minor)


def measure(folder: Path, runs: int = 15) -> list[Row]:
    """Make the environment below `folder` and measure."""
    prefix = make_environment(folder, 35)
    commands: list[list[str | Path]] = [
        [_TOOLS / "envtool", "doctor", "--prefix", prefix],
        [prefix / "bin/pip", "check"],
        [_TOOLS / "uv", "pip", "check", "--python", prefix / "bin/python"],
    ]
    ours, pip, uv = alternately(commands, runs)
    return [
        ratio_row("doctor, 40 distributions", ours, "pip check", pip, 0.35),
        ratio_row("doctor, 40 distributions", ours, "uv pip check", uv, None),
    ]


def make_environment(folder: Path, others: int) -> Path:
    """A virtual environment with pip, the stand-in release and `others` small distributions that require each other."""
    prefix, wheels = folder / "environment", folder / "wheels"
    subprocess.run([sys.executable, "-m", "venv", prefix], check=True)
    write_release(wheels, _PYTHON)
    for number in range(others):
        requires = [f"distribution-{number - 1}>=1.0; python_version >= '3.6'", "torch>=1.6"] if number else []
        content = WheelContent(
            f"distribution_{number}",
            "1.0",
            "py3-none-any",
            {f"distribution_{number}/module{part}.py": b"" for part in range(20)},
            "for measuring",
            requires,
        )
        write_wheel(content, wheels)
    command: list[str | Path] = [
        prefix / "bin/pip",
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        *wheels.glob("*.whl"),
    ]
    subprocess.run(command, check=True, env={"PATH": "/usr/bin:/bin", "PIP_CONFIG_FILE": "/dev/null"})
    envtool: list[str | Path] = [_TOOLS / "envtool", "restore", "--prefix", prefix, "--vendor", wheels]
    subprocess.run(envtool, check=True, capture_output=True)
    return prefix
