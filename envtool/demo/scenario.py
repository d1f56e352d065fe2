"""The demonstration: the main job from an empty machine to a restored image, each step held to what it should give."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from envtool.demo.private_engine import ensure_engine
from envtool.demo.python_index import index_server, make_index
from envtool.demo.vendor_release import TORCH_VERSION
from envtool.errors import SetupError
from envtool.language import ENGLISH, VARIABLE, join_messages, tell
from envtool.wheel.store import get_default_store

INDEX = Path(".work/index")
EXAMPLES = Path("examples")
SUMMARY = tell("Summary (torch, its companions and moreh-smi are stand-ins; everything else is real)")
_IMAGE = "hac-base"


@dataclass(frozen=True, kw_only=True)
class DemoStep:
    """One step: the command as a person would type it, and what it should give."""

    title: str
    command: tuple[str, ...]
    status: int | None = 0
    says: tuple[str, ...] = ()
    says_not: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepResult:
    """A step and what is wrong with what it gave: nothing, if all is well."""

    step: DemoStep
    problems: tuple[str, ...]


def run_demonstration(project: Path, show: Callable[[str], None]) -> tuple[StepResult, ...]:
    """Run all of it, showing each command and what it prints. Raises `SetupError`, `EngineError`, `SourceError`."""
    show(tell("\n== an engine to build with"))
    host = ensure_engine(project, show)
    show(f"   DOCKER_HOST={host}")
    # What a step should say is English.
    environment = {**os.environ, "DOCKER_HOST": host, VARIABLE: ENGLISH}
    results = [_run(step, environment, show) for step in _build_steps(project)]
    show(tell("\n== a package index on loopback, with real small packages and a stand-in for an upstream torch"))
    make_index(project / INDEX, get_default_store())
    with index_server(project / INDEX) as index:
        results += [_run(step, environment, show) for step in _make_child_steps(project, index)]
    with _container("hac-demo-unguarded", environment) as name:
        results += [_run(step, environment, show) for step in _make_repair_steps(name)]
    return tuple(results)


def _build_steps(project: Path) -> Iterator[DemoStep]:
    tool = (sys.executable, "-m", "envtool")
    where = ("--project", str(project))
    yield DemoStep(title=tell("build hac-base from the embedded default"), command=(*tool, "build", "--demo", *where))
    yield DemoStep(
        title=tell("a second build reuses everything"),
        command=(*tool, "build", "--demo", *where),
        says=("everything reused",),
    )
    yield DemoStep(
        title=tell("verify hac-base"), command=(*tool, "verify", _IMAGE, *where), says=("all checks passed",)
    )


def _make_child_steps(project: Path, index: str) -> Iterator[DemoStep]:
    def build(example: str) -> tuple[str, ...]:
        options = ("--network", "host", "--no-cache", "--build-arg", f"PIP_INDEX_URL={index}")
        return ("docker", "build", *options, "--tag", f"hac-demo-{example}", str(project / EXAMPLES / example))

    yield DemoStep(title=tell("(a) harmless requirements build"), command=build("harmless"), says_not=("hac-guard",))
    yield DemoStep(
        title=tell("(a) torch is untouched"),
        command=("docker", "run", "--rm", "--network", "none", "hac-demo-harmless", "envtool", "doctor"),
        says=("healthy",),
    )
    culprit = "rotary-embedding-torch 0.9.1"
    # hac-base's Python, as images/images.toml has it.
    assumed = ("--torch", TORCH_VERSION, "--python-version", "3.11")
    yield DemoStep(
        title=tell("(b) a clobber through a dependency: foretold before anything is built"),
        command=(
            *("env", f"PIP_INDEX_URL={index}", f"UV_DEFAULT_INDEX={index}", sys.executable, "-m", "envtool"),
            *("check", *assumed, str(project / EXAMPLES / "clobber/Dockerfile")),
        ),
        status=1,
        says=("blocked", f"{culprit} requires torch"),
    )
    yield DemoStep(
        title=tell("(b) a clobber through a dependency: pip gives up, and it is explained"),
        command=build("clobber"),
        status=None,
        says=("hac-guard: this instruction was stopped", f"pulled in by {culprit}", "rotary-embedding-torch<0.9.1"),
    )
    yield DemoStep(
        title=tell("(b) the same past pip's constraints: the guard stops that very RUN"),
        command=build("clobber-past-pip"),
        status=None,
        says=(
            "hac-guard: this instruction damaged",
            f"{culprit} requires torch",
            "in requirements.txt: plain rotary-embedding-torch",
        ),
        says_not=("\nnever reached",),
    )
    yield DemoStep(
        title=tell("(c) constraints unset, guard on warn: it builds, damaged"),
        command=build("unguarded"),
        says=("hac-guard: this instruction damaged", "HAC_GUARD=warn"),
    )


def _make_repair_steps(container: str) -> Iterator[DemoStep]:
    def inside(*command: str) -> tuple[str, ...]:
        return ("docker", "exec", container, *command)

    yield DemoStep(
        title=tell("(c) doctor says damaged, by whom, and what to type"),
        command=inside("envtool", "doctor"),
        status=1,
        says=("damaged", "rotary-embedding-torch", "update-moreh --force"),
    )
    yield DemoStep(
        title=tell("(c) update-moreh --force restores, offline"),
        command=inside("update-moreh", "--force"),
        says=("restored",),
    )
    yield DemoStep(
        title=tell("(c) doctor is healthy again"), command=inside("envtool", "doctor", "--deep"), says=("healthy",)
    )
    yield DemoStep(
        title=tell("(c) envtool list torch"),
        command=inside("envtool", "list", "^torch$"),
        says=("torch                     1.7.1+cu110.moreh22.8.0          pypi_0    pypi",),
    )


def _run(step: DemoStep, environment: dict[str, str], show: Callable[[str], None]) -> StepResult:
    shown = ["envtool", *step.command[3:]] if step.command[:1] == (sys.executable,) else step.command
    show(join_messages("", ("\n== ", step.title, f"\n$ {' '.join(shown)}")))
    try:
        output, status = _capture_output(step.command, environment, show)
    except FileNotFoundError as error:
        raise SetupError(
            tell("{words} is not installed", words=step.command[0]),
            why=tell("the demonstration calls it"),
            remedy="apt-get install docker.io",
        ) from error
    problems = [tell("does not say {text!r}", text=text) for text in step.says if text not in output]
    problems += [tell("says {text!r}", text=text.strip()) for text in step.says_not if text in output]
    # None: any failure will do; each builder has a status of its own for "an instruction failed".
    if (step.status is None and status == 0) or (step.status is not None and status != step.status):
        problems.append(tell("ended with status {status}", status=status))
    return StepResult(step, tuple(problems))


def _capture_output(
    command: Sequence[str], environment: dict[str, str], show: Callable[[str], None]
) -> tuple[str, int]:
    """Run a command, showing its lines as they come; progress bars of ours go straight to the terminal."""
    own = command[0] == sys.executable
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=None if own else subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    lines = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        show(f"  {line.rstrip()}")
    return "".join(lines), process.wait()


@contextmanager
def _container(image: str, environment: dict[str, str]) -> Iterator[str]:
    """A container of `image` without a network, for as long as the block lasts."""
    name = f"hac-demo-{uuid.uuid4().hex[:8]}"
    quiet = {"env": environment, "check": False, "capture_output": True}
    subprocess.run(
        ["docker", "run", "--detach", "--init", "--network", "none", "--name", name, image, "sleep", "600"],
        **quiet,  # type: ignore[call-overload]
    )
    try:
        yield name
    finally:
        subprocess.run(["docker", "rm", "--force", name], **quiet)  # type: ignore[call-overload]
