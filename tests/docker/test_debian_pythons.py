"""Debian's own Pythons, 3.9 of bullseye and 3.13 of trixie: environments made in bootstrapped roots by their own pips.

An environment lies in a folder that the container shares with this machine, under the same path in both. So Debian's
pip damages it, envtool mends it from outside, and Debian's Python tells whether it is whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from envtool.demo.bootstrap import bootstrap
from envtool.demo.python_index import make_upstream_torch
from envtool.demo.vendor_release import TORCH_VERSION, write_release
from envtool.demo.wheel_writer import write_wheel
from envtool.image.engine.client import Engine
from tests.support.distributions import package
from tests.support.docker_command import Ran, run
from tests.support.docker_envtool import envtool

pytestmark = pytest.mark.docker

_PYTHONS = {"bullseye": (3, 9), "trixie": (3, 13)}
_EPOCH = 1_661_990_400


@dataclass(frozen=True)
class DebianEnvironment:
    """A virtual environment in a folder that is shared with a running container, and an image that has it too."""

    python: str
    prefix: Path
    wheels: Path
    store: Path
    container: str
    image: str

    def run(self, *arguments: str) -> Ran:
        """Run the environment's interpreter, in the container; it must succeed."""
        return succeed("docker", "exec", self.container, f"{self.prefix}/bin/python", *arguments)

    def pip_install(self, *arguments: str) -> Ran:
        """Run the environment's own pip, in the container."""
        return self.run("-m", "pip", "install", "--quiet", "--no-index", f"--find-links={self.wheels}", *arguments)

    def envtool(self, *arguments: str) -> Ran:
        """Run envtool on this machine."""
        return envtool("--quiet", *arguments, HAC_STORE=str(self.store), CONDA_PREFIX="", VIRTUAL_ENV="")

    def doctor(self, *arguments: str) -> dict[str, Any]:
        """What doctor says, by default of the shared folder."""
        where = arguments or ("--prefix", str(self.prefix), "--deep")
        done = self.envtool("doctor", "--format", "json", *where)
        document: dict[str, Any] = json.loads(done.output)
        assert (document["status"] == "healthy") == (done.status == 0)
        return document


def succeed(*command: str | Path) -> Ran:
    done = run(command)
    assert done.status == 0, done.output
    return done


@pytest.fixture(scope="module")
def bootstrapped(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The images of the bootstrapped roots, by suite; made once for each engine, at the same time."""
    images = {suite: f"hac-test-debian:{suite}" for suite in _PYTHONS}
    missing = [suite for suite, image in images.items() if not engine.inspect_image(image)]

    def make(suite: str) -> None:
        folder = tmp_path_factory.mktemp(suite)
        made = bootstrap(suite, ["python3-venv"], [], _EPOCH, folder)
        succeed("docker", "import", "--change", "ENV PATH=/usr/bin:/bin", made.tar, images[suite])
        made.tar.unlink()

    with ThreadPoolExecutor() as pool:
        list(pool.map(make, missing))
    return images


@pytest.fixture(scope="module", params=_PYTHONS)
def debian(
    request: pytest.FixtureRequest, bootstrapped: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DebianEnvironment]:
    """An environment with the stand-in vendor release, installed by Debian's pip and pinned by envtool."""
    suite: str = request.param
    folder = tmp_path_factory.mktemp(f"shared-{suite}")
    write_release(folder / "wheels", _PYTHONS[suite])
    for content in (make_upstream_torch(), package("wants-newer", "1.0", ["torch>=2.0"])):
        write_wheel(content, folder / "wheels")
    version = ".".join(str(part) for part in _PYTHONS[suite])
    image = f"hac-test-debian-environment:{suite}"
    options = [
        "--rm",
        "--detach",
        "--network=none",
        f"--user={os.getuid()}:{os.getgid()}",
        f"--volume={folder}:{folder}",
    ]
    container = succeed("docker", "run", *options, bootstrapped[suite], "sleep", "600").output.strip()
    made = DebianEnvironment(version, folder / "venv", folder / "wheels", folder / "store", container, image)
    try:
        succeed("docker", "exec", container, "python3", "-m", "venv", made.prefix)
        made.pip_install(f"torch=={TORCH_VERSION}", "torchvision", "torchaudio")
        pinned = made.envtool("restore", "--prefix", str(made.prefix), "--vendor", str(made.wheels))
        assert "nothing to do" in pinned.output
        _build_image(made, bootstrapped[suite])
        yield made
    finally:
        run(["docker", "rm", "--force", container])
        run(["docker", "rmi", "--force", image])


def _build_image(made: DebianEnvironment, base: str) -> None:
    """An image with the environment and the wheels under the paths that they have here."""
    folder = made.prefix.parent
    lines = [f"FROM {base}", f"COPY venv {made.prefix}", f"COPY wheels {made.wheels}"]
    lines += [f"ENV PATH={made.prefix}/bin:/usr/bin:/bin"]
    (folder / "Dockerfile").write_text("\n".join(lines))
    done = run(["docker", "build", "--quiet", "--tag", made.image, folder], DOCKER_BUILDKIT="0")
    assert done.status == 0, done.output


def test_an_image_is_healthy_and_a_container_that_pip_ran_in_is_not(debian: DebianEnvironment) -> None:
    document = debian.doctor("--image", debian.image)
    assert document["findings"] == []
    place = document["environment"]
    assert (place["location"], place["kind"], place["python"]) == ("image", "venv", debian.python)
    assert place["prefix"] == str(debian.prefix)

    name = f"{debian.image.replace(':', '-')}-clobbered"
    try:
        command = ("pip", "install", "--no-index", f"--find-links={debian.wheels}", "wants-newer")
        succeed("docker", "run", f"--name={name}", "--network=none", debian.image, *command)
        document = debian.doctor("--container", name)
    finally:
        run(["docker", "rm", "--force", name])
    _require_replaced(document)


def test_an_image_without_a_vendor_torch(bootstrapped: dict[str, str]) -> None:
    """Debian's own Python is what PATH leads to, and it has none."""
    for image in bootstrapped.values():
        done = envtool("--quiet", "doctor", "--image", image)
        assert done.status == 1
        assert "[no-vendor-torch]" in done.output
        assert "environment /usr in the image" in done.output


def test_what_its_pip_clobbers_restore_puts_back(debian: DebianEnvironment) -> None:
    assert debian.doctor()["findings"] == []
    debian.pip_install("wants-newer")
    assert debian.run("-c", "import torch; print(torch.__version__)").output == "2.13.0\n"
    _require_replaced(debian.doctor())

    restored = debian.envtool("restore", "--prefix", str(debian.prefix))
    assert restored.status == 0, restored.output
    assert debian.doctor()["status"] == "healthy"
    shown = debian.run("-c", "import platform, torch; print(platform.python_version(), torch.version.moreh)").output
    assert shown.startswith(f"{debian.python}.")
    assert shown.endswith(" 22.8.0\n")
    debian.run("-m", "pip", "uninstall", "--quiet", "--yes", "wants-newer")
    assert "No broken requirements" in debian.run("-m", "pip", "check").output


def _require_replaced(document: dict[str, Any]) -> None:
    finding = next(item for item in document["findings"] if item["severity"] == "error")
    assert (finding["id"], finding["evidence"][0]["found"]) == ("torch-replaced", "2.13.0")
    assert "because wants-newer 1.0 requires torch>=2.0" in finding["cause"]
