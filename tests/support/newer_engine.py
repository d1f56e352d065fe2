"""Debian 13's Docker Engine beside this machine's: unpacked, not installed, with data and a bridge of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from envtool.demo.private_engine import PrivateEngine
from tests.support.docker_command import Builder
from tests.support.own_bridge import own_bridge

_SUITE, _PACKAGES = "trixie", ("docker.io", "docker-cli", "docker-buildx")
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_BRIDGE, _ADDRESS = "hac-test0", "172.31.254.1/24"


def unpack_packages(folder: Path) -> Path:
    """Fetch Debian 13's packages through apt's own signed indexes, and unpack them; the folder that stands for `/`."""
    root, lists, debs = folder / "root", folder / "lists", folder / "debs"
    if (root / "usr/sbin/dockerd").exists():
        return root
    for path in (root, lists / "partial", debs / "partial"):
        path.mkdir(parents=True, exist_ok=True)
    source = folder / "sources.list"
    source.write_text(f"deb [signed-by={_KEYRING}] http://deb.debian.org/debian {_SUITE} main\n")
    settings = {
        "Dir::Etc::sourcelist": source,
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": lists,
        "Dir::Cache": folder / "cache",
        "Dir::Cache::archives": debs,
        "Acquire::Languages": "none",
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    (folder / "cache").mkdir(exist_ok=True)
    subprocess.run(["apt-get", *options, "-qq", "update"], check=True)
    subprocess.run(["apt-get", *options, "-qq", "download", *_PACKAGES], check=True, cwd=debs)
    for path in sorted(debs.glob("*.deb")):
        subprocess.run(["dpkg-deb", "--extract", path, root], check=True)
    return root


@contextmanager
def newer_engine(folder: Path) -> Iterator[Builder]:
    """The engine, started; what to run its docker command with. Needs root. containerd and runc are the machine's."""
    root = unpack_packages(folder / "packages")
    configuration = folder / "configuration"
    plugins = configuration / "cli-plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        (plugins / "docker-buildx").symlink_to(root / "usr/libexec/docker/cli-plugins/docker-buildx")
    engine = PrivateEngine(folder / "engine")
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{root}/usr/sbin:{root}/usr/bin:{path}"
    with own_bridge(_BRIDGE, _ADDRESS) as options:
        try:
            engine.start(options)
            yield {
                "DOCKER": f"{root}/usr/bin/docker",
                "DOCKER_HOST": engine.host,
                "DOCKER_CONFIG": str(configuration),
                "DOCKER_BUILDKIT": "1",
                "BUILDKIT_PROGRESS": "plain",
            }
        finally:
            engine.remove()
            os.environ["PATH"] = path
