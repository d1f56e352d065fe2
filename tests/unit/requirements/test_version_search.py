"""The search for the newest version that lives with the vendor torch, held to reading every version."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from envtool.release.compatibility import build_known_pin
from envtool.requirements.metadata import MetadataReader
from envtool.requirements.model import InstallOptions
from envtool.requirements.read_file import read_file
from envtool.requirements.resolve import Resolver
from envtool.requirements.suggest import prepare_suggestion
from envtool.requirements.synthetic_target import synthetic_target
from envtool.requirements.target import Target
from envtool.requirements.uv_options import Installer
from envtool.requirements.version_search import _find_conflicts, find_newest_compatible, look_ahead
from tests.conftest import TORCH
from tests.corpus.frozen_index import served
from tests.corpus.sets import NAMED


@pytest.fixture(scope="module")
def reader() -> Iterator[MetadataReader]:
    with served() as address:
        yield MetadataReader((address,))


@pytest.mark.parametrize("torch", [TORCH, "2.1.0+moreh25.1.202"])
def test_it_finds_what_reading_everything_finds(reader: MetadataReader, torch: str) -> None:
    target = Target(build_known_pin(torch), "3.11")
    for name in NAMED[::3]:
        versions = reader.versions(name, "3.11")
        assert versions, name
        living = [version for version in versions if not _find_conflicts(name, version, reader, target)]
        found = find_newest_compatible(name, reader, target, prove=True)
        assert found.newest == (living[0] if living else None), name
        if not living:
            assert found.complete
            assert found.demands


def test_a_project_that_nobody_has(reader: MetadataReader) -> None:
    target = Target(build_known_pin(TORCH), "3.11")
    found = find_newest_compatible("no-such-project", reader, target, prove=True)
    assert (found.newest, found.complete) == (None, False)


def test_looking_ahead_reads_what_the_searches_take() -> None:
    target = Target(build_known_pin(TORCH), "3.11")
    with served() as address:
        reader = MetadataReader((address,))
        found = look_ahead(("lightning", "torchmetrics", "tqdm"), reader, target)
    assert [name for name in found if found[name].is_refused] == ["lightning", "torchmetrics", "pytorch-lightning"]
    # The index is gone: what is found now is what was read before.
    for name, search in found.items():
        assert find_newest_compatible(name, reader, target, prove=name == "lightning") == search
    assert (found["lightning"].newest, found["lightning"].complete) == (None, True)
    assert found["tqdm"].newest == found["tqdm"].latest


@pytest.mark.parametrize(("line", "is_read"), [("accelerate", True), ("accelerate==0.14.0", False)])
def test_a_way_out_is_prepared_where_one_will_be_needed(tmp_path: Path, line: str, is_read: bool) -> None:
    (tmp_path / "requirements.txt").write_text(f"{line}\n")
    wanted = read_file(tmp_path / "requirements.txt").sets[0]
    variables = {**os.environ, "UV_CACHE_DIR": str(tmp_path / "cache")}
    with served() as address, synthetic_target(build_known_pin(TORCH), "3.11") as target:
        reader = MetadataReader((address,))
        resolver = Resolver(target, Installer.PIP, variables, InstallOptions(index_url=address))
        prepare_suggestion(wanted, resolver, look_ahead(("accelerate",), reader, target))
    held = list((tmp_path / "cache").rglob("accelerate/0.14.0*.msgpack"))
    assert bool(held) is is_read, list((tmp_path / "cache").rglob("*"))
