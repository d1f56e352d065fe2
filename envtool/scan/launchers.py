"""Commands that start processes: how many each starts, and what else in it matters here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from envtool.doctor.finding_kind import Severity
from envtool.scan.commands import UNKNOWN, CommandFinding, Word, needless, read_options
from envtool.scan.installs import judge_install
from envtool.scan.kinds import ScanKind
from envtool.scan.program_options import judge_options

INSTEAD = "python SCRIPT, without a launcher: one process for one accelerator"
QUERY = "moreh-smi (ap-smi in newer releases)"

# The number of processes, and of machines, that a configuration of accelerate asks for; `None` where it is not found.
Follow = Callable[[str], "AccelerateSettings | None"]


@dataclass(frozen=True)
class AccelerateSettings:
    """What a configuration of accelerate says of processes."""

    processes: int | None
    distributed: str


_WRAPPERS = {
    "sudo": 0,
    "exec": 0,
    "time": 0,
    "env": 0,
    "command": 0,
    "nohup": 0,
    "stdbuf": 0,
    "setsid": 0,
    "eval": 0,
    "xvfb-run": 0,
    "nice": 0,
    "timeout": 1,
    "srun": 0,
    "mpirun": 0,
    "mpiexec": 0,
    "taskset": 1,
    "numactl": 0,
    "uv": 0,
    "poetry": 0,
    "pdm": 0,
    "pipenv": 0,
    "conda": 0,
    "mamba": 0,
    "micromamba": 0,
    "run": 0,
    "singularity": 0,
    "apptainer": 0,
    "docker": 0,
    "kernprof": 0,
    "ionice": 0,
    "caffeinate": 0,
    "unbuffer": 0,
    "proxychains": 0,
    "proxychains4": 0,
    "watch": 0,
    "then": 0,
    "do": 0,
    "!": 0,
    "screen": 0,
    "tmux": 0,
    "script": 0,
    "rocprof": 0,
    "nsys": 0,
    "profile": 0,
    "parallel": 0,
    "xargs": 0,
    "pixi": 0,
    "rye": 0,
    "hatch": 0,
}
_PYTHON = re.compile(r"^(?:python|pypy)[\d.]*$")
_ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*=")
_PROCESSES = ("--nproc_per_node", "--nproc-per-node", "--nproc_per_gpu", "--nproc", "--num_gpus", "--num-gpus")
_PROCESSES_PATTERN = re.compile(r"--nproc[_-]per[_-]node")
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
    "tools.multi_gpu_launch": "a launcher",
}


def judge_command(words: Sequence[Word], follow: Follow) -> Iterator[CommandFinding]:
    """What a simple command, with its assignments before it, does that does not go here."""
    rest = list(words)
    while rest:
        name = PurePosixPath(rest[0].text).name if rest[0].text.strip("/") else ""
        if _ASSIGNMENT.match(rest[0].text):
            yield from judge_assignment(rest[0])
            rest = rest[1:]
        elif name in {"mpirun", "mpiexec", "srun", "horovodrun", "jsrun", "orterun"}:
            yield from _judge_starter(name, rest)
            return
        elif name in _WRAPPERS:
            skipped = _WRAPPERS[name]
            rest = _skip_options(rest[1:])[skipped:]
        else:
            break
    if rest:
        yield from _judge_program(rest, follow)


def _skip_options(words: list[Word]) -> list[Word]:
    while words and words[0].text.startswith("-"):
        words = words[1:]
    return words


def judge_assignment(word: Word) -> Iterator[CommandFinding]:
    """What a variable is set to before a command, or for all that follow."""
    name, _, value = word.text.partition("=")
    value = value.strip("'\"")
    if name in {"CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"} and re.search(
        r"(?:^|,)\s*[1-9]\d*\b", value
    ):
        yield CommandFinding(
            kind=ScanKind.SECOND_DEVICE,
            severity=Severity.WARNING,
            line=word.line,
            identifier=f"{name}={value}",
            message=f"{name} names a device other than the one there is",
            instead=f"leave {name} out",
        )
    elif name in {"ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"} and value.lower() in {"1", "true", "yes"}:
        yield needless(word, name)


def _judge_program(words: list[Word], follow: Follow) -> Iterator[CommandFinding]:
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
    elif _PYTHON.match(name) or UNKNOWN in name or name in {"$PYTHON", "coverage", "ipython"}:
        yield from _judge_python(words, follow)
    elif name in {"bash", "sh", "zsh"} and len(words) > 1:
        yield from _judge_script(words)
    elif name in {"pip", "pip3"}:
        yield from judge_install(words[1:])
    else:
        yield from judge_options(words[1:])


def _judge_python(words: list[Word], follow: Follow) -> Iterator[CommandFinding]:
    at = 1
    while at < len(words) and words[at].text.startswith("-") and words[at].text != "-m":
        # `-W`, `-X` and `-c` take a value.
        at += 2 if words[at].text in {"-W", "-X", "-c"} else 1
    if at + 1 < len(words) and words[at].text == "-m":
        module = words[at + 1].text
        launcher = next((name for key, name in _MODULES.items() if module == key or module.startswith(f"{key}.")), None)
        if launcher is not None:
            yield from _judge_launch([Word(module, words[0].line), *words[at + 2 :]], launcher, follow)
            return
        if module.endswith((".launch", ".launcher", ".run")) and _PROCESSES_PATTERN.search(
            " ".join(word.text for word in words)
        ):
            yield from _judge_launch([Word(module, words[0].line), *words[at + 2 :]], module, follow)
            return
        if module == "pip":
            yield from judge_install(words[at + 2 :])
            return
        yield from judge_options(words[at + 2 :])
    elif at < len(words) and PurePosixPath(words[at].text).name in {
        "launch.py",
        "accelerate_launch.py",
        "run_distributed.py",
    }:
        yield from _judge_launch(
            [Word(words[at].text, words[0].line), *words[at + 1 :]], words[at].text, follow, quiet=True
        )
    elif PurePosixPath(words[at].text).name == "torchrun" if at < len(words) else False:
        yield from _judge_launch([Word("torchrun", words[0].line), *words[at + 1 :]], "torchrun", follow)
    else:
        yield from judge_options(words[at + 1 :])


def _judge_script(words: list[Word]) -> Iterator[CommandFinding]:
    """`bash dist_train.sh CONFIG 8`, as open-mmlab's projects are started."""
    script = next((word for word in words[1:] if not word.text.startswith("-")), None)
    if script is not None and re.fullmatch(r"(?:slurm|dist)_(?:train|test)\w*\.sh", PurePosixPath(script.text).name):
        numbers = [word.text for word in words if word.text.isdecimal()]
        if numbers[:1] != ["1"]:
            yield _several(words[0].line, PurePosixPath(script.text).name, numbers[0] if numbers else None)


