"""hac-devel and hac-notebook: built in order, verified, run as the user, made by BuildKit from the bake file."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate

from envtool.image.engine.client import Engine
from tests.docker.test_image import copy_of_the_project
from tests.support.docker_command import ONE_BUILDER, Ran, find_builders, run
from tests.support.docker_envtool import PROJECT, envtool, in_container

pytestmark = pytest.mark.docker

CHILDREN = ("hac-devel", "hac-notebook")
IMAGES = ("hac-base", *CHILDREN)
# How a platform may start a container: with a number that no account knows, in group 0, and with nothing to write to
# but /tmp. There is `exec` for what compiles an extension in /tmp and imports it.
STARTS = {
    "its-own-user": (),
    "any-user": ("--user", "12345:0"),
    "any-user-and-group": ("--user", "12345:12345", "--group-add", "0"),
    "read-only": ("--read-only", "--tmpfs", "/tmp:exec"),
    "any-user-read-only": ("--user", "12345:0", "--read-only", "--tmpfs", "/tmp:exec"),
}
# The check of each image that does what the image is for.
OWN_CHECKS = {"hac-base": "80-process", "hac-devel": "91-compile", "hac-notebook": "92-notebook"}


def run_started(image: str, start: str, *command: str) -> Ran:
    """Run a command in a container that is started in one of the ways of `STARTS`."""
    return run(["docker", "run", "--rm", "--network", "none", *STARTS[start], image, *command])


def test_all_are_built_and_reused(family: None, engine: Engine) -> None:
    built = envtool("--quiet", "build", "--demo", "--all", "--format", "json", "--project", PROJECT)
    assert built.status == 0, built.output
    document: dict[str, Any] = json.loads(built.output)
    validate(document, json.loads((PROJECT / "docs/build.schema.json").read_text()))
    assert [image["reference"] for image in document["images"]] == [f"{n}:latest" for n in ("hac-base", *CHILDREN)]
    assert all(image["reused"] for image in document["images"])
    parent = engine.inspect_image("hac-base")
    for name in CHILDREN:
        child = engine.inspect_image(name)
        assert child["RootFS"]["Layers"][: len(parent["RootFS"]["Layers"])] == parent["RootFS"]["Layers"]
        assert child["Config"]["Shell"] == parent["Config"]["Shell"]
        assert child["Config"]["Labels"]["io.hac-envtool.parent"] == "hac-base"


def test_of_a_build_that_fails_nothing_is_left(family: None, engine: Engine, tmp_path: Path) -> None:
    copy = copy_of_the_project(tmp_path)
    (copy / "envtool/broken.py").write_text("x = (\n")
    before = {name: engine.inspect_image(name)["Id"] for name in ("hac-base", *CHILDREN)}
    done = envtool("build", "--demo", "--all", "--project", copy)
    assert done.status != 0
    assert done.output.count("error: ") == done.output.count("broken.py, line 1") == 1
    assert "Traceback" not in done.output
    assert done.output.count("hac-base layers") == 1, "what stops a parent is not tried again for each of its children"
    assert [path for path in (copy / ".work/contexts").iterdir() if path.is_dir()] == []
    assert before == {name: engine.inspect_image(name)["Id"] for name in before}


def test_children_pass_their_parents_checks_and_their_own(family: None) -> None:
    done = envtool("verify", *CHILDREN, "--project", PROJECT)
    assert done.status == 0, done.output
    assert done.output.count("pass  ") == 2 * (13 + 8 + 1)
    for check in ("91-compile", "92-notebook"):
        assert done.output.count(f"pass  {check}") == 1


def test_nobody_is_root_unless_it_is_asked_for(family: None) -> None:
    for name in ("hac-base", *CHILDREN):
        assert in_container(name, "sh", "-c", "id -un; pwd; echo $HOME").output.split() == [
            "hac",
            "/home/hac",
            "/home/hac",
        ]
        assert in_container(name, "id", "-u", user="root").output.strip() == "0"
    # What is Debian's, the constraints and the vendor's store are not the user's to change.
    paths = "/etc/hac/constraints.txt /opt/hac/bin/hac-shell /opt/hac/store/x /usr/bin/x"
    writing = f"for path in {paths}; do (echo >>$path) 2>/dev/null && echo $path; done; echo tried"
    assert in_container("hac-base", "sh", "-c", writing).output == "tried\n"


@pytest.mark.parametrize("name", IMAGES)
def test_the_user_is_a_number(family: None, engine: Engine, name: str) -> None:
    """Kubernetes refuses an image whose user is a name, where nobody may be root."""
    assert engine.inspect_image(name)["Config"]["User"] == "1000:0"
    assert in_container(name, "sh", "-c", "id -u; id -g").output == "1000\n0\n"


@pytest.mark.parametrize("start", list(STARTS))
@pytest.mark.parametrize("name", IMAGES)
def test_an_image_does_its_work_however_it_is_started(family: None, name: str, start: str) -> None:
    script = f"""
        python -c 'import torch, getpass; print(torch.version.moreh, getpass.getuser())' || exit 20
        touch "$HOME/mine" && echo "$HOME" || exit 21
        envtool doctor >/tmp/said || {{ cat /tmp/said; exit 22; }}
        /opt/hac/checks/{OWN_CHECKS[name]} >/tmp/said 2>&1 || {{ cat /tmp/said; exit 23; }}
    """
    done = run_started(name, start, "sh", "-c", script)
    home = "/tmp" if "read-only" in start else "/home/hac"
    assert (done.status, done.output) == (0, f"22.8.0 hac\n{home}\n")


@pytest.mark.parametrize("name", IMAGES)
def test_any_user_installs_into_the_environment(family: None, index: str, name: str) -> None:
    """By pip, and by envtool as the development container has it; torch stays."""
    script = "pip install -q --no-deps einops && envtool install lion-pytorch && pip show -q einops lion-pytorch"
    options = ["--user", "12345:12345", "--group-add", "0", "--network", "host"]
    options += ["--env", f"PIP_INDEX_URL={index}", "--env", f"UV_INDEX_URL={index}"]
    done = run(["docker", "run", "--rm", *options, name, "sh", "-c", f"{script} && envtool doctor --deep"])
    assert done.status == 0, done.output


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_has_nothing_that_dockle_objects_to(family: None, name: str) -> None:
    """Beside what `verify` looks for: credentials, programs with other rights than Debian's own, caches."""
    script = """
        awk -F: '$2 == "" { print FILENAME ": no password: " $1 }' /etc/passwd /etc/shadow
        for file in passwd group; do cut -d: -f3 /etc/$file | sort | uniq -d | sed "s/^/$file: twice: /"; done
        find / -xdev -type f -perm -0002 ! -path '/proc/*' ! -path '/sys/*'
        find / -xdev -type d -perm -0002 ! -perm -1000 ! -path '/proc/*' ! -path '/sys/*'
        find /var/lib/apt/lists /var/cache/apt -type f -size +0 2>/dev/null
        find / -xdev \\( -name .git -o -name Dockerfile -o -name docker-compose.yml -o -name .netrc \\)
        ! command -v sudo
    """
    done = in_container(name, "sh", "-c", script, user="root")
    assert (done.status, done.output) == (0, "")


