"""Commands that start processes: how many each starts, and what else in it matters here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from envtool.scan.accelerator_use import PYTHON, judge_many
from envtool.scan.cluster import judge_request
from envtool.scan.commands import (
    UNKNOWN,
    AccelerateSettings,
    CommandFinding,
    CommandWord,
    judge_variable,
    needless,
    read_options,
)
from envtool.scan.containers import judge_container
from envtool.scan.installs import judge_install
from envtool.scan.kinds import ScanKind
from envtool.scan.program_options import judge_options
from envtool.told_kind import Severity

INSTEAD = "python SCRIPT, without a launcher: one process for one accelerator"
QUERY = "moreh-smi (ap-smi in newer releases)"

# The number of processes, and of machines, that a configuration of accelerate asks for; `None` where it is not found.
Follow = Callable[[str], "AccelerateSettings | None"]


_WRAPPERS = re.compile(
    r"sudo|exec|time|env|command|nohup|stdbuf|setsid|eval|xvfb-run|nice|timeout|srun|mpirun|mpiexec|"
    r"taskset|numactl|uv|poetry|pdm|pipenv|conda|mamba|micromamba|run|apptainer|kernprof|ionice|"
    r"caffeinate|unbuffer|proxychains|proxychains4|watch|then|do|!|script|rocprof|nsys|profile|"
    r"pixi|rye|hatch"
)
_ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*=")
_PROCESSES = ("--nproc_per_node", "--nproc-per-node", "--nproc_per_gpu", "--nproc", "--num_gpus", "--num-gpus")
_PROCESSES_PATTERN = re.compile(r"--nproc[_-]per[_-]node")
# Programs that have another one run, by another shell or elsewhere.
_CARRIERS = frozenset(
    {"bash", "sh", "zsh", "ssh", "pdsh", "docker", "podman", "nerdctl", "tmux", "screen", "kubectl", "singularity"}
)
_LAUNCHER_SCRIPTS = frozenset({"launch.py", "accelerate_launch.py", "run_distributed.py"})
_PRINTERS = frozenset({"echo", "printf", "grep", "sed", "awk"})
# What a program whose name is not known may be Python for.
_PROGRAM = re.compile(r"\.py$|^-m$|torchrun$")
_LAUNCH = re.compile(
    r"(?:CUDA|NVIDIA)_VISIBLE_DEVICES=|\S*torchrun\b|accelerate launch\b|"
    r"\S*python\S* (?:-\w )*-m torch\.distributed\.|deepspeed\b"
)
_NODES = ("--nnodes", "--num_nodes", "--num-nodes", "--num_machines", "--num-machines")
_MODULES = {
    "torch.distributed.launch": "torch.distributed.launch",
    "torch.distributed.run": "torch.distributed.run",
    "torch.distributed.elastic": "torch.distributed.elastic",
    "accelerate.commands.launch": "accelerate launch",
    "deepspeed.launcher.launch": "deepspeed",
    "deepspeed.launcher.runner": "deepspeed",
    "paddle.distributed.launch": "paddle.distributed.launch",
    "oneflow.distributed.launch": "oneflow.distributed.launch",
    "torch_xla.distributed.xla_dist": "torch_xla.distributed",
}


def judge_command(words: Sequence[CommandWord], follow: Follow) -> Iterator[CommandFinding]:
    """What a simple command, with its assignments before it, does that does not go here."""
    rest = list(words)
    while rest:
        name = PurePosixPath(rest[0].text).name if rest[0].text.strip("/") else ""
        if _ASSIGNMENT.match(rest[0].text):
            yield from judge_variable(rest[0])
            rest = rest[1:]
        elif name in {"mpirun", "mpiexec", "srun", "horovodrun", "jsrun", "orterun"}:
            yield from judge_request(rest)
            yield from _judge_starter(name, rest)
            return
        elif name in {"xargs", "parallel"}:
            yield from judge_many(rest)
            rest = _skip_to_program(rest[1:])
        elif name == "command" and len(rest) > 1 and rest[1].text.startswith("-"):
            # It asks whether there is such a program.
            return
        elif _WRAPPERS.fullmatch(name):
            skipped = 1 if name in {"timeout", "taskset"} else 0
            rest = _skip_options(rest[1:])[skipped:]
        else:
            break
    if rest:
        yield from _judge_program(rest, follow)


def _skip_options(words: list[CommandWord]) -> list[CommandWord]:
    while words and words[0].text.startswith("-"):
        words = words[1:]
    return words


def _skip_to_program(words: list[CommandWord]) -> list[CommandWord]:
    """What a program runs whose own options have values: from the first word that is a known program."""
    for at, word in enumerate(words):
        name = PurePosixPath(word.text).name
        if PYTHON.match(name) or _ASSIGNMENT.match(word.text) or name in _CARRIERS | {"torchrun", "accelerate"}:
            return words[at:]
    return []


def _judge_program(words: list[CommandWord], follow: Follow) -> Iterator[CommandFinding]:
    name = PurePosixPath(words[0].text).name
    line = words[0].line
    if name == "nvidia-smi" or name in {"nvitop", "gpustat", "nvtop"}:
        yield CommandFinding(
            kind=ScanKind.NVIDIA_QUERY,
            severity=Severity.WARNING,
            line=line,
            identifier=name,
            message=f"{name} is not there, or sees no accelerator",
            instead=QUERY,
        )
    elif name in {"nvcc", "ncu", "cuda-gdb", "cuda-memcheck", "compute-sanitizer", "trtexec"}:
        kind = ScanKind.CUDA_LIBRARY if name == "trtexec" else ScanKind.CUDA_SOURCE
        yield CommandFinding(
            kind=kind,
            severity=Severity.ERROR,
            line=line,
            identifier=name,
            message=f"{name} belongs to CUDA, which is not there",
        )
    elif name in {"torchrun", "torchrun-script", "horovodrun", "deepspeed", "deepspeed.pt", "colossalai", "torchpippy"}:
        yield from _judge_launch(words, name, follow)
    elif name == "accelerate":
        if len(words) > 1 and words[1].text == "launch":
            yield from _judge_launch(words[1:], "accelerate launch", follow)
    elif name == "accelerate-launch":
        yield from _judge_launch(words, "accelerate launch", follow)
    elif _is_of_others(name, words):
        return
    elif PYTHON.match(name) or UNKNOWN in name or name in {"$PYTHON", "coverage", "ipython"}:
        yield from _judge_python(words, follow)
    elif name in _CARRIERS and len(words) > 1:
        if name in {"docker", "podman", "nerdctl"}:
            yield from judge_container(words)
        yield from _judge_script(words)
        yield from _judge_carried(words, follow)
    elif name == "nvidia-docker":
        yield from judge_container(words, is_nvidia=True)
        yield from _judge_carried(words, follow)
    elif name in {"sbatch", "salloc", "ray"}:
        yield from judge_request(words)
    elif name in {"lightning", "fabric", "composer"}:
        yield from _judge_lightning(words, name)
    elif name in {"pip", "pip3"}:
        yield from judge_install(words[1:])
    else:
        yield from judge_options(words[1:])


def _is_of_others(name: str, words: Sequence[CommandWord]) -> bool:
    """Whether a program's options say nothing: it is no Python, or what it is nobody can tell."""
    is_unknown = UNKNOWN in name and not any(_PROGRAM.search(word.text) for word in words)
    return is_unknown or name in _PRINTERS or name.endswith((".sh", ".pl", ".R", ".rb", ".js"))


