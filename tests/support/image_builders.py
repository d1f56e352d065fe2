"""What builds images: Docker's builders, buildah and podman, each driven as a person drives it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.support.docker_command import Builder, Ran, run

# What the images' ENTRYPOINT is; `buildah run` starts a command without it.
_ENTRYPOINT = ("/opt/hac/envtool/bin/tini", "-s", "--", "/opt/hac/bin/hac-start")


class ImageBuilder(Protocol):
    """One program that builds, with a store of images."""

    @property
    def base(self) -> str:
        """What a Dockerfile calls the image that was loaded."""

    def load(self, archive: Path) -> None:
        """Take the one image of a `docker save` archive into the store."""

    def build(self, context: Path, lines: list[str], tag: str) -> Ran:
        """Build a Dockerfile of these lines."""

    def start(self, tag: str, *command: str) -> Ran:
        """Run a command in a container behind the image's entry point."""

    def save(self, tag: str, folder: Path) -> str:
        """Write the image into a folder; what `envtool verify` calls it then."""

    def remove(self, tag: str) -> None:
        """Forget an image."""


@dataclass(frozen=True)
class DockerBuilder:
    """A docker command with one of its builders."""

    variables: Builder
    base: str

    def load(self, archive: Path) -> None:
        _check(self._run("load", "--input", str(archive)))

    def build(self, context: Path, lines: list[str], tag: str) -> Ran:
        with _dockerfile(lines) as path:
            return self._run("build", "--network", "none", "--tag", tag, "--file", str(path), str(context))

    def start(self, tag: str, *command: str) -> Ran:
        return self._run("run", "--rm", "--network", "none", tag, *command)

    def save(self, tag: str, folder: Path) -> str:
        _check(self._run("save", "--output", str(folder / "image.tar"), tag))
        return str(folder / "image.tar")

    def remove(self, tag: str) -> None:
        self._run("rmi", "--force", tag)

    def _run(self, *words: str) -> Ran:
        return run([self.variables["DOCKER"], *words], **self.variables)


@dataclass(frozen=True)
class ContainersBuilder:
    """buildah or podman with a store of its own below `folder`, without a daemon: RUN is a chroot.

    `driver` is the store's: `overlay` where the file system allows it, else `vfs`, which copies whole file systems.
    """

    program: str
    folder: Path
    base: str = "localhost/hac-matrix-base"
    driver: str = "overlay"

    def load(self, archive: Path) -> None:
        pulled = self._run("buildah", "pull", "--quiet", f"docker-archive:{archive}")
        _check(pulled)
        _check(self._run("buildah", "tag", pulled.output.split()[-1], self.base))

    def build(self, context: Path, lines: list[str], tag: str) -> Ran:
        with _dockerfile(lines) as path:
            never = "--pull-never" if self.program == "buildah" else "--pull=never"
            words = ["build", "--isolation", "chroot", "--network", "host", never]
            return self._run(self.program, *words, "--tag", tag, "--file", str(path), str(context))

    def start(self, tag: str, *command: str) -> Ran:
        made = self._run("buildah", "from", "--pull-never", f"localhost/{tag}")
        _check(made)
        container = made.output.split()[-1]
        words = ("run", "--isolation", "chroot", container, "--", *_ENTRYPOINT, *command)
        ran = self._run("buildah", *words)
        if (ran.status, ran.output) == (0, ""):
            # What a program printed may be lost on a loaded machine: buildah ends before it has passed it on.
            ran = self._run("buildah", *words)
        self._run("buildah", "rm", container)
        return ran

    def save(self, tag: str, folder: Path) -> str:
        _check(
            self._run("buildah", "push", "--quiet", "--disable-compression", f"localhost/{tag}", f"oci:{folder}/image")
        )
        return str(folder / "image")

    def remove(self, tag: str) -> None:
        self._run("buildah", "rmi", "--force", f"localhost/{tag}")

    def _run(self, program: str, *words: str) -> Ran:
        settings = self.folder / "settings"
        if not settings.exists():
            settings.mkdir(parents=True)
            (settings / "policy.json").write_text(json.dumps({"default": [{"type": "insecureAcceptAnything"}]}))
            (settings / "registries.conf").write_text("unqualified-search-registries = []\n")
            (settings / "storage.conf").write_text(
                f'[storage]\ndriver = "{self.driver}"\n'
                f'runroot = "{self.folder}/state"\ngraphroot = "{self.folder}/store"\n'
            )
        variables = {
            "CONTAINERS_REGISTRIES_CONF": str(settings / "registries.conf"),
            "CONTAINERS_STORAGE_CONF": str(settings / "storage.conf"),
            "STORAGE_DRIVER": self.driver,
            "BUILDAH_ISOLATION": "chroot",
            "TMPDIR": str(self.folder),
        }
        place = ["--root", f"{self.folder}/store", "--runroot", f"{self.folder}/state", "--storage-driver", self.driver]
        policy = ["--signature-policy", str(settings / "policy.json")] if words[0] in _WITH_POLICY else []
        return run([program, *place, words[0], *policy, *words[1:]], **variables)


_WITH_POLICY = {"pull", "push", "from", "build"}


@contextmanager
def _dockerfile(lines: list[str]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "Dockerfile"
        path.write_text("\n".join([*lines, ""]))
        yield path


def _check(ran: Ran) -> None:
    assert ran.status == 0, ran.output
