"""Reads makefiles: the recipes of all targets, each of its lines as the shell gets it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from envtool.requirements.readers.makefile import MAKE_VARIABLE, expand_make_variables
from envtool.scan.build_files import judge_nvcc
from envtool.scan.commands import CommandWord, judge_variable
from envtool.scan.kinds import ScanKind
from envtool.scan.shell import judge_script

if TYPE_CHECKING:
    from envtool.scan.commands import CommandFinding
    from envtool.scan.process_launch import Follow


def judge_makefile(text: str, follow: Follow) -> Iterator[CommandFinding]:
    """What the recipes of a makefile do that does not go here."""
    yield from judge_nvcc(text)
    variables: dict[str, str] = {}
    # A line that goes on in the next keeps its number where its end stays.
    for line, row in enumerate(re.sub(r"\\\n((?:.*\\\n)*.*)", _join_rows, text).split("\n"), 1):
        match = MAKE_VARIABLE.match(row)
        if match is not None and not row.startswith("\t"):
            variables[match[1]] = match[2].partition(" #")[0].strip()
            yield from judge_variable(CommandWord(f"{match[1]}={variables[match[1]]}", line))
    for line, recipe in _list_recipes(text):
        for finding in judge_script(expand_make_variables(recipe, variables), follow, line):
            if finding.kind is not ScanKind.CUDA_SOURCE:
                yield finding


def _join_rows(match: re.Match[str]) -> str:
    return " " + match[1].replace("\\\n", " ") + "\n" * match[0].count("\n")


def _list_recipes(text: str) -> Iterator[tuple[int, str]]:
    """The lines that begin with a tab, with those that they go on in; each with its number."""
    rows = text.split("\n")
    at = 0
    while at < len(rows):
        first = at
        if rows[at].startswith("\t"):
            while rows[at].endswith("\\") and at + 1 < len(rows):
                at += 1
            taken = [row.removeprefix("\t") for row in rows[first : at + 1]]
            yield first + 1, "\n".join([taken[0].lstrip(" @-+"), *taken[1:]])
        at += 1
