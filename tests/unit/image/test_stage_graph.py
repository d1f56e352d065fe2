"""Stages run as soon as what they need is done, and an error stops what needs it, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from graphlib import CycleError
from typing import Any

import pytest

from envtool.errors import BuildError
from envtool.image.stage_graph import Stage, StageKey, run_stages

PARENT, CHILD, SIBLING = ("parent", "image"), ("child", "image"), ("sibling", "image")


def run(*stages: Stage, threads: int = 4) -> tuple[dict[StageKey, Any], list[StageKey]]:
    """The results, and the stages in the order in which they were finished."""
    finished: list[StageKey] = []
    results = run_stages(stages, {"work": threads}, finished=lambda stage, _result: finished.append(stage.key))
    return dict(results), finished


def test_a_stage_takes_the_results_of_those_that_it_needs() -> None:
    results, finished = run(
        Stage(key=CHILD, needs=(PARENT, SIBLING), work=lambda parent, sibling: f"{parent} {sibling}"),
        Stage(key=PARENT, work=lambda: "first"),
        Stage(key=SIBLING, needs=(PARENT,), work=lambda parent: f"after {parent}"),
        threads=1,
    )
    assert results[CHILD] == "first after first"
    assert finished == [PARENT, SIBLING, CHILD]


def test_stages_that_do_not_need_each_other_run_at_once() -> None:
    barrier = threading.Barrier(2)

    def meet() -> None:
        barrier.wait(30)

    results, _finished = run(Stage(key=CHILD, work=meet), Stage(key=SIBLING, work=meet))
    assert results.keys() == {CHILD, SIBLING}


def test_an_error_is_raised_once_and_what_needs_it_is_not_begun() -> None:
    begun: list[str] = []
    failed = threading.Event()

    def fail() -> None:
        begun.append("parent")
        failed.set()
        raise BuildError("no parent")

    def note(name: str) -> Callable[..., None]:
        return lambda *_needs: begun.append(name)

    def sibling() -> None:
        assert failed.wait(30)
        begun.append("sibling")

    with pytest.raises(BuildError, match="no parent"):
        run(
            Stage(key=PARENT, work=fail),
            Stage(key=CHILD, needs=(PARENT,), work=note("child")),
            Stage(key=SIBLING, work=sibling),
            Stage(key=("sibling", "push"), needs=(SIBLING,), work=note("push")),
        )
    assert begun == ["parent", "sibling", "push"], "what stops a parent is not tried again for each of its children"


def test_a_circle_is_refused_before_anything_is_run() -> None:
    begun: list[StageKey] = []
    with pytest.raises(CycleError):
        run(
            Stage(key=PARENT, needs=(CHILD,), work=lambda _child: begun.append(PARENT)),
            Stage(key=CHILD, needs=(PARENT,), work=lambda _parent: begun.append(CHILD)),
            Stage(key=SIBLING, work=lambda: begun.append(SIBLING)),
        )
    assert not begun
