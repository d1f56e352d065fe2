"""`envtool doctor --image` and `--container`: real images and containers, looked into without being run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from envtool.image.engine.client import Engine
from tests.support.docker_command import ONE_BUILDER
from tests.support.docker_envtool import BuildChild, envtool

pytestmark = pytest.mark.docker


def doctor(*arguments: str) -> dict[str, Any]:
    done = envtool("--quiet", "doctor", "--format", "json", *arguments)
    document: dict[str, Any] = json.loads(done.output)
    assert (document["status"] == "healthy") == (done.status == 0)
    return document


def containers_of_doctor(engine: Engine, image: str) -> list[Any]:
    """Those that doctor made to look into an image; another process may be looking into others meanwhile."""
    filters: dict[str, str | list[str] | bool] = {"label": "hac.envtool.process", "ancestor": image}
    return list(engine.client.containers.list(all=True, filters=filters, ignore_removed=True))


def test_the_image_itself_is_healthy(hac_base: str, engine: Engine) -> None:
    for arguments in ([], ["--deep"], ["--prefix", "/opt/conda/envs/pytorch", "--strict"]):
        document = doctor("--image", hac_base, *arguments)
        assert document["findings"] == []
        assert document["environment"]["prefix"] == "/opt/conda/envs/pytorch"
        assert (document["environment"]["location"], document["environment"]["reference"]) == ("image", hac_base)
    assert containers_of_doctor(engine, hac_base) == []


@ONE_BUILDER
def test_a_clobbered_child_is_named_and_the_remedy_mends_it(build_child: BuildChild, tmp_path: Path) -> None:
    built = build_child(
        "ENV HAC_GUARD=warn PIP_CONSTRAINT= UV_CONSTRAINT=", "RUN pip install torch==2.13.0", tag="hac-test-x"
    )
    assert built.status == 0, built.output
    document = doctor("--image", "hac-test-x")
    finding = document["findings"][0]
    assert (finding["id"], finding["evidence"][0]["found"]) == ("torch-replaced", "2.13.0")
    assert finding["evidence"][0]["file"].startswith("/opt/conda/envs/pytorch/lib/")
    assert {item["id"] for item in document["findings"]} >= {"torch-replaced", "constraints-off"}
    _mend_an_archive(tmp_path / "with a blank.tar")
    subprocess.run(finding["remedy"], shell=True, check=True, capture_output=True, env=_host())
    assert doctor("--image", "hac-test-x", "--deep", "--ignore", "constraints-off")["findings"] == []


def _mend_an_archive(path: Path) -> None:
    """What verify says of an image in a file can be run as well."""
    subprocess.run(["docker", "save", "--output", path, "hac-test-x"], check=True)
    verified = json.loads(envtool("verify", "--static", "--format", "json", path).output)
    said = next(check["output"] for check in verified["images"][0]["checks"] if check["name"] == "doctor")
    command = next(line.partition("base=")[1:] for line in said.splitlines() if "docker load" in line)
    subprocess.run("".join(command), shell=True, check=True, capture_output=True, env=_host())
    try:
        assert doctor("--image", "mended", "--deep", "--ignore", "constraints-off")["findings"] == []
    finally:
        subprocess.run(["docker", "rmi", "--force", "mended"], check=True, capture_output=True)


def _host() -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "DOCKER_HOST": os.environ["DOCKER_HOST"],
        "DOCKER_BUILDKIT": "0",
        "HOME": os.environ.get("HOME", "/"),
    }


@pytest.mark.parametrize("running", [True, False])
def test_a_container(hac_base: str, engine: Engine, running: bool) -> None:
    """What is changed in a container, and in no image, is seen while it runs and after it stopped."""
    path = "/opt/conda/envs/pytorch/lib/python3.11/site-packages/torch/version.py"
    command = f"rm {path}; sleep {600 if running else 0}"
    container = engine.client.containers.run(hac_base, ["sh", "-c", command], detach=True, labels=["hac-test"])
    try:
        if running:
            while container.exec_run(
                ["sh", "-c", "test ! -e $CONDA_PREFIX/lib/python3.11/site-packages/torch/version.py"]
            )[0]:
                pass
        else:
            container.wait()
        name = str(container.id)
        document = doctor("--container", name)
        assert [item["id"] for item in document["findings"]] == ["torch-files-missing"]
        remedy = document["findings"][0]["remedy"]
        assert remedy == f"docker start {name} && docker exec {name} update-moreh --force"
        if running:
            subprocess.run(remedy, shell=True, check=True, capture_output=True, env=_host())
            assert doctor("--container", name, "--deep")["findings"] == []
    finally:
        container.remove(force=True)


def test_an_image_of_another_make(hac_base: str, engine: Engine, tmp_path: Path) -> None:
    """No conda, no variables: the system's Python is found by PATH, and has no vendor torch."""
    base = engine.client.images.list(name="hac-bootstrap")[0].tags[0]
    done = envtool("doctor", "--image", base)
    assert done.status in {1, 4}
    assert "no vendor torch" in done.output or "no python on PATH" in done.output
    assert containers_of_doctor(engine, base) == []


def test_what_the_engine_does_not_have(engine: Engine) -> None:
    missing = envtool("doctor", "--image", "hac-no-such-image")
    assert missing.status == 13
    assert "the engine has no image hac-no-such-image" in missing.output
    missing = envtool("doctor", "--container", "hac-no-such-container")
    assert missing.status == 13
    assert "docker ps --all" in missing.output


def test_a_container_that_a_killed_doctor_left_is_removed_by_the_next(hac_base: str, engine: Engine) -> None:
    with subprocess.Popen([sys.executable, "-m", "envtool", "doctor", "--image", hac_base], env=_host()) as process:
        end = time.monotonic() + 60
        while not (made := containers_of_doctor(engine, hac_base)):
            assert time.monotonic() < end
            time.sleep(0.01)
        process.kill()
    (left,) = made
    assert doctor("--image", hac_base)["findings"] == []
    assert left.id not in [container.id for container in containers_of_doctor(engine, hac_base)]
