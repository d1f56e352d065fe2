"""The search for the newest version that lives with the vendor torch, held to reading every version."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from envtool.requirements.metadata import MetadataReader
from envtool.requirements.newest import _refusals, newest_living
from envtool.requirements.target import Target
from envtool.vendor.known import known_pin
from tests.conftest import TORCH
from tests.corpus.frozen_index import served
from tests.corpus.sets import NAMED


@pytest.fixture(scope="module")
def reader() -> Iterator[MetadataReader]:
    with served() as address:
        yield MetadataReader((address,))


@pytest.mark.parametrize("torch", [TORCH, "2.1.0+moreh25.1.202"])
def test_it_finds_what_reading_everything_finds(reader: MetadataReader, torch: str) -> None:
    target = Target(known_pin(torch), "3.11")
    for name in NAMED[::3]:
        versions = reader.versions(name, "3.11")
        assert versions, name
        living = [version for version in versions if not _refusals(name, version, reader, target)]
        found = newest_living(name, reader, target, prove=True)
        assert found.newest == (living[0] if living else None), name
        if not living:
            assert found.complete
            assert found.demands


def test_a_project_that_nobody_has(reader: MetadataReader) -> None:
    target = Target(known_pin(TORCH), "3.11")
    found = newest_living("no-such-project", reader, target, prove=True)
    assert (found.newest, found.complete) == (None, False)
