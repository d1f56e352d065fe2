"""Reads commands that other languages carry: just, Snakemake, Nextflow, Jenkins, Procfiles, and documents.

What a document shows is run by whoever reads it, if at all: a note. Most of such commands are for the machines of those
who wrote it, and the program itself is judged by its files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from envtool.scan.cluster import make_request
from envtool.scan.commands import CommandWord
from envtool.scan.containers import judge_run_options
from envtool.scan.images import judge_image
from envtool.scan.kinds import ScanKind
from envtool.scan.shell import judge_script
from envtool.told_kind import Severity

if TYPE_CHECKING:
    from envtool.scan.commands import CommandFinding
    from envtool.scan.process_launch import Follow

_JUST_VARIABLE = re.compile(r"^(?:export\s+)?([\w-]+)\s*:=\s*[\"']?([^\"'\n]*)[\"']?\s*$")
_JUST_USE = re.compile(r"\{\{\s*([\w-]+)\s*\}\}")
_COMMENT = r"(?m:^[ \t]*(?:#|//)[^\n]*$)"
_BLOCK = r"\"\"\"(.*?)(?:\"\"\"|\Z)|'''(.*?)(?:'''|\Z)"
_TEXT = rf"{_BLOCK}|\"((?:[^\"\\\n]|\\.)*)\"|'((?:[^'\\\n]|\\.)*)'"
# A text behind the word that has it run; texts of several lines stand for themselves.
_RUN = re.compile(
    rf"{_COMMENT}|\b(?:shell|sh|bash|script|command|cmd|exec)\b\s{{0,99}}[:(]?\s{{0,99}}(?:script\s{{0,9}}:\s{{0,99}})?(?:{_TEXT})|{_BLOCK}",
    re.DOTALL,
)
_IMAGE = re.compile(r"\b(?:container|image)\s{0,9}[:=]?\s{0,9}[\"']([^\"'\s]+)[\"']")
_OPTIONS = re.compile(r"\b(?:args|containerOptions|runOptions)\s{0,9}[:=]?\s{0,9}[\"']([^\"']+)[\"']")
_REQUEST = re.compile(r"^\s*(accelerator|nvidia_gpu|gpus?)\s*[:=]?\s*([2-9]|\d\d+)\b")
_FENCE = re.compile(r"^\s*(?:`{3,}|~{3,})\s*(\w*)")
_SHELLS = frozenset({"", "bash", "sh", "shell", "console", "zsh", "shellsession", "terminal"})
_SHOWN = frozenset({ScanKind.PROCESS_PER_DEVICE, ScanKind.NVIDIA_QUERY, ScanKind.NVIDIA_CONTAINER})


def judge_recipes(text: str, name: str, follow: Follow) -> Iterator[CommandFinding]:
    """What the commands in a file of a task runner or a pipeline do that does not go here."""
    if name == "Procfile":
        for line, row in enumerate(text.split("\n"), 1):
            yield from judge_script(row.partition(":")[2], follow, line)
    elif name.lower().endswith(("just", "justfile")):
        yield from _judge_just(text, follow)
    else:
        for line, script in _list_scripts(text):
            yield from judge_script(script, follow, line)
        for line, row in enumerate(text.split("\n"), 1):
            yield from _judge_directive(row, line)


def _judge_just(text: str, follow: Follow) -> Iterator[CommandFinding]:
    variables: dict[str, str] = {}
    for line, row in enumerate(text.split("\n"), 1):
        match = _JUST_VARIABLE.match(row)
        if match is not None:
            variables[match[1]] = match[2]
        elif row.startswith((" ", "\t")):
            command = _JUST_USE.sub(lambda use: variables.get(use[1], f"${{{use[1]}}}"), row.lstrip(" \t@-"))
            yield from judge_script(command, follow, line)


def _list_scripts(text: str) -> Iterator[tuple[int, str]]:
    for match in _RUN.finditer(text):
        found = next(((number, part) for number, part in enumerate(match.groups(), 1) if part), None)
        if found is not None:
            yield text.count("\n", 0, match.start(found[0])) + 1, found[1]


def _judge_directive(row: str, line: int) -> Iterator[CommandFinding]:
    """An image, options for its container, and accelerators that are asked for."""
    if row.lstrip().startswith(("#", "//")):
        return
    image = _IMAGE.search(row)
    found = judge_image(image[1].removeprefix("docker://")) if image is not None else None
    if found is not None:
        yield replace(found, line=line)
    options = _OPTIONS.search(row)
    if options is not None:
        yield from judge_run_options([CommandWord(part, line) for part in options[1].split()])
    request = _REQUEST.match(row)
    if request is not None:
        yield make_request(line, request[1], request[2])


def judge_document(text: str, follow: Follow) -> Iterator[CommandFinding]:
    """What the commands that a document shows would do here."""
    is_open, is_shell = False, False
    for line, row in enumerate(text.split("\n"), 1):
        fence = _FENCE.match(row)
        if fence is not None:
            is_open = not is_open
            is_shell = is_open and fence[1].lower() in _SHELLS
        elif is_shell:
            for finding in judge_script(re.sub(r"^\s*[$>%]\s+", "", row), follow, line):
                if finding.kind in _SHOWN:
                    yield replace(finding, severity=Severity.NOTE)
