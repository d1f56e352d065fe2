"""Runs a function in a process of its own, for what keeps Python busy for seconds: its threads take turns."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

from envtool.errors import BuildError
from envtool.install.following import follow, surviving

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def apart(
    function: Callable[_Parameters, _Result], *arguments: _Parameters.args, **named: _Parameters.kwargs
) -> _Result:
    """What the function returns or raises. It, and what goes in and out, must be what pickle takes.

    Raises `BuildError` where the process was killed.
    """
    # Not a fork: this process has threads, whose locks a copy of it would never see released.
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=follow, initargs=(os.getpid(),)) as pool:
        with surviving("makes a layer", BuildError):
            return pool.submit(function, *arguments, **named).result()
