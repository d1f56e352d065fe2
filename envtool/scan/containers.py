"""Judges how containers are started: what asks Docker for NVIDIA's devices ends before it has begun."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from envtool.language import tell
from envtool.release.read_profile import load_service
from envtool.scan.commands import VISIBLE, CommandFinding, CommandWord, judge_variable
from envtool.scan.images import judge_image
from envtool.scan.kinds import ScanKind
from envtool.told_kind import Severity

# A name of a registry or an owner, and perhaps a tag: no path of the machine's.
_IMAGE = re.compile(r"^(?:[\w-]+(?:\.[\w-]+)*(?::\d+)?/)*[\w.-]+(?:[:@][\w.:-]+)?$")
_RUNS = frozenset({"run", "create"})
_REQUEST = re.compile(r"^(?:--gpus(?:=.*)?|--runtime=nvidia\S*|--device=nvidia\.com/gpu\S*|nvidia\.com/gpu\S*)$")


def judge_container(words: Sequence[CommandWord], *, is_nvidia: bool = False) -> Iterator[CommandFinding]:
    """The words behind `docker`, `podman` or `nerdctl`; `is_nvidia`: it is `nvidia-docker`."""
    at = next((at for at, word in enumerate(words) if word.text in _RUNS), None)
    if at is not None:
        own = _list_own_options(words[at + 1 :])
        for word in own:
            if word.text.removeprefix("--env=").partition("=")[0] in VISIBLE:
                yield from judge_variable(CommandWord(word.text.removeprefix("--env="), word.line))
        asked = words[at] if is_nvidia else next((word for word in own if _REQUEST.match(word.text)), None)
        if asked is None:
            pairs = pairwise(own)
            asked = next((a for a, b in pairs if a.text == "--runtime" and b.text.startswith("nvidia")), None)
        if asked is not None:
            yield make_container("nvidia-docker" if is_nvidia else asked.text.partition("=")[0], words[0].line)


def judge_named_image(words: Sequence[CommandWord], name: str) -> Iterator[CommandFinding]:
    """The image that a command starts or fetches: with CUDA or an upstream torch in it, as `FROM` one would be."""
    texts = [word.text for word in words[1:]]
    if name in {"docker", "podman", "nerdctl", "nvidia-docker"}:
        images = texts if set(texts[:2]) & {"run", "create", "pull"} else []
    elif name in {"singularity", "apptainer"}:
        images = [text.partition("://")[2] for text in texts if "://" in text]
        if "--nv" in texts:
            # It goes on without NVIDIA's libraries, after a warning.
            yield make_container("--nv", words[0].line, Severity.WARNING)
    else:
        key = re.compile(r"^--(?:container-)?image=(?:docker://)?(.*)$")
        images = [match[1].replace("#", "/") for text in texts if (match := key.match(text))]
    for text in images:
        found = judge_image(text) if _IMAGE.match(text) else None
        if found is not None:
            yield replace(found, line=words[0].line)
            return


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
        message=tell(
            "{identifier} asks for NVIDIA's container runtime, which is not there: the container does not start",
            identifier=identifier,
        ),
        instead=load_service().words.container_options,
    )


def _list_own_options(words: Sequence[CommandWord]) -> list[CommandWord]:
    """The options of docker itself: those before the first word that neither is one nor may be one's value."""
    own: list[CommandWord] = []
    for word in words:
        if not word.text.startswith("-") and own and not own[-1].text.startswith("-"):
            break
        own.append(word)
    return own
