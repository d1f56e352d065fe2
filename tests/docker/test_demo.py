"""`make demo`, as a person sees it."""

from __future__ import annotations

import pytest

from tests.support.docker_envtool import PROJECT, envtool

pytestmark = pytest.mark.docker


def test_every_step_gives_what_it_should(hac_base: str) -> None:
    done = envtool("demo", "--project", PROJECT)
    assert done.status == 0, done.output
    assert "13 of 13 steps gave what they should" in done.output
