"""hac-base itself: built, reused, rebuilt by hand, verified, pushed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import tarfile
import threading
import time
from pathlib import Path
from typing import IO, Any

import pytest
from jsonschema import validate

from envtool.image.engine.client import Engine
from envtool.image.spec.labels import CONTEXT_LABEL
from envtool.image.spec.recipe import OWN_FOLDERS
from tests.support.docker_command import ONE_BUILDER, Builder, run
from tests.support.docker_envtool import PROJECT, envtool, in_container

pytestmark = pytest.mark.docker


def test_a_second_build_reuses_everything(engine: Engine, hac_base: str) -> None:
    before = engine.inspect_image(hac_base)["Id"]
    again = envtool("build", "--demo", "--project", PROJECT)
    assert again.status == 0
    assert "everything reused" in again.output
    assert engine.inspect_image(hac_base)["Id"] == before


def test_labels(engine: Engine, hac_base: str) -> None:
    labels: dict[str, str] = engine.inspect_image(hac_base)["Config"]["Labels"]
    prefix = "org.opencontainers.image."
    for key in ("title", "version", "source", "revision", "created", "base.digest"):
        assert labels[prefix + key]
    assert labels["io.hac-envtool.torch.version"] == "1.7.1+cu110.moreh22.8.0"
    assert labels["io.hac-envtool.vendor.release"] == "22.8.0"
    assert labels["io.hac-envtool.stand-in"] == "true"
    assert len(labels["io.hac-envtool.lock"]) == 64


@pytest.mark.parametrize(
    ("name", "builder"),
    [("hac-base", "classic"), ("hac-base", "buildkit"), ("hac-devel", "classic"), ("hac-notebook", "buildkit")],
    indirect=["builder"],
)
def test_a_plain_docker_build_of_the_context_gives_the_same_image(
    engine: Engine, baked: dict[str, Any], builder: Builder, name: str, tmp_path: Path
) -> None:
    """A builder archives layers anew, in its engine's own form, so that digests differ; their files do not."""
    context = PROJECT / ".work/contexts" / name
    command = [builder["DOCKER"], "build", "--no-cache", "--network", "none", "--tag", "hac-test-plain", str(context)]
    done = run(command, **builder)
    assert done.status == 0, done.output
    ours, plain = (_settings(engine, reference) for reference in (name, "hac-test-plain"))
    assert plain == ours
    layers = [_files(path) for path in _saved_layers("hac-test-plain", tmp_path)]
    # BuildKit makes a layer for WORKDIR, though the folder is there; the classic builder makes none.
    layers = [files for files in layers if files]
    own = [_files(path) for path in sorted((context / "layers").iterdir())]
    assert len(own) >= 2
    for number, files in enumerate(own):
        assert layers[len(layers) - len(own) + number] == files, number


def _settings(engine: Engine, reference: str) -> dict[str, Any]:
    """An image's configuration without what builders note for themselves."""
    found = engine.inspect_image(reference)["Config"]
    return {key: value for key, value in found.items() if value and key not in {"Image", "ArgsEscaped"}}


def _saved_layers(reference: str, folder: Path) -> list[Path]:
    archive = folder / "saved.tar"
    assert run(["docker", "save", "--output", str(archive), reference]).status == 0
    with tarfile.open(archive) as saved:
        saved.extraction_filter = getattr(tarfile, "tar_filter", None)
        saved.extractall(folder)
    (manifest,) = json.loads((folder / "manifest.json").read_text())
    return [folder / name for name in manifest["Layers"]]


def _files(layer: Path) -> dict[str, tuple[object, ...]]:
    """What a layer has, but for folders, which a builder lists more of."""
    with tarfile.open(layer) as archive:
        return {
            os.path.normpath(member.name): (
                *(
                    member.mode & 0o7777,
                    member.uid,
                    member.gid,
                    member.mtime,
                    member.linkname if member.issym() else "",
                ),
                # Which of two linked paths is listed as the file does not matter.
                hashlib.sha256(stream.read()).hexdigest() if (stream := _opened(archive, member)) else None,
            )
            for member in archive
            if not member.isdir()
        }


def _opened(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes] | None:
    return None if member.issym() else archive.extractfile(member)


def test_verify(hac_base: str) -> None:
    done = envtool("verify", hac_base, "--project", PROJECT)
    assert done.status == 0, done.output
    assert done.output.count("pass  ") == 13 + 8
    assert "all checks passed" in done.output


