"""Programs of well-known projects that start a process for each device themselves, and say so by words of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from envtool.language import tell
from envtool.scan.commands import UNKNOWN, CommandFinding, CommandWord, make_several, read_options
from envtool.scan.kinds import NO_TENSORRT, ScanKind
from envtool.scan.program_options import judge_options
from envtool.told_kind import Severity

# Ultralytics, open-mmlab's mim, torchtune.
MODEL_PROGRAMS = frozenset({"yolo", "mim", "tune"})
# They start torchrun themselves where this variable says more than one.
_READ_VARIABLE = re.compile(r"^(?:llamafactory-cli|swift|megatron|xtuner|lmf)$|(?:^|/)(?:sft|swift)/\w+\.py$")
_PROCESSES = re.compile(r"^(?:NPROC_PER_NODE|NNODES)=(.*)$")
_SEVERAL = re.compile(r"^\[?\s*\d+\s*(?:,\s*\d+\s*)+\]?$")


def judge_model_program(words: Sequence[CommandWord], name: str) -> Iterator[CommandFinding]:
    """A command of one of `MODEL_PROGRAMS`."""
    if name == "yolo":
        yield from _judge_yolo(words)
        return
    keys = ("--gpus", "-G") if name == "mim" else ("--nproc_per_node", "--nproc-per-node", "--nnodes")
    options = read_options(words[1:])
    number = next((options[key] for key in keys if options.get(key, "1") not in {"0", "1", "auto", "gpu"}), None)
    is_launch = name == "tune" or options.get("--launcher", options.get("-l", "none")) != "none"
    if number is not None and is_launch:
        yield make_several(words[0].line, f"{name} {words[1].text}", number)
    else:
        yield from judge_options(words[1:])


def _judge_yolo(words: Sequence[CommandWord]) -> Iterator[CommandFinding]:
    settings = dict(word.text.partition("=")[::2] for word in words[1:] if "=" in word.text)
    if _SEVERAL.match(settings.get("device", "").strip("\"'")):
        yield make_several(words[0].line, "yolo", settings["device"])
    else:
        yield from judge_options(words[1:])
    if settings.get("format") in {"engine", "tensorrt"}:
        yield CommandFinding(
            kind=ScanKind.CUDA_LIBRARY,
            severity=Severity.ERROR,
            line=words[0].line,
            identifier="format=engine",
            message=tell("format=engine is {what}", what=NO_TENSORRT),
            instead="format=onnx",
        )


def judge_process_variable(words: Sequence[CommandWord]) -> Iterator[CommandFinding]:
    """`NPROC_PER_NODE=4` before a program that starts so many processes by itself; the words from the variable on."""
    match = _PROCESSES.match(words[0].text)
    if match is None or match[1].strip("\"'") in {"", "0", "1"}:
        return
    programs = [word.text for word in words[1:]]
    if any(_READ_VARIABLE.search(text) or _READ_VARIABLE.match(PurePosixPath(text).name) for text in programs):
        yield make_several(words[0].line, words[0].text.partition("=")[0], match[1].replace("$", UNKNOWN))
