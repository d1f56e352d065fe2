"""Many images of a registry in one call, against reading each by itself: time, and memory."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import tarfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import requests

from benchmarks.commands import run_command
from benchmarks.environments import TOOLS
from benchmarks.timing import make_peak_row, make_ratio_row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.report import Report
    from benchmarks.workplace import Workplace

_PORT, _COUNT, _ALONE = 5991, 100, 3
_ADDRESS = f"127.0.0.1:{_PORT}"
_SETTINGS = """version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: {address}}}
log: {{level: error}}
"""


def measure(workplace: Workplace, report: Report) -> None:
    """`verify --static` and `blame` of a hundred children of hac-base, which share its layers."""
    run_command([TOOLS / "envtool", "build", "--demo", "--project", workplace.project])
    with _serve_registry(workplace.folder / "registry"):
        _push_children()
        for what in (["verify", "--static"], ["blame"]):
            with report.attempt(f"{what[0]}, {_COUNT} images of a registry"):
                _measure(what, report)


def _measure(words: list[str], report: Report) -> None:
    command: list[str | Path] = [TOOLS / "envtool", *words]
    title = f"{' '.join(words)}, {_COUNT} images of a registry"
    together = _time([*command, f"docker://{_ADDRESS}/team/*"])
    alone = [_time([*command, f"docker://{_ADDRESS}/team/child-{number}"]) for number in range(_ALONE)]
    each = f"each by itself, {_COUNT}/{_ALONE} of {_ALONE}"
    report.add([make_ratio_row(title, [together], each, [sum(alone) / _ALONE * _COUNT], 0.5)])
    report.add([make_peak_row(f"{title}, peak memory", [*command, f"docker://{_ADDRESS}/team/*"], 200.0, (0, 1))])


def _time(command: list[str | Path]) -> float:
    start = time.perf_counter()
    run_command(command, statuses=(0, 1))
    return time.perf_counter() - start


@contextmanager
def _serve_registry(folder: Path) -> Iterator[None]:
    """Debian's docker-registry, on loopback, until the end of the block."""
    folder.mkdir()
    settings = folder / "settings.yml"
    settings.write_text(_SETTINGS.format(folder=folder / "data", address=_ADDRESS))
    with subprocess.Popen(["docker-registry", "serve", settings], stdout=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + 30
            while not _answers():
                if time.monotonic() > deadline or server.poll() is not None:
                    raise RuntimeError("docker-registry does not answer; apt-get install docker-registry")
                time.sleep(0.1)
            yield
        finally:
            server.terminate()


def _answers() -> bool:
    try:
        return requests.get(f"http://{_ADDRESS}/v2/", timeout=2).ok
    except requests.RequestException:
        return False


def _push_children() -> None:
    """hac-base by the engine, and children of it with a small layer each, made of its manifest."""
    name = f"{_ADDRESS}/base/hac-base"
    run_command(["docker", "tag", "hac-base", name])
    run_command(["docker", "push", name])
    run_command(["docker", "rmi", name])
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    manifest: dict[str, Any] = _get("base/hac-base", "manifests/latest", kind).json()
    configuration = _get("base/hac-base", f"blobs/{manifest['config']['digest']}").json()
    for number in range(_COUNT):
        repository = f"team/child-{number}"
        for layer in manifest["layers"]:
            mount = {"mount": layer["digest"], "from": "base/hac-base"}
            requests.post(
                f"http://{_ADDRESS}/v2/{repository}/blobs/uploads/", params=mount, timeout=60
            ).raise_for_status()
        layer = _make_layer(number)
        child = {
            **configuration,
            "rootfs": {"type": "layers", "diff_ids": [*configuration["rootfs"]["diff_ids"], _digest(layer)]},
            "history": [*configuration["history"], {"created_by": f"COPY model-{number} /srv # buildkit"}],
        }
        data = json.dumps(child).encode()
        rows = [
            *manifest["layers"],
            {"mediaType": manifest["layers"][0]["mediaType"], **_push(repository, gzip.compress(layer, mtime=0))},
        ]
        made = {**manifest, "config": {**manifest["config"], **_push(repository, data)}, "layers": rows}
        address = f"http://{_ADDRESS}/v2/{repository}/manifests/latest"
        requests.put(address, json.dumps(made), headers={"Content-Type": kind}, timeout=60).raise_for_status()


def _make_layer(number: int) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        content = f"{number}\n".encode() * 100_000
        member = tarfile.TarInfo(f"srv/model-{number}")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def _get(repository: str, path: str, kind: str = "*/*") -> requests.Response:
    answer = requests.get(f"http://{_ADDRESS}/v2/{repository}/{path}", headers={"Accept": kind}, timeout=60)
    answer.raise_for_status()
    return answer


def _push(repository: str, data: bytes) -> dict[str, Any]:
    begun = requests.post(f"http://{_ADDRESS}/v2/{repository}/blobs/uploads/", timeout=60)
    begun.raise_for_status()
    address = requests.compat.urljoin(f"http://{_ADDRESS}/", begun.headers["Location"])
    joined = f"{address}{'&' if '?' in address else '?'}digest={_digest(data)}"
    requests.put(joined, data, headers={"Content-Type": "application/octet-stream"}, timeout=60).raise_for_status()
    return {"digest": _digest(data), "size": len(data)}


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
