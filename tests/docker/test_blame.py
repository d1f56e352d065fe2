"""`envtool blame` against images whose guilty instruction is known: real builds, with both builders.

All images go into one archive, so that the layers they share are read once.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate

from envtool.cli.render.blame import create_blame_document, render_blame_text
from envtool.environment.import_files import condense_interpreter
from envtool.image.blame.installed import select_for_blame
from envtool.image.blame.trace import BlameReport, trace_changes
from envtool.image.engine.client import Engine
from envtool.image.read.layer import FileSelector
from tests.support.docker_command import Builder, find_builders, run
from tests.support.docker_envtool import PROJECT, envtool
from tests.support.saved_images import read_saved_images

pytestmark = pytest.mark.docker

_SCHEMA = json.loads((PROJECT / "docs/blame.schema.json").read_text())
_SITE = "/opt/conda/envs/pytorch/lib/python3.11/site-packages"
_FREE = "PIP_CONSTRAINT= UV_CONSTRAINT="
_CLOBBER = f"RUN {_FREE} pip install 'rotary-embedding-torch>=0.9'"
_UPSTREAM = f"RUN {_FREE} pip install --no-deps torch==2.13.0"
_HARMLESS = ("RUN pip install einops", "RUN echo before >/srv/before", "WORKDIR /srv")


@dataclass(frozen=True)
class Case:
    """Instructions after `FROM hac-base`.

    `guilty` is the number of the one to be named, counted from 0, or `None`; `who` is the distribution that suffers, or
    the guard; `says` is a further part of the answer.
    """

    instructions: tuple[str, ...]
    guilty: int | None
    who: str = "torch"
    says: str = ""


CASES = {
    "pulled-in": Case((*_HARMLESS, _CLOBBER), 3, says="pulled in by rotary-embedding-torch 0.9.1 (requires torch>=2.4"),
    "by-name": Case((_UPSTREAM, "RUN true"), 0, says="→ 2.13.0"),
    "upgraded": Case((*_HARMLESS, f"RUN {_FREE} pip install --upgrade torch"), 3),
    "from-a-file": Case(("COPY requirements.txt /srv/", f"RUN {_FREE} pip install -r /srv/requirements.txt"), 1),
    "in-a-chain": Case(
        (f"RUN set -e; cd /srv && echo 1 && \\\n    {_FREE} pip install --no-deps torch==2.13.0 && echo 2",), 0
    ),
    "with-an-argument": Case(("ARG WHICH=2.13.0", f"RUN {_FREE} pip install --no-deps torch==$WHICH"), 1),
    "exec-form": Case(("ENV PIP_CONSTRAINT=", 'RUN ["pip", "install", "--no-deps", "torch==2.13.0"]', "RUN true"), 1),
    "by-uv": Case(("RUN pip install uv", f"RUN {_FREE} uv pip install 'rotary-embedding-torch>=0.9'"), 1),
    "uninstalled": Case((*_HARMLESS, "RUN pip uninstall --yes torch", "RUN true"), 3, says="→ none"),
    "companion": Case(("RUN true", "RUN pip uninstall --yes torchvision"), 1, who="torchvision"),
    "both-companions": Case(("RUN pip uninstall --yes torchaudio torchvision", "RUN true"), 0, who="torchaudio"),
    "libraries-deleted": Case(("RUN true", f"RUN rm -r {_SITE}/torch/lib"), 1, says="not as RECORD has them"),
    "one-file-deleted": Case((f"RUN rm {_SITE}/torch/version.py", "RUN true"), 0, says="torch/version.py"),
    "edited": Case(("RUN true", f"RUN echo '# mine' >>{_SITE}/torch/__init__.py", "RUN true"), 1),
    "edited-by-sed": Case((f"RUN sed -i 's/moreh/mine/' {_SITE}/torch/version.py",), 0),
    "truncated": Case(("RUN true", f"RUN for f in {_SITE}/torch/lib/*; do : >$f; done"), 1),
    "opaque": Case((f"RUN cd {_SITE} && rm -r torch && mkdir torch && touch torch/__init__.py", "RUN true"), 0),
    "a-link-instead": Case(("RUN true", f"RUN cd {_SITE} && mv torch /srv/torch && ln -s /srv/torch torch"), None),
    "moved-away": Case((f"RUN mv {_SITE}/torch {_SITE}/torch.old", "RUN true"), 0),
    "records-deleted": Case(("RUN true", f"RUN rm -r {_SITE}/torch-*.dist-info"), 1),
    "parent-deleted": Case(("RUN true", "RUN rm -r /opt/conda/envs/pytorch/lib/python3.11/site-packages"), 1),
    "prefix-deleted": Case(("RUN rm -r /opt/conda/envs", "RUN true"), 0),
    "copied-over": Case(("RUN true", f"COPY torch {_SITE}/torch"), 1),
    "added-archive": Case((f"ADD torch.tar {_SITE}/", "RUN true"), 0),
    "from-a-stage": Case(("RUN true", "COPY --from=build /opt/conda /opt/conda"), 1, says="and 2.13.0"),
    "user-site": Case(("RUN true", f"RUN {_FREE} pip install --user --no-deps torch==2.13.0"), 1, says="/root/.local/"),
    "twice": Case((_UPSTREAM, "RUN pip uninstall --yes torch"), 0),
    "again": Case((_UPSTREAM, "RUN update-moreh --force", "RUN true", _CLOBBER), 3),
    "restored": Case((_UPSTREAM, "RUN update-moreh --force"), None),
    "restored-at-once": Case(("RUN pip uninstall --yes torch && update-moreh --force",), None),
    "harmless": Case((*_HARMLESS, "RUN pip install lion-pytorch"), None),
    "owner-changed": Case(("RUN true", f"RUN chown -R 1000:1000 {_SITE} && chmod -R g+w {_SITE}"), None),
    "touched": Case((f"RUN find {_SITE}/torch -type f -exec touch {{}} +",), None),
    "compiled": Case((f"RUN python -m compileall -q -f {_SITE}/torch || true",), None),
    "shell-lost": Case(("RUN true", 'SHELL ["/bin/bash", "-c"]', "RUN true"), 1, who="guard"),
    "constraint-lost": Case(("RUN true", "ENV PIP_CONSTRAINT=", "RUN true"), 1, who="guard"),
    "constraint-changed": Case(("ENV UV_CONSTRAINT=/srv/mine.txt A=b", "RUN true"), 0, who="guard"),
    "constraints-deleted": Case(("RUN true", "RUN rm /etc/hac/constraints.txt"), 1, who="guard"),
    "guard-replaced": Case(("RUN true", "RUN cp /bin/sh /opt/hac/bin/hac-shell", "RUN true"), 1, who="guard"),
}


@pytest.fixture(scope="module")
def stories(hac_base: str, index: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, BlameReport]]:
    """Every case built, half of them with both builders, and the story of each image."""
    folder = tmp_path_factory.mktemp("blame")
    wanted = [(name, builder) for name in CASES for builder in _builders_of(name)]
    with ThreadPoolExecutor(2) as pool:
        tags = list(pool.map(lambda row: _build(folder / f"{row[0]}-{row[1]['KIND']}", index, *row), wanted))
    archive = folder / "all.tar"
    assert run(["docker", "save", "--output", archive, *tags]).status == 0
    images = read_saved_images(archive, FileSelector(select_for_blame, condense=condense_interpreter, keeps_links=True))
    yield {tag.removesuffix(":latest"): trace_changes(image) for tag, image in images.items()}
    run(["docker", "rmi", "--force", *tags])


def _builders_of(name: str) -> list[Builder]:
    found = [{**builder, "KIND": kind} for kind, builder in sorted(find_builders().items())]
    return found if list(CASES).index(name) % 2 else found[:1]


def _build(folder: Path, index: str, name: str, builder: Builder) -> str:
    folder.mkdir()
    (folder / "torch").mkdir()
    (folder / "torch/__init__.py").write_text("raise ImportError('not the vendor's')\n")
    with tarfile.open(folder / "torch.tar", "w") as archive:
        archive.add(folder / "torch", "torch")
    (folder / "requirements.txt").write_text("einops\nrotary-embedding-torch>=0.9\n")
    case = CASES[name]
    head = ["ARG PIP_INDEX_URL", "ARG UV_INDEX_URL"]
    stage = ["FROM hac-base AS build", "USER root", *head, "ENV HAC_GUARD=off", _UPSTREAM]
    # What they do to the image's other places, hac-base's own user may not.
    lines = ["FROM hac-base", "USER root", *head, "ENV HAC_GUARD=off", *case.instructions, ""]
    if any("--from=build" in line for line in case.instructions):
        lines = [*stage, *lines]
    (folder / "Dockerfile").write_text("\n".join(lines))
    tag = f"hac-blame-{name}-{builder['KIND']}"
    addresses = ["--build-arg", f"PIP_INDEX_URL={index}", "--build-arg", f"UV_INDEX_URL={index}"]
    built = run(
        [builder["DOCKER"], "build", "--quiet", "--network", "host", "--tag", tag, *addresses, folder], **builder
    )
    assert built.status == 0, f"{name}: {built.output}"
    return tag


def _words(text: str) -> list[str]:
    """An instruction's words, however a builder spells it."""
    try:
        return [word.strip('",[]') for word in shlex.split(text.replace("\\\n", " "))]
    except ValueError:
        return text.split()


