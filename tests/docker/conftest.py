"""The real engine, the image built from the embedded default, and the services beside it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from envtool.demo.bootstrap import bootstrap
from envtool.demo.python_index import add_to_index, index_server, make_index
from envtool.demo.vendor_release import write_release
from envtool.image.context.docker_archive import LayerStep, LoadableImage
from envtool.image.engine.client import Engine, find_engine
from envtool.image.inputs.fetch_wheels import fetch_wheels
from envtool.image.lock.lockfile import LockedFile
from envtool.wheel.store import get_default_store
from tests.support.docker_command import Builder, Ran, find_builders, run
from tests.support.docker_envtool import PROJECT, BuildChild, envtool
from tests.support.one_process import once_for_all, one_process

_EPOCH = 1_661_990_400
# uv for the image's own Python, to be installed in children; any recent one would do.
_UV = LockedFile(
    "uv-0.13.9-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
)


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The engine that `make test` found or started."""
    return find_engine(PROJECT)


@pytest.fixture(scope="session", autouse=True)
def engine_address(engine: Engine) -> Iterator[None]:
    """Lets the docker command and docker-compose reach the same engine."""
    before = os.environ.get("DOCKER_HOST")
    os.environ["DOCKER_HOST"] = engine.host
    yield
    if before is None:
        del os.environ["DOCKER_HOST"]
    else:
        os.environ["DOCKER_HOST"] = before


@pytest.fixture(scope="session")
def hac_base(engine_address: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """hac-base, built from the embedded default."""
    once_for_all(tmp_path_factory, "tests-build", lambda: _succeed("build", "--demo"))
    return "hac-base"


@pytest.fixture(scope="session")
def family(hac_base: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """hac-base and its children."""
    once_for_all(tmp_path_factory, "tests-build-all", lambda: _succeed("build", "--demo", "--all"))


@pytest.fixture(scope="session")
def baked(family: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The bake file of all of them, whose contexts are in the checkout."""
    text = once_for_all(tmp_path_factory, "tests-bake", lambda: _succeed("--quiet", "bake", "--demo", "--all"))
    document: dict[str, Any] = json.loads(text)
    return document


def _succeed(*arguments: str) -> str:
    done = envtool(*arguments, "--project", PROJECT)
    assert done.status == 0, done.output
    return done.output


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A package index on loopback with real packages, uv among them, and a stand-in for an upstream torch."""
    folder = tmp_path_factory.mktemp("index")
    store = get_default_store()
    make_index(folder, store)
    add_to_index(folder, fetch_wheels([_UV], store)[_UV.sha256])
    with index_server(folder) as address:
        yield address


@pytest.fixture(params=["classic", "buildkit"])
def builder(request: pytest.FixtureRequest) -> Builder:
    """Each of Docker's two builders in turn, or `ONE_BUILDER`."""
    found = find_builders()
    if request.param == "one":
        return list(found.values())[zlib.crc32(request.node.name.encode()) % len(found)]
    if request.param not in found:
        pytest.skip(f"the docker command here has no {request.param} builder")
    return found[request.param]


@pytest.fixture
def build_child(hac_base: str, index: str, builder: Builder, tmp_path: Path) -> BuildChild:
    """Builds a child of hac-base with plain `docker build`: `build(*instructions, tag=…)`."""

    def build(*instructions: str, tag: str = "hac-test-child", base: str = hac_base) -> Ran:
        # ARG: a mere build argument, so that no child has the index's address in its environment.
        lines = [f"FROM {base}", "ARG PIP_INDEX_URL", "ARG UV_INDEX_URL", *instructions, ""]
        (tmp_path / "Dockerfile").write_text("\n".join(lines))
        command = [builder["DOCKER"], "build", "--network", "host", "--no-cache", "--tag", tag]
        command += ["--build-arg", f"PIP_INDEX_URL={index}", "--build-arg", f"UV_INDEX_URL={index}", str(tmp_path)]
        return run(command, **builder)

    return build


@pytest.fixture(scope="session")
def docker_compose_command() -> str:
    """Compose as a plug-in where there is one, else the program."""
    return "docker compose" if run(["docker", "compose", "version"]).status == 0 else "docker-compose"


@pytest.fixture(scope="session")
def docker_compose_file() -> str:
    """The services of the tests."""
    return str(Path(__file__).parent / "compose.yml")


@pytest.fixture(scope="session")
def docker_setup(engine: Engine) -> list[str]:
    """Make the image of the services, once for each engine, before compose starts them."""
    with one_process("tests-services"):
        if not engine.inspect_image("hac-test-services:latest"):
            _make_services(engine)
    return ["up --detach"]


def _make_services(engine: Engine) -> None:
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        made = bootstrap("bookworm", ["docker-registry", "python3"], [], _EPOCH, folder / "base")
        layer = LayerStep("ADD base.tar /", made.tar)
        engine.load(LoadableImage(("hac-test-bootstrap:latest",), {}, (layer,), _EPOCH))
        context = folder / "context"
        shutil.copytree(Path(__file__).parent / "services", context)
        write_release(context / "wheels", (3, 11))
        (context / "Dockerfile").write_text("FROM hac-test-bootstrap:latest\nCOPY . /services/\n")
        engine.build(context, ("hac-test-services:latest",), lambda _line: None)


@pytest.fixture(scope="session")
def registry(docker_services: Any) -> str:
    """The address of the registry: host and port."""
    import requests

    port = docker_services.port_for("registry", 5000)
    address = f"127.0.0.1:{port}"
    docker_services.wait_until_responsive(
        timeout=60, pause=0.2, check=lambda: _answers(lambda: requests.get(f"http://{address}/v2/", timeout=2).ok)
    )
    return address


@pytest.fixture(scope="session")
def private_index(docker_services: Any) -> str:
    """The address of the private wheel index."""
    import requests

    address = f"http://127.0.0.1:{docker_services.port_for('index', 8080)}/simple/"
    docker_services.wait_until_responsive(
        timeout=60, pause=0.2, check=lambda: _answers(lambda: requests.get(address, timeout=2).status_code == 401)
    )
    return address


def _answers(question: Callable[[], bool]) -> bool:
    import requests

    try:
        return question()
    except requests.RequestException:
        return False
