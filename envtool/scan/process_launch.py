"""Launchers: how many processes `torchrun`, `accelerate launch`, `deepspeed` and their like start."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from envtool.language import tell
from envtool.scan.accelerator_use import PYTHON
from envtool.scan.commands import (
    UNKNOWN,
    AccelerateSettings,
    CommandFinding,
    CommandWord,
    make_several,
    needless,
    read_options,
)
from envtool.scan.program_options import judge_option, judge_options
from envtool.told_kind import Severity

# The number of processes, and of machines, that a configuration of accelerate asks for; `None` where it is not found.
Follow = Callable[[str], "AccelerateSettings | None"]

_PROCESSES = ("--nproc_per_node", "--nproc-per-node", "--nproc_per_gpu", "--nproc", "--num_gpus", "--num-gpus")
_NODES = ("--nnodes", "--num_nodes", "--num-nodes", "--num_machines", "--num-machines")
_SCRIPT = re.compile(r".*\.(?:py|ipynb|sh)$")


def judge_launch(
    words: list[CommandWord], name: str, follow: Follow, *, quiet: bool = False
) -> Iterator[CommandFinding]:
    """What a launcher starts; its words begin with its name. `quiet`: it may be another program of that name."""
    line = words[0].line
    count = count_own_words(words[1:])
    own = read_options(words[1 : count + 1])
    found: str | None = None
    starts = False
    for key in _NODES:
        # `1:4` is elastic: one machine does.
        value = own.get(key)
        if value is not None and value.partition(":")[0] not in {"1", ""}:
            starts, found = True, f"{key} {value}"
    for key in (*_PROCESSES, "--num_processes", "--num-processes", "-np", "-n", "--nproc_per_host"):
        value = own.get(key)
        if value is not None and key in {"-n", "-np"} and name != "horovodrun" and name != "accelerate launch":
            continue
        if value is not None and value not in {"1", "auto", "gpu"}:
            starts, found = True, value
        if value in {"auto", "gpu"}:
            found = found or value
    if name == "accelerate launch":
        yield from _judge_accelerate(line, own, follow, starts, found)
    elif name == "deepspeed":
        yield from _judge_deepspeed(line, own, starts, found)
    elif name == "colossalai" and len(words) > 1 and words[1].text != "run":
        return
    elif starts and not (quiet and not found):
        yield make_several(line, name, found)
    yield from judge_options(words[count + 1 :])


def _judge_accelerate(
    line: int, own: dict[str, str], follow: Follow, starts: bool, found: str | None
) -> Iterator[CommandFinding]:
    asked = {"--num_processes", "--num-processes"} & own.keys()
    configuration = own.get("--config_file") or own.get("--config-file")
    if starts or "--multi_gpu" in own or "--multi-gpu" in own:
        if not (asked and own[asked.pop()] == "1" and not starts):
            yield make_several(line, "accelerate launch", found)
    elif configuration is not None and not asked:
        settings = follow(configuration)
        if settings is None:
            if re.search(r"deepspeed|fsdp|multi|zero|ddp|[2-9]_?gpu|distributed", configuration, re.IGNORECASE):
                yield make_several(line, "accelerate launch", None)
            elif UNKNOWN not in configuration:
                yield replace(
                    make_several(line, "accelerate launch", None),
                    severity=Severity.WARNING,
                    message=tell(
                        "how many processes it starts stands in {configuration}, which is not here",
                        configuration=configuration,
                    ),
                )
        elif settings.processes is not None and settings.processes > 1:
            yield make_several(
                line,
                "accelerate launch",
                tell("{processes} in {configuration}", processes=settings.processes, configuration=configuration),
            )
        elif settings.processes is None and settings.distributed not in {"NO", ""}:
            yield make_several(line, "accelerate launch", None)
    devices = own.get("--gpu_ids") or own.get("--gpu-ids")
    if devices is not None:
        yield from judge_option(CommandWord("--gpu_ids", line), "gpu_ids", [devices])
    for option in ("--use_deepspeed", "--use_fsdp", "--use_megatron_lm", "--use-deepspeed", "--use-fsdp"):
        if option in own and own[option].lower() != "false":
            yield needless(CommandWord(option, line), option)


def _judge_deepspeed(line: int, own: dict[str, str], starts: bool, found: str | None) -> Iterator[CommandFinding]:
    included = own.get("--include") or own.get("-i") or ""
    several = "," in included or "@" in included or UNKNOWN in included
    if starts or several or "--hostfile" in own or "-H" in own:
        yield make_several(line, "deepspeed", found or included or None)
    else:
        yield needless(CommandWord("deepspeed", line), "deepspeed")


def count_own_words(words: Sequence[CommandWord]) -> int:
    """How many words belong to a launcher itself: those before the program that it starts."""
    for at, word in enumerate(words):
        before = words[at - 1].text if at else ""
        is_program = _SCRIPT.match(word.text) or word.text in {"-m", "--module"} or PYTHON.match(word.text)
        if is_program and not (before.startswith("--") and "=" not in before and "config" in before):
            return at
    return len(words)
