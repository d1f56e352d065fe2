"""The frozen index, which most tests of the corpus install from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.corpus.frozen_index import served


@pytest.fixture(scope="session")
def index() -> Iterator[str]:
    """Its address."""
    with served() as address:
        yield address
