"""The role: linted, and run by ansible-core over ssh on loopback against three machines."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from envtool.fleet.report_fleet import FleetRequest, report_fleet
from envtool.image.engine.client import Engine
from tests.support.environment import TORCH
from tests.support.ssh_machines import PREFIX, SshMachine, ssh_machines

PROJECT = Path(__file__).parents[2]
ANSIBLE = PROJECT / "deploy/ansible"
TOOLS = PROJECT / ".work/ansible/bin"
NAMES = ["hac-test-crane", "hac-test-heron", "hac-test-stork"]
pytestmark = pytest.mark.docker


@pytest.fixture(scope="session")
def ansible() -> Path:
    """The folder of ansible's programs, installed from the lock in an environment of its own."""
    uv = Path(sys.executable).parent / "uv"
    variables = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(TOOLS.parent)}
    command: list[str | Path] = [uv, "sync", "--quiet", "--frozen", "--only-group", "ansible", "--project", PROJECT]
    subprocess.run(command, env=variables, check=True)
    return TOOLS


@pytest.fixture(scope="module")
def own_wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with envtool's wheel and those that it needs, for the Python of Debian 12."""
    folder = tmp_path_factory.mktemp("own")
    tools, machine = Path(sys.executable).parent, os.uname().machine
    command: list[str | Path] = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
    listed = folder / "requirements.txt"
    command = [
        tools / "uv",
        "export",
        "--frozen",
        "--no-hashes",
        "--no-emit-project",
        "--output-file",
        listed,
    ]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--python-version", "3.11", "--requirement", listed, "--dest", folder]
    for form in ("manylinux_2_17", "manylinux2014", "manylinux_2_28"):
        command += ["--platform", f"{form}_{machine}"]
    subprocess.run(command, check=True, capture_output=True)
    listed.unlink()
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the key, the inventory and the reports are."""
    return tmp_path_factory.mktemp("machines")


@pytest.fixture(scope="module")
def machines(engine: Engine, wheels: Path, folder: Path) -> Iterator[list[SshMachine]]:
    """Three of them."""
    with ssh_machines(engine, NAMES, folder, wheels, f"torch=={TORCH}") as started:
        yield started


def test_the_role_is_as_ansible_lint_wants_it(ansible: Path) -> None:
    command: list[str | Path] = [
        ansible / "ansible-lint",
        "--offline",
        "--nocolor",
        "--profile",
        "production",
        ".",
    ]
    variables = {**os.environ, "PATH": f"{ansible}:{os.environ['PATH']}"}
    # Ansible refuses a standard input that somebody else has made non-blocking, as a process of xdist's has it.
    done = subprocess.run(
        command, cwd=ANSIBLE, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def play(ansible: Path, folder: Path, own: Path, *options: str) -> tuple[dict[str, dict[str, int]], str]:
    """Run the play; gives how many tasks came out how on each machine, and all that was printed."""
    variables = {
        "envtool_wheels": str(own),
        "envtool_prefix": PREFIX,
        "envtool_vendor": "/wheels",
        "envtool_reports": str(folder / "reports"),
    }
    (folder / "reports").mkdir(exist_ok=True)
    command: list[str | Path] = [ansible / "ansible-playbook", "-i", folder / "inventory.ini", ANSIBLE / "site.yml"]
    command += ["--extra-vars", json.dumps(variables), *options]
    environment = {
        **os.environ,
        "PATH": f"{ansible}:{os.environ['PATH']}",
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCALHOST_WARNING": "0",
    }
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    recap = re.findall(r"^(\S+)\s+: (ok=.*)$", done.stdout, re.MULTILINE)
    counts = {name: {key: int(number) for key, number in re.findall(r"(\w+)=(\d+)", row)} for name, row in recap}
    assert set(counts) == set(NAMES), done.stdout + done.stderr
    assert not any(row["unreachable"] for row in counts.values()), done.stdout
    return counts, done.stdout


def read_torch(machine: SshMachine) -> str:
    return machine.run(
        f"{PREFIX}/bin/python", "-c", "from importlib.metadata import version; print(version('torch'))"
    ).strip()


@pytest.mark.skipif(not os.environ.get("HAC_ALL_CASES"), reason="minutes; HAC_ALL_CASES=1 does it, as the weekly run")
def test_the_role_installs_pins_finds_and_restores(
    ansible: Path, machines: list[SshMachine], own_wheels: Path, folder: Path
) -> None:
    def run(*options: str) -> tuple[dict[str, dict[str, int]], str]:
        return play(ansible, folder, own_wheels, *options)

    def list_changed(counts: dict[str, dict[str, int]]) -> list[str]:
        return [name for name, row in counts.items() if row["changed"]]

    crane, heron, _stork = machines

    counts, said = run("--check")
    assert (list_changed(counts), [row["failed"] for row in counts.values()]) == (NAMES, [0, 0, 0]), said
    assert crane.run("sh", "-c", "ls /opt").split() == ["environment"]

    counts, said = run()
    assert [row["failed"] for row in counts.values()] == [0, 0, 0], said
    # Apart from the environment: nothing of envtool's is in it.
    assert "envtool" not in crane.run(f"{PREFIX}/bin/python", "-m", "pip", "list")
    assert crane.run("envtool", "--version").startswith("envtool ")
    counts, said = run()
    assert list_changed(counts) == [], said
    counts, said = run("--check")
    assert list_changed(counts) == [], said

    heron.run(f"{PREFIX}/bin/python", "-m", "pip", "install", "-q", "--no-index", "-f", "/wheels", "-U", "wants-newer")
    clobbered = read_torch(heron)
    counts, said = run()
    assert [name for name, row in counts.items() if row["failed"]] == [heron.name]
    assert "is not the vendor's build" in said
    report = report_fleet(FleetRequest(paths=(folder / "reports",)))
    assert [(item.last.status, item.last.torch) for item in report.unwell] == [("damaged", clobbered)]
    assert report.causes[0].package == "wants-newer"

    counts, said = run("--check", "--extra-vars", "envtool_restore=true")
    assert list_changed(counts) == [heron.name], said
    assert read_torch(heron) == clobbered
    counts, said = run("--extra-vars", "envtool_restore=true")
    assert (list_changed(counts), [row["failed"] for row in counts.values()]) == ([heron.name], [0, 0, 0]), said
    assert read_torch(heron) == TORCH
    counts, said = run("--extra-vars", "envtool_restore=true")
    assert list_changed(counts) == [], said
    assert report_fleet(FleetRequest(paths=(folder / "reports",))).exit_status == 0