# Each image, and each start, once: the environment is the same in all.
@pytest.mark.parametrize(
    ("name", "start"),
    [("hac-base", "its-own-user"), ("hac-devel", "any-user-read-only"), ("hac-notebook", "any-user-read-only")],
)
def test_virtual_environments_are_made(family: None, name: str, start: str) -> None:
    """With pip in them; and with the vendor's torch, where the environment's packages are to be seen."""
    script = """
        set -e
        python -m venv /tmp/own
        /tmp/own/bin/pip --version | grep -q /tmp/own/
        /tmp/own/bin/python -c 'import setuptools, sys; assert sys.prefix == "/tmp/own"'
        ! /tmp/own/bin/python -c 'import torch' 2>/dev/null
        python -m venv --system-site-packages /tmp/seen
        /tmp/seen/bin/python -c 'import torch; print(torch.version.moreh)'
        python -m venv --without-pip /tmp/bare
        [ ! -e /tmp/bare/bin/pip ]
        uv venv -q /tmp/uv
        /tmp/uv/bin/python -c pass
    """
    done = run_started(name, start, "sh", "-c", script)
    assert (done.status, done.output) == (0, "22.8.0\n")


@ONE_BUILDER
def test_the_guard_looks_after_children(family: None, build_child: Any) -> None:
    for name in CHILDREN:
        instruction = "RUN PIP_CONSTRAINT= pip install --no-deps torch==2.13.0"
        clobbered = build_child(instruction, base=name, tag="hac-test-family")
        assert clobbered.status != 0
        assert "hac-guard: this instruction damaged" in clobbered.output


# That it starts in all of `STARTS` is what its own check is for.
@pytest.mark.parametrize("start", ["its-own-user", "any-user-read-only"])
def test_the_notebook_server_says_that_it_is_well(family: None, engine: Engine, start: str) -> None:
    """By the health check that the image has, at shorter intervals."""
    options = ["--detach", "--network", "none", "--health-interval", "1s", *STARTS[start]]
    # Once at another port and address than the image's own.
    command = [] if start == next(iter(STARTS)) else ["jupyter", "lab", "--port=9999", "--ServerApp.base_url=/team/"]
    made = run(["docker", "run", *options, "hac-notebook", *command]).output.strip()
    try:
        state: dict[str, Any] = {}
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline and state.get("Status") != "healthy":
            time.sleep(0.5)
            with engine.translate_engine_errors():
                state = engine.client.api.inspect_container(made)["State"]["Health"]
        assert state["Status"] == "healthy", state
        begun = time.monotonic()
        run(["docker", "stop", "--time", "20", made])
        assert time.monotonic() - begun < 15, "the server did not end of SIGTERM"
    finally:
        run(["docker", "rm", "--force", made])


def test_the_bake_file_names_contexts_that_are_there(baked: dict[str, Any], tmp_path: Path) -> None:
    """And BuildKit builds it, where there is one that knows contexts of other targets."""
    for target in baked["target"].values():
        folder = Path(target["context"])
        assert folder.is_dir()
        assert "dockerfile-inline" in target or (folder / "Dockerfile").is_file()
    builder = find_builders().get("buildkit", {})
    has_bake = builder and run([builder["DOCKER"], "buildx", "bake", "--help"]).status == 0
    if not has_bake or run([builder["DOCKER"], "version", "--format", "{{.Server.Version}}"]).output.startswith("20."):
        pytest.skip("no buildx bake here, or an engine whose BuildKit has no contexts of other targets")
    file = tmp_path / "docker-bake.json"
    file.write_text(json.dumps(baked))
    done = run([builder["DOCKER"], "buildx", "bake", "--file", file, "--set", "*.output=type=cacheonly"], **builder)
    assert done.status == 0, done.output
