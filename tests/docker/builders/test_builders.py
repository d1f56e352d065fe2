"""What is noticed when, by whatever builds: RUN, start or verify; docs/guide/builders.md has what was seen here.

buildah builds a few cases in every run. `make test-builders` has all five build all cases, and writes the table.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from envtool.demo.python_index import make_upstream_torch
from envtool.demo.wheel_writer import write_wheel
from tests.docker.builders.cases import CASES, SITE, BuilderCase
from tests.support.distributions import package
from tests.support.docker_command import find_builders, run
from tests.support.docker_envtool import PROJECT, envtool
from tests.support.image_builders import ContainersBuilder, DockerBuilder, ImageBuilder
from tests.support.newer_engine import newer_engine

_DOCUMENT = PROJECT / "docs/guide/builders.md"
_BASE, _TAG = "hac-matrix-base", "hac-matrix-child"
_TITLES = {
    "classic": "Docker, classic",
    "buildkit": "Docker, BuildKit",
    "buildkit-26": "Debian 13's Docker, BuildKit",
    "buildah": "buildah",
    "podman": "podman",
}
# What a builder says of an instruction that it does not know.
_UNKNOWN = (
    "unknown flag: mount",
    "the --mount option requires BuildKit",
    "unknown instruction: ",
    "Unknown instruction",
)
_SAY = """
try:
    import torch
    print("truth:", "vendor" if getattr(torch.version, "moreh", None) == "22.8.0" else "other")
except Exception:
    print("truth: none")
