"""Debian's Prometheus, node exporter and Alertmanager on loopback, at short intervals; and who is alerted."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import requests

from tests.support.debian_programs import make_debian_command
from tests.support.http_server import Handler, serve

_SECONDS = 60.0


@dataclass
class AlertReceiver:
    """A webhook that keeps what Alertmanager sends."""

    alerts: list[dict[str, Any]] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, name: str, status: str) -> dict[str, Any]:
        """The first alert of a name with a status: firing, or resolved."""

        def find() -> dict[str, Any] | None:
            named = [item for item in self.alerts if item["labels"]["alertname"] == name and item["status"] == status]
            return named[0] if named else None

        with self.arrived:
            assert self.arrived.wait_for(lambda: find() is not None, _SECONDS), f"no {name} was {status}: {self.alerts}"
            found = find()
            assert found is not None
            return found

    @contextmanager
    def listen(self) -> Iterator[str]:
        """Listen; gives the address."""
        receiver = self

        class Webhook(Handler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver.arrived:
                    receiver.alerts += json.loads(body)["alerts"]
                    receiver.arrived.notify_all()
                self.send(200)

        with serve(Webhook) as port:
            yield f"http://127.0.0.1:{port}/"


@dataclass(frozen=True)
class Monitoring:
    """What runs: where metrics are put for the node exporter, where Prometheus answers, and who is alerted."""

    textfiles: Path
    prometheus: str
    receiver: AlertReceiver

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an expression now."""
        answer = requests.get(f"{self.prometheus}/api/v1/query", params={"query": expression}, timeout=10).json()
        assert answer["status"] == "success", answer
        rows: list[dict[str, Any]] = answer["data"]["result"]
        return rows

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Ask until it holds: the next scrape is at most a second away."""
        deadline = time.monotonic() + _SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"never happened: {what}"
            time.sleep(0.1)


@contextmanager
def monitoring(folder: Path, rules: Path) -> Iterator[Monitoring]:
    """All three, with `rules`, for the time of the block."""
    receiver, textfiles = AlertReceiver(), folder / "textfiles"
    textfiles.mkdir()
    exporter, alertmanager, prometheus = _find_ports(3)
    with ExitStack() as stack:
        webhook = stack.enter_context(receiver.listen())
        (folder / "alertmanager.yml").write_text(
            f"""\
route: {{receiver: test, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers: [{{name: test, webhook_configs: [{{url: "{webhook}", send_resolved: true}}]}}]
"""
        )
        (folder / "prometheus.yml").write_text(
            f"""\
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{alertmanager}"]}}]}}]}}
scrape_configs: [{{job_name: node, static_configs: [{{targets: ["127.0.0.1:{exporter}"]}}]}}]
"""
        )
        commands = {
            "prometheus-node-exporter": [
                *(f"--web.listen-address=127.0.0.1:{exporter}", "--collector.disable-defaults", "--collector.uname"),
                *("--collector.textfile", f"--collector.textfile.directory={textfiles}"),
            ],
            "prometheus-alertmanager": [
                *(f"--web.listen-address=127.0.0.1:{alertmanager}", "--cluster.listen-address="),
                *(f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/alertmanager"),
            ],
            "prometheus": [
                *(f"--web.listen-address=127.0.0.1:{prometheus}", f"--config.file={folder}/prometheus.yml"),
                f"--storage.tsdb.path={folder}/prometheus",
            ],
        }
        for name, options in commands.items():
            stack.enter_context(_running([*make_debian_command(name, name), *options], folder / f"{name}.log"))
        found = Monitoring(textfiles, f"http://127.0.0.1:{prometheus}", receiver)
        for address in (found.prometheus, f"http://127.0.0.1:{alertmanager}"):
            found.wait_until(partial(_is_ready, address), f"{address} answers")
        yield found


def _is_ready(address: str) -> bool:
    try:
        return requests.get(f"{address}/-/ready", timeout=5).ok
    except requests.RequestException:
        return False


@contextmanager
def _running(command: list[str], log: Path) -> Iterator[None]:
    with open(log, "wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream, env={**os.environ, "GOMAXPROCS": "1"})
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def _find_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [item.getsockname()[1] for item in sockets]
    for item in sockets:
        item.close()
    return ports
