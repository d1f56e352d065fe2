"""A real root with musl, laid out as Alpine's is: Debian's own musl and busybox, without a file of glibc's."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from envtool.errors import BuildError
from envtool.image.inputs.base_layers import BASE_SELECTOR, require_glibc
from envtool.image.read.reference import read_image
from tests.support.docker_command import run
from tests.support.docker_envtool import PROJECT, envtool, in_container

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(shutil.which("apt-get") is None, reason="musl comes from Debian's packages"),
]

_PACKAGES = ("musl", "busybox-static")
_ACCOUNTS = {"etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "etc/group": "root:x:0:\n"}
_ENVIRONMENT = "/opt/conda/envs/pytorch"


@pytest.fixture(scope="module")
def musl_base(engine_address: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The root as an image."""
    folder = tmp_path_factory.mktemp("musl")
    root, debs = folder / "root", folder / "debs"
    debs.mkdir()
    subprocess.run(["apt-get", "-qq", "download", *_PACKAGES], check=True, cwd=debs, capture_output=True)
    for path in sorted(debs.glob("*.deb")):
        subprocess.run(["dpkg-deb", "--extract", path, root], check=True)
    shutil.rmtree(root / "usr/share", ignore_errors=True)
    for name, text in _ACCOUNTS.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    assert list(root.glob("lib/ld-musl-*.so.1")), "what a program asks for that was linked against musl"
    for name in ("sh", "ls", "cat", "test", "env", "touch", "rm", "grep"):
        (root / "bin" / name).symlink_to("busybox")
    archive = folder / "root.tar"
    with tarfile.open(archive, "w") as target:
        target.add(root, "")
    made = run(["docker", "import", "--change", "ENV PATH=/usr/bin:/bin", archive, "hac-test-musl"])
    assert made.status == 0, made.output
    yield "hac-test-musl"
    run(["docker", "rmi", "--force", "hac-test-musl", "hac-test-musl-child"])


def test_it_is_refused_as_a_base(musl_base: str) -> None:
    layers = read_image(f"docker-daemon:{musl_base}", BASE_SELECTOR, project=PROJECT).layers
    with pytest.raises(BuildError, match="musl"):
        require_glibc(layers)


def test_the_refusal_is_right_and_an_environment_there_is_not_called_whole(
    musl_base: str, hac_base: str, tmp_path: Path
) -> None:
    """The environment copied onto it: its Python finds no loader, whatever is in place."""
    lines = [f"FROM {musl_base}", f"COPY --from={hac_base} /opt /opt", f"COPY --from={hac_base} /etc/hac /etc/hac"]
    lines += [f"ENV PATH={_ENVIRONMENT}/bin:/usr/bin:/bin"]
    (tmp_path / "Dockerfile").write_text("\n".join([*lines, ""]))
    made = run(["docker", "build", "--quiet", "--tag", "hac-test-musl-child", tmp_path], DOCKER_BUILDKIT="0")
    assert made.status == 0, made.output
    started = in_container("hac-test-musl-child", f"{_ENVIRONMENT}/bin/python3.11", "-c", "import torch")
    assert started.status != 0
    # busybox is a shell of another kind, and the guard passes a command's own status on there as well. Where that is 0,
    # it has nothing to look with, and stops rather than let a torch pass that cannot start.
    script = "; ".join(f"/opt/hac/bin/hac-shell -c 'exit {status}' 2>&1; echo $?" for status in (7, 0))
    said = in_container("hac-test-musl-child", "sh", "-c", script).output.splitlines()
    assert (said[0], said[-1]) == ("7", "97")
    assert any("take a base with glibc" in line for line in said), said
    goes_on = in_container("hac-test-musl-child", "sh", "-c", "HAC_GUARD=warn /opt/hac/bin/hac-shell -c 'exit 0'")
    assert goes_on.status == 0
    verified = envtool("verify", "--static", "docker-daemon:hac-test-musl-child")
    assert verified.status == 1, verified.output
    assert "musl" in verified.output