"""
_CONDA = f"""#!/opt/conda/envs/pytorch/bin/python
# Stand-in for conda: what linking its package pytorch does to the environment.
import json, pathlib, shutil
shutil.copytree("/ctx/upstream/torch", "{SITE}/torch", dirs_exist_ok=True)
record = {{"name": "pytorch", "version": "2.13.0", "files": ["lib/python3.11/site-packages/torch/__init__.py"]}}
pathlib.Path("/opt/conda/envs/pytorch/conda-meta/pytorch-2.13.0-0.json").write_text(json.dumps(record))
"""
_MICROMAMBA = f"""#!/bin/sh
# Stand-in for micromamba.
rm -r {SITE}/torch {SITE}/torch-*.dist-info
cp -r /ctx/upstream/. {SITE}/
"""
_POETRY = """#!/opt/conda/envs/pytorch/bin/python
import sys
sys.path.insert(0, "/ctx/poetry")
from poetry.console.application import main
sys.exit(main())
"""
_PROJECT = """[tool.poetry]
package-mode = false
[tool.poetry.dependencies]
python = "^3.11"
torch = {path = "/ctx/torch-2.13.0-py3-none-any.whl"}
"""


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build context of all children: wheels, an upstream torch, programs."""
    folder = tmp_path_factory.mktemp("matrix") / "context"
    folder.mkdir()
    content = make_upstream_torch()
    write_wheel(content, folder)
    write_wheel(package("other", "1.0", []), folder)
    for name, data in content.files.items():
        (folder / "upstream" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "upstream" / name).write_bytes(data)
    for name, text in (("conda", _CONDA), ("micromamba", _MICROMAMBA), ("poetry-start", _POETRY)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    busybox = shutil.which("busybox")
    if busybox is not None:
        shutil.copy(busybox, folder)
    (folder / "setup.sh").write_text("set -e\ncd /\npip uninstall -qy torch\n")
    (folder / "say.py").write_text(_SAY)
    (folder / "project").mkdir()
    (folder / "project/pyproject.toml").write_text(_PROJECT)
    return folder


@pytest.fixture(scope="module")
def archive(hac_base: str, context: Path) -> Iterator[Path]:
    """The base of all children, as `docker save` writes it: hac-base with programs of other tools."""
    lines = ["FROM hac-base", "USER root", "COPY . /ctx", "RUN cp /ctx/micromamba /usr/local/bin/"]
    lines += ["RUN cp /ctx/conda /opt/conda/envs/pytorch/bin/"]
    if os.environ.get("HAC_ALL_CASES"):
        uv, target = Path(sys.executable).with_name("uv"), context / "poetry"
        command: list[str | Path] = [
            uv,
            "pip",
            "install",
            "--quiet",
            "--target",
            target,
            "--python-version",
            "3.11",
            "poetry",
        ]
        fetched = run(command, UV_CONSTRAINT="", VIRTUAL_ENV="")
        assert fetched.status == 0, fetched.output
        lines += ["RUN cp /ctx/poetry-start /opt/conda/envs/pytorch/bin/poetry"]
    builder = DockerBuilder(find_builders()["classic"], "")
    made = builder.build(context, lines, _BASE)
    assert made.status == 0, made.output
    # Each of them is in the base, and a child's context need not have it.
    shutil.rmtree(context / "poetry", ignore_errors=True)
    folder = context.parent
    builder.save(f"{_BASE}:latest", folder)
    yield folder / "image.tar"
    builder.remove(_BASE)


@pytest.fixture(scope="module")
def find_builder(archive: Path) -> Iterator[Callable[[str], ImageBuilder]]:
    """Each builder by its name, with the base in its store; the test is skipped where it cannot be had."""
    found: dict[str, ImageBuilder | None] = {}
    with ExitStack() as stack:

        def find(name: str) -> ImageBuilder:
            if name not in found:
                found[name] = _make_builder(name, archive, stack)
            builder = found[name]
            if builder is None:
                pytest.skip(f"{name} is not installed here")
            return builder

        yield find
        for builder in found.values():
            if isinstance(builder, ContainersBuilder):
                # Its folders may be mounts.
                subprocess.run(["umount", "--recursive", "--lazy", builder.folder], check=False, capture_output=True)


def _make_builder(name: str, archive: Path, stack: ExitStack) -> ImageBuilder | None:
    if name in {"classic", "buildkit"}:
        variables = find_builders().get(name)
        # The base is in the engine that made it.
        return DockerBuilder(variables, _BASE) if variables is not None else None
    made: ImageBuilder
    if name == "buildkit-26":
        made = DockerBuilder(stack.enter_context(newer_engine(PROJECT / ".work/newer-engine")), _BASE)
    elif shutil.which(name) is None:
        return None
    else:
        # podman's `runroot` may have 50 characters.
        folder = stack.enter_context(TemporaryDirectory(prefix="hac-", dir="/tmp", ignore_cleanup_errors=True))
        made = ContainersBuilder(name, Path(folder))
    made.load(archive)
    return made


def _watch(builder: ImageBuilder, case: BuilderCase, context: Path, folder: Path) -> str:
    """When a case is noticed: at RUN, else at start and by verify; `-` by nobody."""
    lines = [f"FROM {builder.base}", *case.lines]
    built = builder.build(context, lines, _TAG)
    if built.status != 0:
        if any(words in built.output for words in _UNKNOWN):
            return "not known"
        assert "hac-guard: " in built.output, built.output
        return "RUN"
    try:
        started = builder.start(_TAG, "python", "/ctx/say.py")
        assert f"truth: {'vendor' if case.is_harmless else ''}" in started.output, started.output
        assert case.is_harmless or "truth: vendor" not in started.output, (case, built.output)
        verified = envtool("verify", "--static", "--format", "json", builder.save(_TAG, folder))
    finally:
        builder.remove(_TAG)
        shutil.rmtree(folder, ignore_errors=True)
    assert verified.output.startswith("{"), verified.output
    checks = {check["name"]: check["passed"] for check in json.loads(verified.output)["images"][0]["checks"]}
    seen = ["start"] if "hac-start: " in started.output else []
    seen += ["verify"] if not (checks["torch"] and checks["doctor"]) else []
    return ", ".join(seen) or "-"


def _read_table() -> dict[str, dict[str, str]]:
    """The table of the document: cells by the row's title and the builder's name."""
    rows = [line.strip("|").split("|") for line in _DOCUMENT.read_text().splitlines() if line.startswith("|")]
    names = {title: name for name, title in _TITLES.items()}
    columns = [names.get(cell.strip(), "") for cell in rows[0]]
    return {
        row[0].strip(): {name: cell.strip() for name, cell in zip(columns, row, strict=True) if name}
        for row in rows[2:]
    }


def _write_column(name: str, seen: Mapping[str, str]) -> None:
    """Write what a builder did into the document's table, which gets a row for each case."""
    before = _read_table()
    table = [["what the child does", *_TITLES.values()], ["---"] * (len(_TITLES) + 1)]
    for case in CASES:
        cells = before.get(case.title, {})
        table.append([case.title, *(seen[case.title] if item == name else cells.get(item, "?") for item in _TITLES)])
    lines = _DOCUMENT.read_text().splitlines()
    numbers = [number for number, line in enumerate(lines) if line.startswith("|")]
    rows = [f"| {' | '.join(row)} |" for row in table]
    _DOCUMENT.write_text("\n".join([*lines[: numbers[0]], *rows, *lines[numbers[-1] + 1 :], ""]))


def _watch_all(builder: ImageBuilder, cases: Sequence[BuilderCase], context: Path, folder: Path) -> dict[str, str]:
    seen = {}
    for case in cases:
        folder.mkdir(exist_ok=True)
        seen[case.title] = _watch(builder, case, context, folder)
    return seen


@pytest.mark.docker
def test_without_the_images_shell_it_is_noticed_when_the_document_says(
    find_builder: Callable[[str], ImageBuilder], context: Path, tmp_path: Path
) -> None:
    """A few cases, in every run. What Docker's own builders do is in tests/docker/test_guard.py."""
    table = _read_table()
    cases = [case for case in CASES if case.always]
    seen = _watch_all(find_builder("buildah"), cases, context, tmp_path / "image")
    assert seen == {title: table[title]["buildah"] for title in seen}


@pytest.mark.builders
@pytest.mark.parametrize("name", list(_TITLES))
def test_the_table_is_what_a_builder_does(
    name: str, find_builder: Callable[[str], ImageBuilder], context: Path, tmp_path: Path
) -> None:
    seen = _watch_all(find_builder(name), CASES, context, tmp_path / "image")
    before = _read_table()
    _write_column(name, seen)
    # A newer builder may know an instruction that the document's did not.
    changed = {key: cell for key, cell in seen.items() if before.get(key, {}).get(name) not in {cell, "not known"}}
    assert not changed, "docs/guide/builders.md was written anew"
