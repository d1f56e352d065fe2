"""Images whose configuration is told from their recipe, and the archives that an engine takes them over from."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from envtool.image.context.docker_archive import LayerStep, LoadableImage
from envtool.image.context.dockerfile_config import evaluate_instructions
from envtool.image.read.layer import Capture, FileSelector
from envtool.image.read.overlay import merge_layers
from envtool.image.read.reference import read_image

BASE = {"Env": ["PATH=/bin", "KEPT=1"], "Cmd": ["/bin/sh"], "Labels": {"a": "1"}, "Shell": ["/bin/bash", "-c"]}


def changed(recipe: str) -> dict[str, Any]:
    """What a recipe changes of the base's configuration."""
    found = evaluate_instructions(f"ARG HAC_BASE=x\nFROM ${{HAC_BASE}}\n{recipe}\n", BASE)
    assert found is not None
    return {key: value for key, value in found.configuration.items() if BASE.get(key) != value}


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ("", {}),
        ("# a comment\n\n   # another", {}),
        ("env A=1 B='two words' \\\n  # in between\n  PATH=/x", {"Env": ["PATH=/x", "KEPT=1", "A=1", "B=two words"]}),
        ('LABEL b="say \\"hi\\"" \\\n      c=d', {"Labels": {"a": "1", "b": 'say "hi"', "c": "d"}}),
        ('CMD ["/bin/bash"]', {"Cmd": ["/bin/bash"]}),
        ("CMD echo hi", {"Cmd": ["/bin/bash", "-c", "echo hi"]}),
        ('ENTRYPOINT ["tini", "--"]', {"Entrypoint": ["tini", "--"], "Cmd": None}),
        ('CMD ["x"]\nENTRYPOINT ["tini"]', {"Entrypoint": ["tini"], "Cmd": ["x"]}),
        (
            'SHELL ["/opt/hac-shell", "-c"]\nCMD x',
            {"Shell": ["/opt/hac-shell", "-c"], "Cmd": ["/opt/hac-shell", "-c", "x"]},
        ),
        ("USER hac\nWORKDIR /home/hac", {"User": "hac", "WorkingDir": "/home/hac"}),
        ("EXPOSE 80 53/udp", {"ExposedPorts": {"80/tcp": {}, "53/udp": {}}}),
        ("STOPSIGNAL SIGINT", {"StopSignal": "SIGINT"}),
        ("HEALTHCHECK NONE", {"Healthcheck": {"Test": ["NONE"]}}),
        ("HEALTHCHECK CMD exit 0", {"Healthcheck": {"Test": ["CMD-SHELL", "exit 0"]}}),
        (
            'HEALTHCHECK --interval=30s --timeout=500ms --retries=2 CMD ["a", "b c"]',
            {"Healthcheck": {"Test": ["CMD", "a", "b c"], "Interval": 30 * 10**9, "Timeout": 5 * 10**8, "Retries": 2}},
        ),
    ],
)
def test_settings(recipe: str, expected: dict[str, Any]) -> None:
    assert changed(recipe) == expected


@pytest.mark.parametrize(
    "recipe",
    [
        "RUN true",
        "COPY a /",
        "ADD https://example.com/x /",
        "ADD layers/a.tar /opt/",
        "ENV A=$PATH",
        "ENV A one",
        "USER ${WHO}",
        "WORKDIR /somewhere/else",
        "VOLUME /data",
        "ONBUILD RUN true",
        "EXPOSE 80-90",
        "SHELL /bin/sh",
        "LABEL a='open",
        "HEALTHCHECK --start-interval=1s CMD true",
        "HEALTHCHECK --interval=1.5s CMD true",
    ],
)
def test_what_takes_a_builder(recipe: str) -> None:
    assert evaluate_instructions(f"FROM x\n{recipe}\n", BASE) is None


def test_layers_are_named() -> None:
    found = evaluate_instructions("FROM x\nADD layers/10-a.tar /\nUSER hac\nADD layers/20-b.tar /\n", {})
    assert found is not None
    assert found.layers == ("10-a.tar", None, "20-b.tar")
    assert [str(step) for step in found.steps] == ["ADD layers/10-a.tar /", "USER hac", "ADD layers/20-b.tar /"]


def layer(path: Path, text: str) -> Path:
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo("opt/file")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text.encode()))
    return path


def image(folder: Path) -> LoadableImage:
    steps = (
        LayerStep("ADD base.tar /", layer(folder / "base.tar", "lower")),
        LayerStep("USER hac"),
        LayerStep("ADD layers/10-a.tar /", layer(folder / "10-a.tar", "upper")),
    )
    return LoadableImage(("test:latest", "test:1"), {"User": "hac", "Cmd": None}, steps, 1_661_990_400)


def test_the_archive_is_one_that_others_read(tmp_path: Path) -> None:
    made = image(tmp_path)
    (tmp_path / "saved.tar").write_bytes(b"".join(made.archive()))
    read = read_image(str(tmp_path / "saved.tar"), FileSelector(lambda *_file: Capture.DATA), project=tmp_path)
    assert merge_layers(read.layers).data("opt/file") == b"upper"
    assert [(step.instruction, step.layer) for step in read.steps] == [
        ("ADD base.tar /", 1),
        ("USER hac", None),
        ("ADD layers/10-a.tar /", 2),
    ]
    assert read.configuration["config"] == {"User": "hac"}
    assert read.configuration["created"] == "2022-09-01T00:00:00Z"
    assert read.identity == made.identity
    assert b"".join(image(tmp_path).archive()) == b"".join(made.archive())


def names(chunks: bytes) -> tuple[list[str], dict[str, Any]]:
    with tarfile.open(fileobj=io.BytesIO(chunks)) as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest is not None
        return archive.getnames(), json.load(manifest)[0]


def test_what_the_engine_has_is_left_out(tmp_path: Path) -> None:
    made = image(tmp_path)
    lower, upper = made.diff_ids
    whole, manifest = names(b"".join(made.archive()))
    part, same = names(b"".join(made.archive([lower])))
    assert manifest == same
    assert manifest["RepoTags"] == ["test:latest", "test:1"]
    assert set(whole) - set(part) == {manifest["Layers"][0]}
    # Another's layers are of no use, nor are ours on top of them.
    for known in ([upper], [upper, lower], [lower, upper, lower]):
        assert names(b"".join(made.archive(known)))[0] == whole