@pytest.mark.parametrize("name", list(CASES))
def test_the_guilty_instruction_is_named(stories: dict[str, BlameReport], name: str) -> None:
    case = CASES[name]
    for builder in _builders_of(name):
        story = stories[f"hac-blame-{name}-{builder['KIND']}"]
        text = render_blame_text(story)
        validate(create_blame_document(story), _SCHEMA)
        if case.guilty is None:
            assert story.is_intact, text
            assert not story.guard_losses, text
            continue
        named = _named(story, case.who)
        assert len(named) == 1, text
        assert _is_same(named[0], case.instructions[case.guilty]), text
        assert case.says in text


def _named(story: BlameReport, who: str) -> list[str]:
    if who != "guard":
        return [item.step.instruction for item in story.culprits if item.location.name == who]
    assert story.is_intact
    changes = [item.step for item in story.settings if item.name != "HAC_GUARD"]
    return [step.instruction for step in (*(loss.step for loss in story.guard_losses), *changes) if step is not None]


def _is_same(named: str, written: str) -> bool:
    """COPY and ADD of the classic builder name a digest in place of the source."""
    if written.startswith(("COPY", "ADD")):
        keyword, target = written.split()[0], written.split()[-1].rstrip("/")
        return named.startswith(keyword) and named.rstrip("/ ").endswith(target)
    wanted = _words(written)
    # An exec-form is recorded as its words; a variable's value is not.
    return all(word in _words(named) for word in wanted if "$" not in word)