@ONE_BUILDER
def test_verify_fails_a_damaged_child(build_child: Any) -> None:
    built = build_child("ENV HAC_GUARD=off PIP_CONSTRAINT=", "RUN pip uninstall --yes torch", tag="hac-test-damaged")
    assert built.status == 0, built.output
    done = envtool("verify", "hac-test-damaged", "--project", PROJECT)
    assert done.status == 1
    for name in ("torch", "doctor", "guard", "20-torch", "30-doctor", "40-constraints"):
        assert f"FAIL  {name}" in done.output
    assert "torch is gone since layer 6, `RUN pip uninstall --yes torch`" in done.output
    assert "pass  60-restore" in done.output


def test_verify_refuses_what_is_no_image_of_ours(docker_services: Any) -> None:
    unknown = envtool("verify", "no-such-image", "--project", PROJECT)
    assert unknown.status == 20
    assert "there is no image" in unknown.output
    foreign = envtool("verify", "hac-test-services", "--project", PROJECT)
    assert foreign.status == 14
    assert "no checks" in foreign.output


def test_what_is_in_it(hac_base: str) -> None:
    listing = in_container(hac_base, "envtool", "list", "torch").output
    assert "torch                     1.7.1+cu110.moreh22.8.0          pypi_0    pypi" in listing
    table = in_container(hac_base, "moreh-smi").output
    for text in ("Moreh-SMI 22.8.0", "KT AI Accelerator", "Small.64GB", "Processes:", "STAND-IN"):
        assert text in table
    constraints = in_container(hac_base, "cat", "/etc/hac/constraints.txt").output
    names = [line.split("==")[0] for line in constraints.splitlines() if not line.startswith("#")]
    assert names == ["torch", "torchvision", "torchaudio"]
    where = in_container(hac_base, "sh", "-c", "readlink -f $(command -v envtool)").output.strip()
    assert not where.startswith("/opt/conda")


@ONE_BUILDER
def test_pushed_to_a_registry_and_built_upon(hac_base: str, registry: str, build_child: Any, engine: Engine) -> None:
    name = f"{registry}/team/hac-base:22.8.0"
    engine.client.api.tag(hac_base, f"{registry}/team/hac-base", "22.8.0")
    pushed = run(["docker", "push", name])
    assert pushed.status == 0, pushed.output
    engine.client.images.remove(name)
    # Neither needs an engine.
    for command in (("verify", "--static"), ("blame",)):
        read = envtool(*command, f"docker://{name}", DOCKER_HOST="unix:///nowhere.sock")
        assert read.status == 0, read.output
    run(["docker", "pull", name])
    built = build_child("RUN pip install einops", base=name, tag="hac-test-from-registry")
    assert built.status == 0, built.output
    assert in_container("hac-test-from-registry", "envtool", "doctor").status == 0
    clobbered = build_child("RUN pip install 'rotary-embedding-torch>=0.9'", base=name, tag="hac-test-never")
    assert clobbered.status != 0
    assert "rotary-embedding-torch" in clobbered.output


def test_the_released_image_is_refused_while_it_is_not_locked() -> None:
    done = envtool("build", "hac-base-22.8.0-py38", "--project", PROJECT)
    assert done.status == 12
    assert "is not locked" in done.output
    assert "envtool lock hac-base-22.8.0-py38" in done.output


class Cable:
    """A socket in front of the engine's that is cut when the engine's answer, or a request, first has a mark in it."""

    def __init__(
        self, path: Path, engine_socket: str, answer: bytes | None = None, request: bytes | None = None
    ) -> None:
        self.engine_socket, self.answer, self.request = engine_socket, answer, request
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.cut = False
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while not self.cut:
            client, _ = self.listener.accept()
            upstream = socket.socket(socket.AF_UNIX)
            upstream.connect(self.engine_socket)
            for source, target, mark in ((client, upstream, self.request), (upstream, client, self.answer)):
                threading.Thread(target=self._pump, args=(source, target, mark), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, mark: bytes | None) -> None:
        try:
            while block := source.recv(65536):
                if mark is not None and mark in block:
                    self.cut = True
                    self.listener.close()
                    break
                target.sendall(block)
        except OSError:
            pass
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def test_engine_gone_in_mid_build(engine: Engine, hac_base: str, tmp_path: Path) -> None:
    if not engine.host.startswith("unix://"):
        pytest.skip("the engine is not reached through a socket file")
    # A label that differs makes the build a real one; nothing else changes.
    before = engine.inspect_image(hac_base)
    cable = tmp_path / "engine.sock"
    # The last that an archive has: all of the layers are there by then.
    Cable(cable, engine.host.removeprefix("unix://"), request=b"manifest.json")
    project = copy_of_the_project(tmp_path)
    done = envtool("build", "--demo", "--project", project, DOCKER_HOST=f"unix://{cable}")
    assert done.status == 13, done.output
    assert "next:" in done.output
    after = engine.inspect_image(hac_base)
    assert after["Id"] == before["Id"]
    assert after["Config"]["Labels"][CONTEXT_LABEL] == before["Config"]["Labels"][CONTEXT_LABEL]


