"""pip's command line for wheels that go into an image.

pip is used, not a client of our own, so that indexes, proxies, credentials and private CAs work as configured.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from envtool.errors import EnvtoolError, SourceError
from envtool.image.run_program import run
from envtool.language import join_messages, tell

PythonVersion = tuple[int, int]
# The Python that envtool runs on in an image.
TOOL_PYTHON = (3, 11)
# Which wheels run in an image; pip takes the first of these that a project has.
_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_5_x86_64")
# The maintainer's own constraints are about another environment.
_ENVIRONMENT = {"PIP_CONSTRAINT": "", "PIP_USER": "0"}


def run_pip(command: str, arguments: Sequence[str], python: PythonVersion) -> str:
    """Run `pip install` or `pip download` for a Python of an image, and return its output. Raises `SourceError`."""
    words = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", command, "--quiet"]
    platform = ["--only-binary=:all:", f"--python-version={python[0]}.{python[1]}", "--implementation=cp"]
    platform += [f"--platform={name}" for name in _PLATFORMS]
    return run([*words, *platform, *arguments], environment=_ENVIRONMENT, failure=_make_unreachable_error)


def _make_unreachable_error(what: str, why: str) -> EnvtoolError:
    return SourceError(
        tell("the wheels that go into the image cannot be had"),
        why=join_messages("\n        ", (what, *why.splitlines()[-6:])),
        remedy=tell("check the index that pip is configured for: pip config list"),
    )
