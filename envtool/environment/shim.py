"""Shims of pyenv, asdf and mise: programs on PATH that start the interpreter of a version chosen elsewhere.

Which one that is depends on files above the working folder, on variables and on the tool's own plug-ins, so that the
shim itself is asked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from envtool.bounded_process import BoundedProcess
from envtool.language import tell

_INTERPRETER = re.compile(r"(?:python|pypy)[\d.]*t?")
# Neither the person's site-packages nor a PYTHONPATH is needed for the answer.
_QUESTION = ("-E", "-S", "-c", "import sys; sys.stdout.write(sys.executable)")
_SECONDS = 20.0


@dataclass(frozen=True)
class ShimAnswer:
    """The interpreter that a shim starts, or `None` with the reason that it gives."""

    interpreter: Path | None
    why: str = ""


def is_shim(program: Path) -> bool:
    """Whether a program called `python` is another one that looks for an interpreter: a script, or a link to a tool."""
    try:
        with open(program, "rb") as stream:
            return stream.read(2) == b"#!" or _INTERPRETER.fullmatch(program.resolve().name) is None
    except OSError:
        return False


def ask_shim(program: Path) -> ShimAnswer:
    """Start the shim as the person's shell would. Another user's is not started."""
    if program.stat().st_uid not in {0, os.geteuid()}:
        return ShimAnswer(None, tell("it belongs to another user, so that it is not asked which interpreter it starts"))
    try:
        ended = BoundedProcess([program, *_QUESTION]).wait(_SECONDS)
    except OSError as error:
        return ShimAnswer(None, str(error.strerror))
    found = ended.out.decode("utf-8", "surrogateescape")
    if ended.status == 0 and found.startswith("/") and os.path.isfile(found):
        return ShimAnswer(Path(found))
    said = next(iter(ended.err.decode("utf-8", "replace").strip().splitlines()), "")
    return ShimAnswer(None, said or tell("it starts no interpreter"))


def find_pyenv_interpreters(python: str, variables: Mapping[str, str]) -> list[str]:
    """A Python's interpreter as pyenv keeps it, the newest: its programs on PATH work for a chosen version only."""
    root = Path(variables.get("PYENV_ROOT") or Path(variables.get("HOME", "/")) / ".pyenv")
    version = ".".join(python.split(".")[:2])
    found = sorted((root / "versions").glob(f"{version}*/bin/python"), reverse=True)
    return [str(path) for path in found if path.parts[-3].split(".")[:2] == version.split(".")][:1]
