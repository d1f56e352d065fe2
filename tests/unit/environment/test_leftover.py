"""Telling whose remains a `~…` entry is."""

from __future__ import annotations

import pytest

from envtool.environment.leftover import match_leftover, parse_leftover_version
from envtool.release.profile import TOP_LEVEL_NAMES


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("~orch", "torch"),
        ("~-rch", "torch"),
        ("~~ch", "torch"),
        ("~orch-1.7.1+cu110.moreh22.8.0.dist-info", "torch"),
        ("~0rch-1.7.1.dist-info", "torch"),
        ("~orchvision", "torchvision"),
        ("~-rchaudio-0.7.2.dist-info", "torchaudio"),
        ("~affe2", "caffe2"),
        ("~umpy", None),
        ("~umpy-1.0.dist-info", None),
        ("torch", None),
        ("~", None),
        ("~h", None),
    ],
)
def test_whose_it_is(entry: str, name: str | None) -> None:
    assert match_leftover(entry, TOP_LEVEL_NAMES) == name


def test_the_version_it_bears() -> None:
    assert parse_leftover_version("~orch-1.7.1+cu110.moreh22.8.0.dist-info") == "1.7.1+cu110.moreh22.8.0"
    assert parse_leftover_version("~orch") is None