def _judge_launch(words: list[Word], name: str, follow: Follow, *, quiet: bool = False) -> Iterator[CommandFinding]:
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
            yield needless(Word(option, line), option)


def _judge_deepspeed(line: int, own: dict[str, str], starts: bool, found: str | None) -> Iterator[CommandFinding]:
    included = own.get("--include") or own.get("-i") or ""
    several = "," in included or "@" in included or UNKNOWN in included
    if starts or several or "--hostfile" in own or "-H" in own:
        yield _several(line, "deepspeed", found or included or None)
    else:
        yield needless(Word("deepspeed", line), "deepspeed")


def _judge_starter(name: str, words: list[Word]) -> Iterator[CommandFinding]:
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
        if _PYTHON.match(program) or program in {"torchrun", "accelerate", "deepspeed"}:
            yield from judge_command(inner[at:], lambda _path: None)
            return


_SCRIPT = re.compile(r".*\.(?:py|ipynb|sh)$")


def _count_own_words(words: Sequence[Word]) -> int:
    """How many words belong to a launcher itself: those before the program that it starts."""
    for at, word in enumerate(words):
        before = words[at - 1].text if at else ""
        is_program = _SCRIPT.match(word.text) or word.text in {"-m", "--module"} or _PYTHON.match(word.text)
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
