"""A command of a shell: its words, its options, and what is found in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from envtool.language import tell
from envtool.scan.kinds import ScanKind
from envtool.told_kind import Severity

# What stands for a part of a word that only the run will know.
UNKNOWN = "\ufffd"
ONE_PROCESS = tell("python SCRIPT, without a launcher: one process for one accelerator")
# Variables that say which devices a program sees.
VISIBLE = frozenset({"CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"})


@dataclass(frozen=True)
class CommandWord:
    """A word of a command, and its line. A word has `UNKNOWN` for what is not known of it."""

    text: str
    line: int


@dataclass(frozen=True, kw_only=True)
class CommandFinding:
    """What a command does that does not go here, at a line."""

    kind: ScanKind
    severity: Severity
    line: int
    identifier: str
    message: str
    instead: str = ""


def read_options(words: Sequence[CommandWord]) -> dict[str, str]:
    """The long and short options of a command with their values, an empty one where none follows."""
    options: dict[str, str] = {}
    for at, word in enumerate(words):
        if not word.text.startswith("-"):
            continue
        key, separator, value = word.text.partition("=")
        if not separator and at + 1 < len(words) and not words[at + 1].text.startswith("--"):
            value = words[at + 1].text
        options.setdefault(key, value)
    return options


def needless(word: CommandWord, name: str) -> CommandFinding:
    """What is only for several GPUs."""
    return CommandFinding(
        kind=ScanKind.PARALLEL_NEEDLESS,
        severity=Severity.WARNING,
        line=word.line,
        identifier=name,
        message=tell("{name} is for several GPUs", name=name),
        instead=tell("leave it out: the vendor torch distributes the work by itself"),
    )


def make_several(line: int, name: str, number: str | None) -> CommandFinding:
    """Several processes for one accelerator; `number` is what is known of how many."""
    unknown = tell("a number that only the run knows")
    count = unknown if number == UNKNOWN else number.replace(UNKNOWN, unknown) if number else tell("an unknown number")
    return CommandFinding(
        kind=ScanKind.PROCESS_PER_DEVICE,
        severity=Severity.ERROR,
        line=line,
        identifier=name,
        message=tell(
            "{name} starts several processes ({count}) for one accelerator: they wait for each other for ever",
            name=name,
            count=count,
        ),
        instead=ONE_PROCESS,
    )


def judge_variable(word: CommandWord) -> Iterator[CommandFinding]:
    """What a variable is set to before a command, or for all that follow."""
    name, _, value = word.text.partition("=")
    value = value.strip("'\"")
    if name in VISIBLE and re.search(r"(?:^|,)\s*[1-9]\d*\b", value):
        yield CommandFinding(
            kind=ScanKind.SECOND_DEVICE,
            severity=Severity.WARNING,
            line=word.line,
            identifier=f"{name}={value}",
            message=tell("{name} names a device other than the one there is", name=name),
            instead=tell("leave {name} out", name=name),
        )
    elif name == "FORCE_CUDA" and value == "1":
        yield CommandFinding(
            kind=ScanKind.CUDA_SOURCE,
            severity=Severity.WARNING,
            line=word.line,
            identifier=name,
            message=tell("FORCE_CUDA has an extension built from CUDA sources, by nvcc, which is not there"),
            instead=tell("leave FORCE_CUDA out"),
        )
    elif name in {"ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"} and value.lower() in {"1", "true", "yes"}:
        yield needless(word, name)


@dataclass(frozen=True)
class AccelerateSettings:
    """What a configuration of accelerate says of processes."""

    processes: int | None
    distributed: str
