"""Judges CUDA sources themselves, and the files that have them compiled."""

from __future__ import annotations

import re
from collections.abc import Iterator

from envtool.language import tell
from envtool.scan.commands import CommandFinding
from envtool.scan.kinds import ScanKind
from envtool.told_kind import Severity

_CMAKE = re.compile(
    r"\bfind_package\s*\(\s*(CUDA(?:Toolkit)?)\b|\benable_language\s*\(\s*(CUDA)\b|\bproject\s*\([^)]*\b(?:LANGUAGES\b[^)]*)?\b(CUDA)\b"
    r"|\b(cuda_add_(?:library|executable))\s*\(|\b(CUDA_ARCHITECTURES|CMAKE_CUDA_ARCHITECTURES|TORCH_CUDA_ARCH_LIST)\b",
    re.IGNORECASE,
)
_MAKE = re.compile(r"^\s*+(?:NVCC\s*+[:?]?=|.*\bnvcc\b\s+\S)")
_INSTEAD = tell("CppExtension, or torch's own operations")


def judge_cuda_source(name: str) -> Iterator[CommandFinding]:
    """A `.cu` file is one finding, whatever is in it."""
    yield _make(1, name, tell("{name} is CUDA's C++, which nothing here compiles", name=name))


def judge_cmake(text: str) -> Iterator[CommandFinding]:
    """A CMakeLists.txt that wants CUDA."""
    for number, line in enumerate(text.splitlines(), 1):
        match = _CMAKE.search(line.partition("#")[0])
        if match is not None:
            name = next(filter(None, match.groups()))
            yield _make(number, name, tell("it has CUDA sources compiled by nvcc, which is not there"))


def judge_nvcc(text: str) -> Iterator[CommandFinding]:
    """A Makefile that calls nvcc."""
    for number, line in enumerate(text.splitlines(), 1):
        if _MAKE.match(line.partition("#")[0]):
            yield _make(number, "nvcc", tell("it calls nvcc, which is not there"))
            return


def _make(line: int, identifier: str, message: str) -> CommandFinding:
    return CommandFinding(
        kind=ScanKind.CUDA_SOURCE,
        severity=Severity.ERROR,
        line=line,
        identifier=identifier,
        message=message,
        instead=_INSTEAD,
    )