def _judge_python(words: list[CommandWord], follow: Follow) -> Iterator[CommandFinding]:
    at = 1
    while at < len(words) and words[at].text.startswith("-") and words[at].text != "-m":
        # `-W`, `-X` and `-c` take a value.
        at += 2 if words[at].text in {"-W", "-X", "-c"} else 1
    if at + 1 < len(words) and words[at].text == "-m":
        module = words[at + 1].text
        launcher = next((name for key, name in _MODULES.items() if module == key or module.startswith(f"{key}.")), None)
        if launcher is not None:
            yield from _judge_launch([CommandWord(module, words[0].line), *words[at + 2 :]], launcher, follow)
            return
        if module.endswith((".launch", ".launcher", ".run")) and _PROCESSES_PATTERN.search(
            " ".join(word.text for word in words)
        ):
            yield from _judge_launch([CommandWord(module, words[0].line), *words[at + 2 :]], module, follow)
            return
        if module in {"lightning", "lightning_fabric", "composer"}:
            yield from _judge_lightning([CommandWord(module, words[0].line), *words[at + 2 :]], module)
            return
        if module == "pip":
            yield from judge_install(words[at + 2 :])
            return
        yield from judge_options(words[at + 2 :])
    elif at < len(words) and PurePosixPath(words[at].text).name in _LAUNCHER_SCRIPTS:
        yield from _judge_launch(
            [CommandWord(words[at].text, words[0].line), *words[at + 1 :]], words[at].text, follow, quiet=True
        )
    elif at < len(words) and PurePosixPath(words[at].text).name == "torchrun":
        yield from _judge_launch([CommandWord("torchrun", words[0].line), *words[at + 1 :]], "torchrun", follow)
    else:
        yield from judge_options(words[at + 1 :])


def _judge_carried(words: list[CommandWord], follow: Follow) -> Iterator[CommandFinding]:
    """A command that another shell, machine or container runs: as a text, or as the words behind its options."""
    for at, word in enumerate(words[1:], 1):
        if " " in word.text and _LAUNCH.search(word.text):
            parts = word.text[_LAUNCH.search(word.text).start() :].split()  # type: ignore[union-attr]
            yield from judge_command([CommandWord(part, word.line) for part in parts], follow)
        elif PurePosixPath(word.text).name in {"torchrun", "accelerate", "deepspeed"} or PYTHON.match(word.text):
            yield from judge_command(words[at:], follow)
            return


