"""Judges how containers are started: what asks Docker for NVIDIA's devices ends before it has begun."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from envtool.scan.commands import CommandFinding, CommandWord
from envtool.scan.kinds import ScanKind
from envtool.told_kind import Severity

_INSTEAD = "docker run -v /etc/moreh:/etc/moreh, without options for GPUs"
_RUNS = frozenset({"run", "create"})
_REQUEST = re.compile(r"^(?:--gpus(?:=.*)?|--runtime=nvidia\S*|--device=nvidia\.com/gpu\S*|nvidia\.com/gpu\S*)$")


def judge_container(words: Sequence[CommandWord], *, is_nvidia: bool = False) -> Iterator[CommandFinding]:
    """The words behind `docker`, `podman` or `nerdctl`; `is_nvidia`: it is `nvidia-docker`."""
    at = next((at for at, word in enumerate(words) if word.text in _RUNS), None)
    if at is not None:
        own = _list_own_options(words[at + 1 :])
        asked = words[at] if is_nvidia else next((word for word in own if _REQUEST.match(word.text)), None)
        if asked is None:
            pairs = pairwise(own)
            asked = next((a for a, b in pairs if a.text == "--runtime" and b.text.startswith("nvidia")), None)
        if asked is not None:
            yield make_container("nvidia-docker" if is_nvidia else asked.text.partition("=")[0], words[0].line)


def judge_run_options(words: Sequence[CommandWord]) -> Iterator[CommandFinding]:
    """Options of `docker run` that stand by themselves, as in a development container's `runArgs`."""
    yield from judge_container([CommandWord("run", words[0].line), *words] if words else [])


def make_container(identifier: str, line: int, severity: Severity = Severity.ERROR) -> CommandFinding:
    """Something that asks for NVIDIA's container runtime."""
    return CommandFinding(
        kind=ScanKind.NVIDIA_CONTAINER,
        severity=severity,
        line=line,
        identifier=identifier,
        message=f"{identifier} asks for NVIDIA's container runtime, which is not there: the container does not start",
        instead=_INSTEAD,
    )


def _list_own_options(words: Sequence[CommandWord]) -> list[CommandWord]:
    """The options of docker itself: those before the first word that neither is one nor may be one's value."""
    own: list[CommandWord] = []
    for word in words:
        if not word.text.startswith("-") and own and not own[-1].text.startswith("-"):
            break
        own.append(word)
    return own
