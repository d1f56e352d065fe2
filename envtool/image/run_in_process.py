"""Runs a function in a process of its own, for what keeps Python busy for seconds: its threads take turns."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

from envtool.errors import BuildError
from envtool.transaction.worker import die_with_parent, translate_worker_death

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def run_in_process(
    function: Callable[_Parameters, _Result], *arguments: _Parameters.args, **named: _Parameters.kwargs
) -> _Result:
    """What the function returns or raises. It, and what goes in and out, must be what pickle takes.

    Raises `BuildError` where the process was killed.
    """
    # Not a fork: this process has threads, whose locks a copy of it would never see released.
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=die_with_parent, initargs=(os.getpid(),)) as pool:
        with translate_worker_death("makes a layer", BuildError):
            return pool.submit(function, *arguments, **named).result()
