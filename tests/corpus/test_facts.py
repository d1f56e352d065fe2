"""The table of what installers do to an installed vendor torch, row by row and column by column, by real pip and uv."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from envtool.demo.wheel_writer import write_wheel
from envtool.environment.prefix import read_prefix
from envtool.environment.reader import read_environment
from envtool.release.pin import read_pin
from tests.support.distributions import package
from tests.support.environment import TORCH, RealEnvironment, real_pip

pytestmark = pytest.mark.exhaustive

KEPT, REPLACED, ERROR = "kept", "replaced", "error"
COLUMNS = ("pip", "uv", "pip + PIP_CONSTRAINT", "uv + PIP_CONSTRAINT", "uv + UV_CONSTRAINT")
# The requirement and its options, and what happens to torch in each column.
ROWS: dict[tuple[str, ...], tuple[str | None, ...]] = {
    ("torch",): (KEPT, KEPT, KEPT, KEPT, KEPT),
    ("torch==1.7.1",): (KEPT, KEPT, KEPT, KEPT, KEPT),
    ("torch>=1.7.1",): (KEPT, KEPT, KEPT, KEPT, KEPT),
    ("torch==1.7.1+cu110",): (REPLACED, REPLACED, ERROR, REPLACED, ERROR),
    ("torch>=1.8",): (REPLACED, REPLACED, ERROR, REPLACED, ERROR),
    ("wants-newer",): (REPLACED, REPLACED, ERROR, REPLACED, ERROR),
    ("-U", "torch"): (REPLACED, REPLACED, KEPT, REPLACED, KEPT),
    ("-U", "wants-any"): (KEPT, REPLACED, KEPT, REPLACED, KEPT),
    ("-U", "--upgrade-strategy", "eager", "wants-any"): (REPLACED, None, KEPT, None, None),
    # Beyond the table: the traps of constraints.
    ("--no-deps", "torch>=2"): (REPLACED, REPLACED, ERROR, REPLACED, ERROR),
    ("--force-reinstall", "torch"): (REPLACED, REPLACED, ERROR, REPLACED, ERROR),
    ("--break-system-packages", "torch>=2"): (REPLACED, REPLACED, ERROR, REPLACED, ERROR),
}
CASES = [
    (row, column, expected)
    for row, values in ROWS.items()
    for column, expected in zip(COLUMNS, values, strict=True)
    if expected is not None
]


@pytest.mark.parametrize(
    ("row", "column", "expected"), CASES, ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value)
)
def test_table(
    environment: RealEnvironment, index: str, tmp_path: Path, row: tuple[str, ...], column: str, expected: str
) -> None:
    folder = tmp_path / "wants"
    write_wheel(package("wants-newer", "1.0", ["torch>=2.0"]), folder)
    write_wheel(package("wants-any", "1.0", ["torch>=1.5"]), folder)
    pin = read_pin(environment.path)
    assert pin is not None
    constraints = tmp_path / "constraints.txt"
    constraints.write_text(pin.render_constraints())
    variables = dict(environment.variables)
    if "CONSTRAINT" in column:
        variables[column.split(" + ")[1]] = str(constraints)
    if column.startswith("pip"):
        command = [*real_pip(environment.python), "install", "--quiet", "--no-compile"]
        command += ["--index-url", index]
    else:
        command = [str(Path(sys.executable).parent / "uv"), "pip", "install", "--python", str(environment.python)]
        command += ["--quiet", "--default-index", index]
        row = tuple("--reinstall" if word == "--force-reinstall" else word for word in row)
    done = subprocess.run(
        [*command, "--find-links", str(folder), *row],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    torch = [item.version for item in read_environment(read_prefix(environment.path)).find("torch")]
    happened = REPLACED if torch != [TORCH] else ERROR if done.returncode else KEPT
    assert happened == expected, done.stderr


def test_uv_says_by_its_exit_status_that_it_would_change_something(environment: RealEnvironment, index: str) -> None:
    uv = str(Path(sys.executable).parent / "uv")
    command = [uv, "pip", "install", "--check", "--python", str(environment.python), "--default-index", index]
    variables = {**os.environ, **environment.variables}
    for requirement, status in (("torch", 0), ("torch>=2", 1)):
        done = subprocess.run([*command, requirement], env=variables, capture_output=True, check=False, timeout=60)
        assert done.returncode == status
