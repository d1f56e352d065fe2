"""What a job asks of a cluster: tasks and accelerators, by directives of Slurm, PBS and LSF, or by options."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from envtool.language import tell
from envtool.scan.commands import CommandFinding, CommandWord
from envtool.scan.kinds import ScanKind
from envtool.told_kind import Severity

# "sbatch", Slurm documentation: directives are comments.
_TASKS = re.compile(r"^#SBATCH\s+(?:--ntasks-per-node|--ntasks|--nodes|-n|-N)[=\s]+([2-9]|\d\d+)\b", re.MULTILINE)
_OWN_TASKS = re.compile(r"^(?:--ntasks|--ntasks-per-node|-n|-N|--nodes)(?:=|$)")
_NUMBER = r"([2-9]|[1-9]\d+)"
_SLURM = (
    r"(?:--gres(?:=|\s+)(?:[\w=,.]+,)?gpu(?::[\w.-]+)?:"
    r"|(?:--gpus(?:-per-node|-per-task|-per-socket)?|-G)(?:=|\s+|\b)(?:[a-zA-Z][\w.-]*:)?)"
    rf"{_NUMBER}\b"
)
_REQUESTS = (
    re.compile(rf"^#SBATCH\s+(?:.*\s)?{_SLURM}", re.MULTILINE),
    re.compile(rf"^#PBS\s+.*\b(?:ngpus|gpus)={_NUMBER}\b", re.MULTILINE),
    re.compile(rf"^#(?:PJM\s+-L|\$\s+-l)\s+.*\b(?:gpu|ngpus|gpus)={_NUMBER}\b", re.MULTILINE),
    re.compile(rf'^#BSUB\s+-gpu\s+"?(?:[^"\n]*:)?num={_NUMBER}\b', re.MULTILINE),
)
_OPTIONS = re.compile(_SLURM)
_STARTERS = frozenset({"srun", "sbatch", "salloc"})


def judge_directives(text: str, first_line: int) -> Iterator[CommandFinding]:
    """What the comments of a job's script ask for."""
    for pattern in _REQUESTS:
        for match in pattern.finditer(text):
            yield make_request(first_line + text.count("\n", 0, match.start()), match[0].split()[0], match[1])


def judge_request(words: Sequence[CommandWord]) -> Iterator[CommandFinding]:
    """What a command asks of a cluster: `srun --gres=gpu:2`, `ray start --num-gpus=4`."""
    name = PurePosixPath(words[0].text).name
    text = " ".join(word.text for word in words[1:])
    match = None
    if name in _STARTERS:
        match = _OPTIONS.search(text)
    elif name == "ray" and len(words) > 1 and words[1].text == "start":
        match = re.search(rf"--num-gpus(?:=|\s+){_NUMBER}\b", text)
    if match is not None:
        yield make_request(words[0].line, name, match[1])


def make_request(line: int, name: str, number: str) -> CommandFinding:
    """More accelerators than there are."""
    return CommandFinding(
        kind=ScanKind.SECOND_DEVICE,
        severity=Severity.WARNING,
        line=line,
        identifier=f"{name} {number}",
        message=tell("{name} asks for {number} GPUs: there is one accelerator", name=name, number=number),
        instead=tell("one, or nothing; a larger flavour of the accelerator does what more GPUs would have done"),
    )


def add_tasks(words: list[CommandWord], tasks: str) -> None:
    """Put the number of tasks that a script's directives ask for into an srun that says none itself."""
    names = [word.text for word in words]
    if tasks and "srun" in names and not any(_OWN_TASKS.match(name) for name in names):
        at = names.index("srun")
        words.insert(at + 1, CommandWord(f"--ntasks={tasks}", words[at].line))


def read_tasks(text: str) -> str:
    """How many tasks a script's directives ask for; empty where it is one."""
    match = _TASKS.search(text)
    return match[1] if match is not None else ""
