"""Many machines verify a registry together: each image is in one part, always the same."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from jsonschema import validate

from envtool.verify.shard import Shard, parse_shard
from tests.support.environment import RealEnvironment
from tests.support.image_layout import Layout
from tests.unit.verify.test_many_images import make_images, registry_of

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/verify.schema.json").read_text())


@pytest.mark.parametrize("count", [1, 2, 7, 40])
def test_the_parts_are_all_and_each_image_is_in_one(count: int) -> None:
    references = [f"docker://registry.example.com/team/app{n}:{tag}" for n in range(300) for tag in ("1", "2")]
    parts = [Shard(index, count).select(references) for index in range(count)]
    assert sorted(name for part in parts for name in part) == sorted(references)
    # Nobody does all the work.
    assert max(map(len, parts)) <= 3 * len(references) / count


def test_an_image_that_comes_or_goes_moves_no_other() -> None:
    before = [f"docker://r/app{n}:1" for n in range(100)]
    after = [*before[:50], "docker://r/new:1", *before[51:]]
    moved = [set(Shard(i, 5).select(before)) ^ set(Shard(i, 5).select(after)) for i in range(5)]
    assert {name for part in moved for name in part} == {before[50], "docker://r/new:1"}


def test_a_digest_decides_whatever_it_is_called() -> None:
    digest = "sha256:" + "5c" * 32
    references = (f"docker://a/x@{digest}", f"docker://b/y:1@{digest}")
    assert {len(Shard(index, 64).select(references)) for index in range(64)} == {0, 2}


@pytest.mark.parametrize("text", ["", "1", "4/4", "-1/4", "0/0", "1/2/3", " 0/1", "0x1/4", "a/b", "٣/٤"])
def test_what_is_no_part(text: str) -> None:
    with pytest.raises(ValueError, match=r"part|form"):
        parse_shard(text)


def test_a_registry_is_swept_in_parts(environment: RealEnvironment, tmp_path: Path) -> None:
    """The parts' files make one report, each image once; a part that is empty, or run again, is no error."""
    layout = Layout()
    images = make_images(layout, 6)
    with registry_of(images, layout, Counter()) as host:
        for index in [*range(10), 3]:
            file = tmp_path / f"sweep/{index}.json"
            file.parent.mkdir(exist_ok=True)
            command = ["verify", "--static", f"docker://{host}/team/*", "--shard", f"{index}/10", "--format", "json"]
            outcome = environment.here(*command, "--output", str(file), "--project", str(tmp_path))
            assert outcome.status in {0, 1}, outcome.err
            validate(json.loads(file.read_text()), SCHEMA)
    outcome = environment.here("fleet", "report", str(tmp_path / "sweep"), "--format", "json")
    document = json.loads(outcome.out)
    assert sorted(row["name"] for row in document["subjects"]) == sorted(f"docker://{host}/{name}" for name in images)
    assert (document["looks"], document["files"]) == (6, 10)


def test_an_image_of_a_part_that_cannot_be_read_has_a_row(environment: RealEnvironment, tmp_path: Path) -> None:
    """Alone it would be the command's error, and a sweep's file would be missing."""
    layout = Layout()
    images = make_images(layout, 1)
    layout.blobs = {digest: data for digest, data in layout.blobs.items() if digest in images.values()}
    with registry_of(images, layout, Counter()) as host:
        outcome = environment.here(
            "verify",
            "--static",
            f"docker://{host}/team/*",
            "--shard",
            "0/1",
            "--format",
            "json",
            "--project",
            str(tmp_path),
        )
    assert [row["status"] for row in json.loads(outcome.out)["images"]] == ["error"]
    assert outcome.status == 20


def test_a_wrong_part_is_wrong_usage(environment: RealEnvironment) -> None:
    outcome = environment.here("verify", "--static", "x.tar", "--shard", "4/4")
    assert outcome.status == 2
    assert "3/4" in outcome.err
