"""ARG, ENV and FROM of Dockerfiles: whose value counts where, as BuildKit has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from envtool.requirements.model import Section
from envtool.requirements.read_file import read_file
from envtool.requirements.readers.source_files import SourceFiles
from tests.support.environment import TORCH, RealEnvironment


def read(folder: Path, text: str, **given: str) -> tuple[list[str], list[str]]:
    """What is installed, "?" for what cannot be told, and the foreign images that are started from."""
    path = folder / "Dockerfile"
    path.write_text(text)
    sets = read_file(path, files=SourceFiles(is_lenient=True, build_arguments=given)).sets
    wanted = [
        "?" if item.unresolved else " ".join(entry.display for entry in item.entries)
        for item in sets
        if item.section is not Section.BASE
    ]
    return wanted, [str(item.base_image) for item in sets if item.section is Section.BASE]


INSTALL = "RUN pip install one==$V\n"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (f"FROM a\nARG V=1\nENV V=2\n{INSTALL}", ["one==2"]),
        (f"FROM a\nENV V=2\nARG V=1\n{INSTALL}", ["one==2"]),
        (f"FROM a\nENV V=2\nARG V\n{INSTALL}", ["one==2"]),
        (f"FROM a\nENV V 2\nARG V=1\n{INSTALL}", ["one==2"]),
        (f"FROM a\nARG V=1\nENV V=${{V}}.5\nARG V=3\n{INSTALL}", ["one==1.5"]),
        (f"FROM a AS x\nENV V=2\nFROM x\nARG V=1\n{INSTALL}", ["one==2"]),
        (f"FROM a AS x\nARG V=1\nFROM x\n{INSTALL}", ["one==1"]),
        (f"FROM a AS x\nARG V=1\nFROM x AS y\nARG V=3\nFROM x\n{INSTALL}", ["one==1"]),
        (f"FROM a AS x\nENV V=1\nFROM x AS y\nENV V=3\nFROM x\nARG V=4\n{INSTALL}", ["one==1"]),
        (f"FROM a AS x\nARG V=1\nFROM b\nARG V\n{INSTALL}", ["?"]),
        (f"ARG V=7\nFROM a\nARG V\n{INSTALL}", ["one==7"]),
        (f"ARG V=7\nFROM a\nARG V=8\n{INSTALL}", ["one==8"]),
        (f"FROM a\nARG V=1 W=2\nARG V\n{INSTALL}", ["one==1"]),
    ],
    ids=[
        "argument-then-variable",
        "variable-then-argument",
        "argument-without-default",
        "old-form",
        "variable-of-the-argument",
        "variable-of-the-stage-before",
        "argument-of-the-stage-before",
        "argument-of-a-sister",
        "variable-of-a-sister",
        "argument-of-another-stage",
        "declared-anew",
        "default-anew",
        "two-at-once-and-again",
    ],
)
def test_whose_value_counts(tmp_path: Path, text: str, wanted: list[str]) -> None:
    assert read(tmp_path, text)[0] == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (f"FROM a\nARG V\n{INSTALL}", ["one==9"]),
        (f"FROM a\nARG V=1\n{INSTALL}", ["one==9"]),
        (f"FROM a\nENV V=2\nARG V=1\n{INSTALL}", ["one==2"]),
        (f"FROM a\nARG V=1\nENV V=${{V}}.1\n{INSTALL}", ["one==9.1"]),
        (f"ARG V=1\nFROM a\nARG V\n{INSTALL}", ["one==9"]),
        (f"FROM a AS x\nARG V\nFROM x\n{INSTALL}", ["one==9"]),
        (f"FROM a\nONBUILD ARG V=1\nONBUILD {INSTALL}", ["one==9"]),
    ],
    ids=["no-default", "default", "variable-wins", "into-a-variable", "before-from", "stage-before", "of-a-child"],
)
def test_what_the_build_gives_wins_over_defaults(tmp_path: Path, text: str, wanted: list[str]) -> None:
    assert read(tmp_path, text, V="9")[0] == wanted


CUDA = "nvidia/cuda:12.4.1-devel-ubuntu22.04"


@pytest.mark.parametrize(
    ("text", "images"),
    [
        (f"ARG BASE={CUDA}\nFROM $BASE\n", [CUDA]),
        ("ARG TAG=12.4.1-devel-ubuntu22.04\nFROM nvidia/cuda:${TAG}\n", [CUDA]),
        (f"FROM ${{BASE:-{CUDA}}}\n", [CUDA]),
        ("ARG TAG=12.4.1-devel\nARG FULL=${TAG}-ubuntu22.04\nFROM nvidia/cuda:$FULL AS x\n", [CUDA]),
        (f"FROM --platform=linux/amd64 {CUDA} AS build\n", [CUDA]),
        (f"FROM --platform=$BUILDPLATFORM {CUDA}\n", [CUDA]),
        (f"FROM {CUDA}@sha256:{'0a' * 32}\n", [f"{CUDA}@sha256:{'0a' * 32}"]),
        (f"FROM hac-pytorch:1@sha256:{'0a' * 32}\n", []),
        # Declared in a stage: no FROM sees it.
        (f"ARG BASE=a\nFROM a AS x\nARG BASE={CUDA}\nFROM $BASE\n", []),
        (f"ARG WHICH=x\nFROM {CUDA} AS x\nFROM a AS y\nFROM $WHICH\n", [CUDA]),
        (f"ARG WHICH=y\nFROM {CUDA} AS x\nFROM a AS y\nFROM $WHICH\n", []),
    ],
    ids=[
        "image",
        "tag",
        "default-in-place",
        "argument-of-an-argument",
        "platform",
        "platform-of-the-builder",
        "digest",
        "own-by-digest",
        "declared-in-a-stage",
        "stage-by-argument",
        "other-stage-by-argument",
    ],
)
def test_images_that_arguments_name(tmp_path: Path, text: str, images: list[str]) -> None:
    assert read(tmp_path, text)[1] == images


def test_an_image_that_the_build_names(tmp_path: Path) -> None:
    text = "ARG BASE\nFROM $BASE\nRUN pip install tqdm\n"
    assert read(tmp_path, text, BASE=CUDA) == (["tqdm"], [CUDA])


def test_build_arguments_of_the_command(environment: RealEnvironment, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM hac-pytorch\nARG V\nARG W\nRUN pip install torch==$V.$W\n")
    words = ("check", "--static", "--torch", TORCH, str(tmp_path / "Dockerfile"))
    environment.variables["W"] = "0"
    done = environment.envtool(*words, "--strict")
    assert (done.status, "unknown" in done.out) == (1, True), done.out + done.err
    done = environment.envtool(*words, "--build-arg", "V=2.5", "--build-arg", "W")
    assert (done.status, "torch==2.5.0" in done.out) == (1, True), done.out + done.err
    done = environment.envtool(*words, "--build-arg", "=2.5")
    assert (done.status, "NAME=VALUE" in done.err) == (2, True), done.out + done.err