def test_a_stand_in_torch_learns_nothing(hac_base: str) -> None:
    """What a model needs comes from envtool; the image has no network, and this one no torch that computes."""
    done = envtool("verify", hac_base, "--run-model", "resnet")
    assert done.status == 1, done.output
    assert "the model resnet learns" in done.output
    assert "a stand-in, which cannot compute" in done.output
    assert envtool("models", "run", "gpt", "--image", hac_base).status == 23


def copy_of_the_project(folder: Path) -> Path:
    """A checkout with one file of the recipe changed, so that its image is another one."""
    import shutil

    target = folder / "project"
    target.mkdir()
    for name in (*OWN_FOLDERS, "images", "lockfiles"):
        shutil.copytree(PROJECT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "Dockerfile"):
        shutil.copy(PROJECT / name, target)
    if (PROJECT / ".work/lockfiles").is_dir():
        shutil.copytree(PROJECT / ".work/lockfiles", target / ".work/lockfiles")
    (target / "images/hac-base/rootfs/etc").mkdir(exist_ok=True)
    (target / "images/hac-base/rootfs/etc/hac-test").write_text(os.urandom(8).hex())
    return target


def test_signals_reach_the_program(hac_base: str) -> None:
    """The init is the container's first process; `docker stop` ends what it runs at once, with its own answer."""
    script = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(42)); print(1); time.sleep(60)"
    )
    made = run(
        ["docker", "run", "--detach", "--network", "none", hac_base, "python", "-u", "-c", script]
    ).output.strip()
    try:
        for _ in range(100):
            if run(["docker", "logs", made]).output.strip() == "1":
                break
            time.sleep(0.1)
        assert run(["docker", "stop", "--time", "30", made]).status == 0
        state = run(["docker", "inspect", "--format", "{{.State.ExitCode}}", made])
        assert state.output.strip() == "42"
    finally:
        run(["docker", "rm", "--force", made])


def test_build_pushes_by_digest_and_again_the_same(hac_base: str, registry: str, engine: Engine) -> None:
    answers = []
    for _ in range(2):
        command = ("--quiet", "build", "--demo", "--push", f"{registry}/pushed/", "--format", "json")
        built = envtool(*command, "--project", PROJECT)
        assert built.status == 0, built.output
        document = json.loads(built.output)
        validate(document, json.loads((PROJECT / "docs/build.schema.json").read_text()))
        answers.append(document["images"][0])
    assert answers[0] == answers[1]
    reference = answers[0]["pushed"]
    assert reference.startswith(f"{registry}/pushed/hac-base@sha256:")
    read = envtool("--quiet", "blame", reference, "--format", "json", DOCKER_HOST="unix:///nowhere.sock")
    assert json.loads(read.output)["image"]["id"] == engine.inspect_image(hac_base)["Id"]
    assert not [tag for tag in engine.client.images.get(hac_base).tags if "pushed" in tag], "no name is left behind"


def test_a_registry_at_fault_and_an_engine_gone_in_mid_push(
    hac_base: str, registry: str, engine: Engine, tmp_path: Path
) -> None:
    # Port 9: nobody answers. Where a registry answers with an error, the engine itself tries for minutes.
    failed = envtool("build", "--demo", "--push", "127.0.0.1:9/at-fault", "--project", PROJECT)
    assert failed.status == 14, failed.output
    assert failed.output.count("; again in ") == 2
    assert "could not be pushed" in failed.output
    if engine.host.startswith("unix://"):
        cable = tmp_path / "engine.sock"
        Cable(cable, engine.host.removeprefix("unix://"), b'"Preparing"')
        name = f"{registry}/cut/{os.urandom(4).hex()}"
        cut = envtool("build", "--demo", "--push", name, "--project", PROJECT, DOCKER_HOST=f"unix://{cable}")
        assert cut.status == 13, cut.output
        assert "next:" in cut.output
        again = envtool("build", "--demo", "--push", name, "--project", PROJECT)
        assert again.status == 0, again.output
    assert not [tag for tag in engine.client.images.get(hac_base).tags if "at-fault" in tag]
