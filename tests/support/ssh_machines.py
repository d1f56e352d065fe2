"""Machines for Ansible: containers of Debian with an OpenSSH server on loopback, each with the vendor torch."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from envtool.demo.bootstrap import bootstrap
from envtool.image.context.docker_archive import LayerStep, LoadableImage
from envtool.image.engine.client import Engine
from tests.support.docker_command import run

IMAGE = "hac-test-machine:latest"
PREFIX = "/opt/environment"
_EPOCH = 1_661_990_400
_SECONDS = 120.0
_PACKAGES = ["openssh-server", "python3-venv"]
# A machine as somebody has set it up: a server that lets the key in, and an environment with the vendor's torch.
_START = f"""
python3 -m venv {PREFIX} && {PREFIX}/bin/python -m pip install --quiet --no-index --find-links /wheels "$1"
ssh-keygen -A >/dev/null && mkdir -p /run/sshd
exec /usr/sbin/sshd -D -e -o UsePAM=no -o StrictModes=no -o AuthorizedKeysFile=/keys/key.pub
"""


@dataclass(frozen=True)
class SshMachine:
    """A running machine: its name, and the port of its server on loopback."""

    name: str
    port: int

    def run(self, *command: str) -> str:
        """Run a command on it, which must succeed; gives what it printed."""
        done = run(["docker", "exec", self.name, *command])
        assert done.status == 0, done.output
        return done.output


@contextmanager
def ssh_machines(
    engine: Engine, names: list[str], folder: Path, wheels: Path, torch: str
) -> Iterator[list[SshMachine]]:
    """Start them, with the folder of wheels at /wheels; `folder` gets the key, and their inventory for Ansible."""
    if not engine.inspect_image(IMAGE):
        _make_image(engine)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"], check=True)
    keys = folder / "keys"
    keys.mkdir()
    (folder / "key.pub").rename(keys / "key.pub")
    started: list[str] = []
    try:
        for name in names:
            command = ["docker", "run", "--detach", "--rm", "--name", name, "--publish", "127.0.0.1::22"]
            command += ["--volume", f"{wheels}:/wheels:ro", "--volume", f"{keys}:/keys:ro", IMAGE]
            done = run([*command, "sh", "-c", _START, "sh", torch])
            assert done.status == 0, done.output
            started.append(name)
        machines = [SshMachine(name, _find_port(name)) for name in names]
        _write_inventory(folder, machines)
        for machine in machines:
            _wait_for_server(machine)
        yield machines
    finally:
        if started:
            run(["docker", "rm", "--force", *started])


def _find_port(name: str) -> int:
    return int(run(["docker", "port", name, "22/tcp"]).output.split()[0].rpartition(":")[2])


def _wait_for_server(machine: SshMachine) -> None:
    """Until it says that it is one; the engine's own end of the port accepts from the start."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", machine.port), timeout=5) as connection:
            if connection.recv(4) == b"SSH-":
                return
        time.sleep(0.2)
    raise AssertionError(f"{machine.name} has no server: {run(['docker', 'logs', machine.name]).output}")


def _write_inventory(folder: Path, machines: list[SshMachine]) -> None:
    rows = [f"{item.name} ansible_port={item.port}" for item in machines]
    (folder / "inventory.ini").write_text(
        "\n".join(
            [
                *("[all]", *rows, "", "[all:vars]", "ansible_host=127.0.0.1", "ansible_user=root"),
                f"ansible_ssh_private_key_file={folder}/key",
                "ansible_ssh_common_args=-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
                "ansible_python_interpreter=/usr/bin/python3",
                "",
            ]
        )
    )


def _make_image(engine: Engine) -> None:
    with tempfile.TemporaryDirectory() as text:
        made = bootstrap("bookworm", _PACKAGES, [], _EPOCH, Path(text))
        engine.load(LoadableImage((IMAGE,), {}, (LayerStep("ADD base.tar /", made.tar),), _EPOCH))
