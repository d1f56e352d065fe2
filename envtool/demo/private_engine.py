"""Starts and stops a Docker Engine of the project's own, where no other answers.

One folder holds all of it: data root, state, socket, pid file, log. No other engine is ever touched.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from envtool.demo.bootstrap import CHECK_DEBIAN
from envtool.errors import EngineError, SetupError
from envtool.image.engine.client import DEFAULT_SOCKET, PRIVATE_SOCKET, connect
from envtool.image.run_program import quote_output, run
from envtool.language import tell

# What the engine, the bootstrapped base and the Docker tests need of the distribution.
PACKAGES = ("docker.io", "iptables", "mmdebstrap")
# strace breaks a restore at each of its system calls; buildah builds without the images' SHELL.
TEST_PACKAGES = ("buildah", "docker-compose", "docker-registry", "strace", "faketime")
# Seconds to wait for the engine to answer, and for its processes to end.
_START_SECONDS, _STOP_SECONDS = 60, 20


@dataclass(frozen=True)
class PrivateEngine:
    """The engine of one checkout; `folder` holds all of it."""

    folder: Path

    @classmethod
    def of(cls, project: Path) -> PrivateEngine:
        """The engine of the checkout at `project`."""
        return cls((project / PRIVATE_SOCKET).absolute().parent)

    @property
    def host(self) -> str:
        """What `DOCKER_HOST` must be to reach it."""
        return f"unix://{self.folder / PRIVATE_SOCKET.name}"

    @property
    def _pid_file(self) -> Path:
        return self.folder / "docker.pid"

    def start(self, options: Sequence[str] = ()) -> None:
        """Start the engine and wait until it answers; whatever a killed run left behind is cleared away first.

        `options` are passed on to dockerd.
        Raises `EngineError` with the end of its log where it does not come up.
        """
        if connect(self.host) is not None:
            return
        self._clear_state()
        self.folder.mkdir(parents=True, exist_ok=True)
        command = ["dockerd", "--data-root", str(self.folder / "data"), "--exec-root", str(self.folder / "state")]
        # Experimental for `docker build --squash`, whose images are to be read as well.
        command += ["--host", self.host, "--pidfile", str(self._pid_file), "--experimental", *options]
        log = self.folder / "dockerd.log"
        with open(log, "wb") as stream:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True
            )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            if connect(self.host) is not None:
                return
            time.sleep(0.2)
        lines = log.read_text(errors="replace").splitlines()[-5:]
        self.stop()
        raise EngineError(
            tell("the private Docker Engine did not start"),
            why="\n        ".join(lines),
            remedy=tell("read {log}", log=log),
        )

    def stop(self) -> bool:
        """End the engine and every process of it; returns whether one was running. Images and containers stay."""
        processes = list(self._processes())
        for identity in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(identity, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < deadline and any(True for _ in self._processes()):
            time.sleep(0.1)
        self._clear_state()
        return bool(processes)

    def remove(self) -> None:
        """Stop the engine and delete everything of it, images included."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _processes(self) -> Iterator[int]:
        """The engine's own processes: those with one of its folders on their command line."""
        marks = [str(self.folder / name).encode() for name in ("data", "state", "docker.pid")]
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = path.read_bytes()
                program = words.split(b"\0", 1)[0].rsplit(b"/", 1)[-1]
                if program.startswith((b"dockerd", b"containerd", b"docker-proxy")) and any(m in words for m in marks):
                    yield int(path.parent.name)

    def _clear_state(self) -> None:
        """Take away what a killed engine leaves: processes, mounts, socket, pid file, containerd's state."""
        for identity in list(self._processes()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(identity, signal.SIGKILL)
        mounts = [line.split(" ")[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in reversed(mounts):
            if mount.startswith(f"{self.folder}/"):
                subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)
        for path in (self._pid_file, self.folder / PRIVATE_SOCKET.name):
            path.unlink(missing_ok=True)
        shutil.rmtree(self.folder / "state", ignore_errors=True)


def ensure_engine(project: Path, say: Callable[[str], None], *, for_tests: bool = False) -> str:
    """The address of an engine that answers; a private one is installed and started where none does.

    Raises `EngineError` where `DOCKER_HOST` names one that does not answer, `SetupError` where one cannot be
    installed here.
    """
    packages = [*PACKAGES, *(TEST_PACKAGES if for_tests else ())]
    named = os.environ.get("DOCKER_HOST")
    if named and connect(named) is None:
        raise EngineError(
            tell("no engine answers at DOCKER_HOST={host}", host=named),
            remedy=tell("start it, or: unset DOCKER_HOST"),
        )
    host = named or _find_default_host()
    if host is not None:
        # mmdebstrap is needed with any engine.
        _install([name for name in packages if name not in ("docker.io", "iptables")], say, required=False)
        return host
    private = PrivateEngine.of(project)
    if connect(private.host) is not None:
        # `make demo` may have started it, with fewer packages than `make test` needs.
        _install(packages, say, required=False)
    else:
        _install(packages, say, required=True)
        host = _find_default_host()
        if host is not None:
            # Installing it started the machine's own engine, as distributions do where an init system runs.
            return host
        say(tell("starting a private Docker Engine; all of it is in {folder}", folder=private.folder))
        private.start()
    return private.host


def _find_default_host() -> str | None:
    host = f"unix://{DEFAULT_SOCKET}"
    return host if connect(host) is not None else None


_PROGRAMS = {"docker.io": "dockerd", "iptables": "iptables"}


def _install(packages: Sequence[str], say: Callable[[str], None], *, required: bool) -> None:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [name for name in packages if shutil.which(_PROGRAMS.get(name, name), path=path) is None]
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        if not required:
            return
        raise SetupError(
            tell("no Docker Engine answers, and none can be installed here"),
            why=tell("that is done on Debian and Ubuntu, as root"),
            remedy=tell("start an engine and set DOCKER_HOST, then run the command again"),
        )
    say(tell("installing {names}", names=", ".join(missing)))
    failure = partial(quote_output, kind=SetupError, remedy=CHECK_DEBIAN)
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *missing]):
        run(["apt-get", *command], environment={"DEBIAN_FRONTEND": "noninteractive"}, failure=failure)
