"""The search for the newest version that lives with the vendor torch, held to reading every version."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from envtool.release.compatibility import build_known_pin
from envtool.requirements.metadata import MetadataReader
from envtool.requirements.target import Target
from envtool.requirements.version_search import _find_conflicts, find_newest_compatible
from tests.corpus.frozen_index import served
from tests.corpus.sets import NAMED
from tests.support.environment import TORCH


@pytest.fixture(scope="module")
def reader() -> Iterator[MetadataReader]:
    with served() as address:
        yield MetadataReader((address,))


@pytest.mark.parametrize("torch", [TORCH, "2.1.0+moreh25.1.202"])
def test_it_finds_what_reading_everything_finds(reader: MetadataReader, torch: str) -> None:
    target = Target(pin=build_known_pin(torch), python="3.11")
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
    target = Target(pin=build_known_pin(TORCH), python="3.11")
    found = find_newest_compatible("no-such-project", reader, target, prove=True)
    assert (found.newest, found.complete) == (None, False)
