"""Runs stages that depend on each other: each as soon as the stages that it needs are done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

# What a stage is for, an image as a rule, and the stage's name.
StageKey = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One step of a build. `work` takes the results of the stages `needs`, in that order; `pool` names its threads."""

    key: StageKey
    work: Callable[..., Any]
    needs: tuple[StageKey, ...] = ()
    pool: str = "work"


def run_stages(
    stages: Iterable[Stage], pools: Mapping[str, int], *, finished: Callable[[Stage, Any], None]
) -> Mapping[StageKey, Any]:
    """Run stages, and return their results; `pools` has the number of threads of each pool.

    `finished` is called in this thread for each stage that is done. Stages that need one that failed are not run, the
    others are; the first error is raised once they have ended. After an interrupt, no further stage is begun.
    """
    by_key = {stage.key: stage for stage in stages}
    order = TopologicalSorter({stage.key: stage.needs for stage in by_key.values()})
    order.prepare()
    results: dict[StageKey, Any] = {}
    errors: list[BaseException] = []
    running: dict[Future[Any], Stage] = {}
    with ExitStack() as stack:
        threads = {name: ThreadPoolExecutor(count) for name, count in pools.items()}
        for pool in threads.values():
            stack.callback(pool.shutdown, cancel_futures=True)
        while order.is_active():
            for key in order.get_ready():
                stage = by_key[key]
                running[threads[stage.pool].submit(stage.work, *(results[need] for need in stage.needs))] = stage
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                stage = running.pop(future)
                error = future.exception()
                if error is not None:
                    errors.append(error)
                    continue
                results[stage.key] = future.result()
                order.done(stage.key)
                finished(stage, results[stage.key])
    if errors:
        raise errors[0]
    return results
