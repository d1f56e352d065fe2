"""Commands that start processes: how many each starts, and what else in it matters here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from envtool.scan.accelerator_use import PYTHON, judge_many
from envtool.scan.cluster import judge_request
from envtool.scan.commands import UNKNOWN, CommandFinding, CommandWord, judge_variable, make_several, read_options
from envtool.scan.containers import judge_container, judge_named_image
from envtool.scan.cuda_programs import CUDA_PROGRAMS, judge_cuda_program, judge_run_module
from envtool.scan.installs import INSTALLERS, judge_install
from envtool.scan.model_programs import MODEL_PROGRAMS, judge_model_program, judge_process_variable
from envtool.scan.process_launch import Follow, count_own_words, judge_launch
from envtool.scan.program_options import judge_options

_WRAPPERS = re.compile(
    r"sudo|exec|time|env|command|nohup|stdbuf|setsid|eval|xvfb-run|nice|timeout|srun|mpirun|mpiexec|"
    r"taskset|numactl|uv|poetry|pdm|pipenv|conda|mamba|micromamba|run|kernprof|ionice|"
    r"caffeinate|unbuffer|proxychains|proxychains4|watch|then|do|!|script|rocprof|"
    r"pixi|rye|hatch"
)
_ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*=")
_PROCESSES_PATTERN = re.compile(r"--nproc[_-]per[_-]node")
# Programs that have another one run, by another shell or elsewhere.
_CARRIERS = frozenset(
    {
        "bash",
        "sh",
        "zsh",
        "ssh",
        "pdsh",
        "docker",
        "podman",
        "nerdctl",
        "tmux",
        "screen",
        "kubectl",
        "singularity",
        "apptainer",
    }
)
_KNOWN = _CARRIERS | {"torchrun", "accelerate", "deepspeed", "nvidia-smi"}
_LAUNCHER_SCRIPTS = frozenset({"launch.py", "accelerate_launch.py", "run_distributed.py"})
_PRINTERS = frozenset({"echo", "printf", "grep", "sed", "awk"})
# What a program whose name is not known may be Python for.
_PROGRAM = re.compile(r"\.py$|^-m$|torchrun$")
_LAUNCH = re.compile(
    r"(?:CUDA|NVIDIA)_VISIBLE_DEVICES=|\S*torchrun\b|accelerate launch\b|"
    r"\S*python\S* (?:-\w )*-m torch\.distributed\.|deepspeed\b"
)
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
            yield from judge_process_variable(rest)
            rest = rest[1:]
        elif name in {"mpirun", "mpiexec", "srun", "horovodrun", "jsrun", "orterun"}:
            yield from judge_request(rest)
            yield from judge_named_image(rest, name)
            yield from _judge_starter(name, rest)
            return
        elif name in {"xargs", "parallel"}:
            yield from judge_many(rest)
            rest = _skip_to_program(rest[1:])
        elif name == "command" and len(rest) > 1 and rest[1].text.startswith("-"):
            # It asks whether there is such a program.
            return
        elif _WRAPPERS.fullmatch(name) and not _installs(name, rest):
            skipped = 1 if name in {"timeout", "taskset"} else 0
            behind = rest[1:]
            rest = _skip_options(behind)[skipped:]
            if rest and name in {"run", "watch"} and not _is_known(rest[0]):
                # Its options have values.
                rest = _skip_to_program(behind) or rest
        else:
            break
    if rest:
        yield from _judge_program(rest, follow)


def _installs(name: str, words: Sequence[CommandWord]) -> bool:
    """Whether a program that runs others installs something here."""
    return name in INSTALLERS and len(words) > 1 and words[1].text in INSTALLERS[name]


def _skip_options(words: list[CommandWord]) -> list[CommandWord]:
    while words and words[0].text.startswith("-"):
        words = words[1:]
    return words


def _skip_to_program(words: list[CommandWord]) -> list[CommandWord]:
    """What a program runs whose own options have values: from the first word that is a known program."""
    return next((words[at:] for at, word in enumerate(words) if _is_known(word)), [])


def _is_known(word: CommandWord) -> bool:
    name = PurePosixPath(word.text).name
    return bool(PYTHON.match(name) or _ASSIGNMENT.match(word.text)) or name in _KNOWN


def _judge_program(words: list[CommandWord], follow: Follow) -> Iterator[CommandFinding]:
    name = PurePosixPath(words[0].text).name
    if name in CUDA_PROGRAMS:
        yield from judge_cuda_program(words[0], name)
        if name in {"nsys", "ncu", "nvprof"}:
            yield from judge_command(_skip_to_program(words[1:]), follow)
    elif name in {"torchrun", "torchrun-script", "horovodrun", "deepspeed", "deepspeed.pt", "colossalai", "torchpippy"}:
        yield from judge_launch(words, name, follow)
    elif name == "accelerate":
        if len(words) > 1 and words[1].text == "launch":
            yield from judge_launch(words[1:], "accelerate launch", follow)
    elif name == "accelerate-launch":
        yield from judge_launch(words, "accelerate launch", follow)
    elif _is_of_others(name, words):
        return
    elif PYTHON.match(name) or UNKNOWN in name or name in {"$PYTHON", "coverage", "ipython"}:
        yield from _judge_python(words, follow)
    elif name in _CARRIERS and len(words) > 1:
        if name in {"docker", "podman", "nerdctl"}:
            yield from judge_container(words)
        yield from judge_named_image(words, name)
        yield from _judge_script(words)
        yield from _judge_carried(words, follow)
    elif name == "nvidia-docker":
        yield from judge_container(words, is_nvidia=True)
        yield from _judge_carried(words, follow)
    elif name in {"sbatch", "salloc", "ray"}:
        yield from judge_request(words)
        yield from _judge_wrapped(words, follow)
    elif name in MODEL_PROGRAMS:
        yield from judge_model_program(words, name)
    elif name in {"lightning", "fabric", "composer"}:
        yield from _judge_lightning(words, name)
    elif name in INSTALLERS:
        yield from judge_install(name, words[1:])
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
            yield from judge_launch([CommandWord(module, words[0].line), *words[at + 2 :]], launcher, follow)
            return
        if module.endswith((".launch", ".launcher", ".run")) and _PROCESSES_PATTERN.search(
            " ".join(word.text for word in words)
        ):
            yield from judge_launch([CommandWord(module, words[0].line), *words[at + 2 :]], module, follow)
            return
        if module in {"lightning", "lightning_fabric", "composer"}:
            yield from _judge_lightning([CommandWord(module, words[0].line), *words[at + 2 :]], module)
            return
        if module == "pip":
            yield from judge_install("pip", words[at + 2 :])
            return
        yield from judge_run_module(words[0], module, module)
        yield from judge_options(words[at + 2 :])
    elif at < len(words) and PurePosixPath(words[at].text).name in _LAUNCHER_SCRIPTS:
        yield from judge_launch(
            [CommandWord(words[at].text, words[0].line), *words[at + 1 :]], words[at].text, follow, quiet=True
        )
    elif at < len(words) and (PurePosixPath(words[at].text).name == "torchrun" or _is_looked_up(words[at])):
        yield from judge_launch([CommandWord("torchrun", words[0].line), *words[at + 1 :]], "torchrun", follow)
    else:
        yield from judge_options(words[at + 1 :])


def _is_looked_up(word: CommandWord) -> bool:
    """`python $(which torchrun) --nproc_per_node=4`: what runs is looked up first."""
    return word.text == UNKNOWN


def _judge_wrapped(words: list[CommandWord], follow: Follow) -> Iterator[CommandFinding]:
    """The command that `sbatch --wrap` has a job run, or `ray job submit -- COMMAND`."""
    for at, word in enumerate(words):
        key, _, value = word.text.partition("=")
        if key == "--wrap":
            text = value or next((item.text for item in words[at + 1 : at + 2]), "")
            yield from judge_command([CommandWord(part, word.line) for part in text.split()], follow)
        elif word.text == "--":
            yield from judge_command(words[at + 1 :], follow)
            return


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
    own = read_options(words[1 : count_own_words(words[1:]) + 1])
    for key in ("--devices", "-n", "--nproc", "--num-nodes", "--num_nodes"):
        value = own.get(key, "1")
        if value not in {"1", "auto"} and (name != "composer" or key in {"-n", "--nproc"}):
            yield make_several(words[0].line, name, value)
            return
    yield from judge_options(words[1:])


def _judge_script(words: list[CommandWord]) -> Iterator[CommandFinding]:
    """`bash dist_train.sh CONFIG 8`, as open-mmlab's projects are started."""
    script = next((word for word in words[1:] if not word.text.startswith("-")), None)
    if script is not None and re.fullmatch(r"(?:slurm|dist)_(?:train|test)\w*\.sh", PurePosixPath(script.text).name):
        numbers = [word.text for word in words if word.text.isdecimal()]
        if numbers[:1] != ["1"]:
            yield make_several(words[0].line, PurePosixPath(script.text).name, numbers[0] if numbers else None)


def _cut_attached(words: Sequence[CommandWord]) -> list[CommandWord]:
    """The words with `-n4` as `-n=4`."""
    return [replace(word, text=re.sub(r"^(-[nN]p?)(\d+)$", r"\1=\2", word.text)) for word in words]


def _judge_starter(name: str, words: list[CommandWord]) -> Iterator[CommandFinding]:
    options = read_options(_cut_attached(words[1 : count_own_words(words[1:]) + 1]))
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
            if any(re.search(r"python|torchrun|train|\.sh$", word.text) or UNKNOWN in word.text for word in words[1:]):
                yield make_several(words[0].line, name, value)
            return
    inner = _skip_options(words[1:])
    # Options with values of their own may stand before the command: take it from the first program that is known.
    for at, word in enumerate(inner):
        program = PurePosixPath(word.text).name
        if PYTHON.match(program) or program in {"torchrun", "accelerate", "deepspeed"}:
            yield from judge_command(inner[at:], lambda _path: None)
            return
        if program in _CARRIERS:
            yield from _judge_carried(inner[at:], lambda _path: None)
            return
