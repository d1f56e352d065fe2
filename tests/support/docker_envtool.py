"""envtool and containers, as a person in the checkout runs them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from tests.support.docker_command import Ran, run

PROJECT = Path(__file__).parents[2]


def envtool(*arguments: str | Path, **variables: str) -> Ran:
    """Run envtool as a person in the checkout does."""
    return run([sys.executable, "-m", "envtool", *arguments], **variables)


BuildChild = Callable[..., Ran]


def in_container(image: str, *command: str, user: str | None = None) -> Ran:
    """Run a command in a fresh container without a network, as the image's user or another one."""
    options = ["--user", user] if user is not None else []
    return run(["docker", "run", "--rm", "--network", "none", *options, image, *command])