def _judge_lightning(words: list[CommandWord], name: str) -> Iterator[CommandFinding]:
    """`lightning run model --devices=4` and `composer -n 8` start a process for each device."""
    own = read_options(words[1 : _count_own_words(words[1:]) + 1])
    for key in ("--devices", "-n", "--nproc", "--num-nodes", "--num_nodes"):
        value = own.get(key, "1")
        if value not in {"1", "auto"} and (name != "composer" or key in {"-n", "--nproc"}):
            yield _several(words[0].line, name, value)
            return
    yield from judge_options(words[1:])


def _judge_script(words: list[CommandWord]) -> Iterator[CommandFinding]:
    """`bash dist_train.sh CONFIG 8`, as open-mmlab's projects are started."""
    script = next((word for word in words[1:] if not word.text.startswith("-")), None)
    if script is not None and re.fullmatch(r"(?:slurm|dist)_(?:train|test)\w*\.sh", PurePosixPath(script.text).name):
        numbers = [word.text for word in words if word.text.isdecimal()]
        if numbers[:1] != ["1"]:
            yield _several(words[0].line, PurePosixPath(script.text).name, numbers[0] if numbers else None)


def _judge_launch(
    words: list[CommandWord], name: str, follow: Follow, *, quiet: bool = False
) -> Iterator[CommandFinding]:
    line = words[0].line
    count = _count_own_words(words[1:])
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
        yield _several(line, name, found)
    yield from judge_options(words[count + 1 :])


def _judge_accelerate(
    line: int, own: dict[str, str], follow: Follow, starts: bool, found: str | None
) -> Iterator[CommandFinding]:
    asked = {"--num_processes", "--num-processes"} & own.keys()
    configuration = own.get("--config_file") or own.get("--config-file")
    if starts or "--multi_gpu" in own or "--multi-gpu" in own:
        if not (asked and own[asked.pop()] == "1" and not starts):
            yield _several(line, "accelerate launch", found)
    elif configuration is not None and not asked:
        settings = follow(configuration)
        if settings is None:
            if re.search(r"deepspeed|fsdp|multi|zero|ddp|[2-9]_?gpu|distributed", configuration, re.IGNORECASE):
                yield _several(line, "accelerate launch", None)
            elif UNKNOWN not in configuration:
                yield replace(
                    _several(line, "accelerate launch", None),
                    severity=Severity.WARNING,
                    message=f"how many processes it starts stands in {configuration}, which is not here",
                )
        elif settings.processes is not None and settings.processes > 1:
            yield _several(line, "accelerate launch", f"{settings.processes} in {configuration}")
        elif settings.processes is None and settings.distributed not in {"NO", ""}:
            yield _several(line, "accelerate launch", None)
    for option in ("--use_deepspeed", "--use_fsdp", "--use_megatron_lm", "--use-deepspeed", "--use-fsdp"):
        if option in own and own[option].lower() != "false":
            yield needless(CommandWord(option, line), option)


def _judge_deepspeed(line: int, own: dict[str, str], starts: bool, found: str | None) -> Iterator[CommandFinding]:
    included = own.get("--include") or own.get("-i") or ""
    several = "," in included or "@" in included or UNKNOWN in included
    if starts or several or "--hostfile" in own or "-H" in own:
        yield _several(line, "deepspeed", found or included or None)
    else:
        yield needless(CommandWord("deepspeed", line), "deepspeed")


def _judge_starter(name: str, words: list[CommandWord]) -> Iterator[CommandFinding]:
    options = read_options(words[1 : _count_own_words(words[1:]) + 1])
    for key in (
        "-np",
        "-n",
        "--np",
        "--ntasks",
        "--ntasks-per-node",
        "-N",
        "--nodes",
        "--num-proc",
        "--num_proc",
        "--tasks-per-node",
    ):
        value = options.get(key)
        if value is not None and value != "1":
            if any(re.search(r"python|torchrun|train", word.text) or UNKNOWN in word.text for word in words[1:]):
                yield _several(words[0].line, name, value)
            return
    inner = _skip_options(words[1:])
    # Options with values of their own may stand before the command: take it from the first program that is known.
    for at, word in enumerate(inner):
        program = PurePosixPath(word.text).name
        if PYTHON.match(program) or program in {"torchrun", "accelerate", "deepspeed"}:
            yield from judge_command(inner[at:], lambda _path: None)
            return


_SCRIPT = re.compile(r".*\.(?:py|ipynb|sh)$")


def _count_own_words(words: Sequence[CommandWord]) -> int:
    """How many words belong to a launcher itself: those before the program that it starts."""
    for at, word in enumerate(words):
        before = words[at - 1].text if at else ""
        is_program = _SCRIPT.match(word.text) or word.text in {"-m", "--module"} or PYTHON.match(word.text)
        if is_program and not (before.startswith("--") and "=" not in before and "config" in before):
            return at
    return len(words)


def _several(line: int, name: str, number: str | None) -> CommandFinding:
    count = number.replace(UNKNOWN, "a number that only the run knows") if number else "an unknown number"
    return CommandFinding(
        kind=ScanKind.PROCESS_PER_DEVICE,
        severity=Severity.ERROR,
        line=line,
        identifier=name,
        message=f"{name} starts several processes ({count}) for one accelerator: they wait for each other for ever",
        instead=INSTEAD,
    )
