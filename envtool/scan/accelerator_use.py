"""Whether a command is a program that holds the accelerator, by its name and its options; and several at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from envtool.language import tell
from envtool.release.read_profile import load_service
from envtool.scan.commands import UNKNOWN, CommandFinding, CommandWord
from envtool.scan.kinds import ScanKind
from envtool.told_kind import Severity

PYTHON = re.compile(r"^(?:python|pypy)[\d.]*$")
_ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*=")
_VISIBLE = frozenset({"CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", load_service().variable})
_LAUNCHERS = frozenset({"torchrun", "accelerate", "deepspeed"})
_TRAINS = re.compile(r"train|training|trainer|pretrain|pretraining|finetune|finetuning|finetuned|fit|tune|distill")
# Programs that make or look at what a training needs or leaves.
_BESIDE = re.compile(
    r"data|dataset|split|plot|prepare|preprocess|download|convert|logs?|monitor|tokenizer|vocab|tests?|client|report"
)
_DEVICE_OPTIONS = re.compile(
    r"--(?:gpu|gpus|gpu[-_]ids?|cuda|device[-_]ids?|cuda[-_]device|local[-_]rank|use[-_](?:gpu|cuda))$"
)
_CPU_OPTIONS = re.compile(r"--(?:no[-_](?:cuda|gpu)|cpu)$")
_SUBCOMMANDS = frozenset({"train", "fit", "finetune", "pretrain"})


def uses_accelerator(words: Sequence[CommandWord]) -> bool:
    """Whether a command, with its assignments before it, is a program that is likely to hold the accelerator."""
    texts = [word.text for word in words]
    visible = [text.partition("=")[2].strip("'\"") for text in texts if text.partition("=")[0] in _VISIBLE]
    if any(value in {"", "-1"} for value in visible):
        return False
    at = next((at for at, text in enumerate(texts) if _is_program(text)), None)
    if at is None:
        return False
    options = _read_devices(texts[at + 1 :])
    if any(_CPU_OPTIONS.match(text) for text in texts[at:]) or options == "cpu":
        return False
    name = PurePosixPath(texts[at]).name
    return (
        bool(visible)
        or (name in _LAUNCHERS and "config" not in texts[at + 1 : at + 2])
        or options is not None
        or _trains(texts[at:])
    )


def _is_program(text: str) -> bool:
    name = PurePosixPath(text).name
    if _ASSIGNMENT.match(text) or text.startswith("-"):
        return False
    return bool(PYTHON.match(name)) or name in _LAUNCHERS or name.endswith((".py", ".sh")) or text == UNKNOWN


def _read_devices(texts: Sequence[str]) -> str | None:
    """The device that options name, if any do: `cpu`, or another text."""
    for at, text in enumerate(texts):
        key, separator, value = text.partition("=")
        value = value if separator else next(iter(texts[at + 1 : at + 2]), "")
        if key == "--device":
            return "cpu" if value.lower() == "cpu" else value
        if _DEVICE_OPTIONS.match(key) and value != "-1":
            return value
    return None


def _trains(texts: Sequence[str]) -> bool:
    """Whether a Python script, a module, or what it is told to do, is a training by its name."""
    own = [text for text in texts if not text.startswith("-")]
    script = next((text for text in own if text.endswith(".py")), None)
    if script is None and "-m" in texts:
        script = next(iter(texts[texts.index("-m") + 1 :]), None)
    if script is None:
        return False
    parts = re.split(r"[^a-z]+", PurePosixPath(script).name.removesuffix(".py").lower())
    if any(_BESIDE.fullmatch(part) for part in parts):
        return False
    return any(_TRAINS.fullmatch(part) for part in parts) or bool(_SUBCOMMANDS.intersection(own))


def make_concurrent(line: int, name: str) -> CommandFinding:
    """Programs that run one after another, although they were started together."""
    return CommandFinding(
        kind=ScanKind.PROCESS_PER_DEVICE,
        severity=Severity.WARNING,
        line=line,
        identifier=name,
        message=tell(
            "{name} runs several programs at a time on one accelerator: each waits until the one before it ends",
            name=name,
        ),
        instead=tell("run them one after another, in the foreground"),
    )


def judge_many(words: Sequence[CommandWord]) -> Iterator[CommandFinding]:
    """`xargs -P 4 python train.py` and `parallel -j 4 python train.py`; the words from the program on."""
    name = PurePosixPath(words[0].text).name
    number = _read_jobs(name, [word.text for word in words[1:]])
    if number == "1":
        return
    for at, word in enumerate(words[1:], 1):
        inner = [CommandWord(part, word.line) for part in word.text.split()] if " " in word.text else words[at:]
        if inner and (_is_program(inner[0].text) or _ASSIGNMENT.match(inner[0].text)) and uses_accelerator(inner):
            yield make_concurrent(words[0].line, name)
            return


def _read_jobs(name: str, texts: Sequence[str]) -> str:
    """How many programs run at a time: xargs' default is one, that of GNU parallel the processors' number."""
    keys = ("-P", "--max-procs") if name == "xargs" else ("-j", "--jobs", "-P", "--max-procs")
    for at, text in enumerate(texts):
        for key in keys:
            if text == key:
                return next(iter(texts[at + 1 : at + 2]), "")
            if text.startswith(f"{key}=") or (len(key) == 2 and re.match(rf"{key}[\d{UNKNOWN}]", text)):
                return text[len(key) :].removeprefix("=")
    return "1" if name == "xargs" else ""
