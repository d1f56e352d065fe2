"""Texts that people and scripts read, held to the letter. `UPDATE_GOLDEN=1 make test-fast` writes them anew."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

from envtool.demo.vendor_release import make_moreh_smi
from tests.support.environment import PYTHON, RealEnvironment

FOLDER = Path(__file__).parent
# What the texts have in place of the version of Python that the tests run with.
VERSIONS = {
    f"python{PYTHON[0]}.{PYTHON[1]}": "pythonX.Y",
    f"Python {PYTHON[0]}.{PYTHON[1]}": "Python X.Y",
    f'"{PYTHON[0]}.{PYTHON[1]}"': '"X.Y"',
    f"cp{PYTHON[0]}{PYTHON[1]}": "cpXY",
}


def hold(name: str, text: str, environment: RealEnvironment | None = None) -> None:
    if environment is not None:
        text = text.replace(str(environment.path), "PREFIX")
    for version, placeholder in VERSIONS.items():
        text = text.replace(version, placeholder)
    text = re.sub(r'"[0-9a-f]{64}"', '"SHA256"', text)
    text = re.sub(r'"time": "\d{4}-[^"]+"', '"time": "TIME"', text)
    text = text.replace(f'"host": "{socket.gethostname()}"', '"host": "HOST"')
    text = re.sub(r"on \d{4}-\d\d-\d\d at \d\d:\d\d UTC", "on DATE", text)
    path = FOLDER / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


def test_doctor_on_a_healthy_environment(environment: RealEnvironment) -> None:
    outcome = environment.envtool("doctor", "--prefix", str(environment.path))
    assert outcome.status == 0
    hold("doctor-healthy.txt", outcome.out, environment)


def test_doctor_on_a_clobbered_environment(environment: RealEnvironment) -> None:
    environment.pip_install("wants-newer")
    arguments = ("doctor", "--prefix", str(environment.path))
    outcome = environment.envtool(*arguments)
    assert outcome.status == 1
    hold("doctor-replaced.txt", outcome.out, environment)
    hold("doctor-replaced.json", environment.envtool(*arguments, "--format", "json").out, environment)
    hold("restore-plan.txt", environment.restore("--dry-run").out, environment)


def test_list(environment: RealEnvironment) -> None:
    hold("list.txt", environment.envtool("list", "--prefix", str(environment.path), "torch").out, environment)


def test_pin_and_constraints(environment: RealEnvironment) -> None:
    from envtool.release.pin import read_pin

    pin = read_pin(environment.path)
    assert pin is not None
    hold("constraints.txt", pin.render_constraints())
    hold("pin.toml", (environment.path / "etc/hac/pin.toml").read_text())


def test_moreh_smi() -> None:
    hold("moreh-smi.sh", make_moreh_smi("22.8.0"))