def test_instructions_that_were_squashed_into_one_layer(
    engine: Engine, hac_base: str, index: str, tmp_path: Path
) -> None:
    """`docker build --squash` keeps the history and makes one layer of all: the likely instruction is told."""
    if not engine.client.version().get("Experimental"):
        pytest.skip("this engine has no --squash: it is not experimental")
    instructions = ["USER root", "RUN echo before >/srv/before", _CLOBBER, "RUN echo after >/srv/after", "USER hac"]
    lines = [f"FROM {hac_base}", "ARG PIP_INDEX_URL", "ENV HAC_GUARD=off", *instructions, ""]
    (tmp_path / "Dockerfile").write_text("\n".join(lines))
    builder = find_builders()["classic"]
    options = ["--squash", "--network", "host", "--no-cache", "--build-arg", f"PIP_INDEX_URL={index}"]
    built = run([builder["DOCKER"], "build", *options, "--tag", "hac-blame-squashed", tmp_path], **builder)
    assert built.status == 0, built.output
    ours, base = (engine.inspect_image(name)["RootFS"]["Layers"] for name in ("hac-blame-squashed", hac_base))
    assert len(ours) == len(base) + 1
    blamed = envtool("--quiet", "blame", "hac-blame-squashed", "--format", "json")
    run(["docker", "rmi", "hac-blame-squashed"])
    assert blamed.status == 1, blamed.output
    torch = [row for row in json.loads(blamed.output)["changes"] if row["distribution"] == "torch"][-1]
    assert torch["layer"] == len(ours)
    assert torch["likely"] == _CLOBBER, torch


def test_a_flattened_image_still_says_that_torch_is_gone(hac_base: str, tmp_path: Path) -> None:
    """`docker export | docker import` leaves one layer and no history, which is what is said."""
    made = run(["docker", "create", hac_base]).output.strip()
    archive = tmp_path / "flat.tar"
    try:
        assert run(["docker", "export", "--output", archive, made]).status == 0
    finally:
        run(["docker", "rm", made])
    assert run(["docker", "import", archive, "hac-blame-flat"]).status == 0
    blamed = envtool("blame", "hac-blame-flat", "--all")
    run(["docker", "rmi", "hac-blame-flat"])
    assert blamed.status == 0, blamed.output
    assert "is in place" in blamed.output
    assert "(Imported from -)" in blamed.output


def test_every_kind_of_store_tells_the_same(hac_base: str, tmp_path: Path) -> None:
    archive = tmp_path / "saved.tar"
    subprocess.run(["docker", "save", "--output", archive, hac_base], check=True)
    documents: list[Any] = []
    for reference in (hac_base, f"docker-daemon:{hac_base}", str(archive), f"docker-archive:{archive}:hac-base:latest"):
        blamed = envtool("--quiet", "blame", reference, "--format", "json")
        assert blamed.status == 0, blamed.output
        documents.append(json.loads(blamed.output))
    assert len({json.dumps(document["changes"]) for document in documents}) == 1
    assert len({document["image"]["id"] for document in documents}) == 1
