"""A real shell runs each Dockerfile's instructions with the real pip and uv; what becomes of torch is the truth.

STAND-INS: the programs on PATH start the real ones for the environment of the test, and nothing else is on PATH but the
tools named here: a script can reach no other environment.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from envtool.environment.prefix import read_prefix
from envtool.environment.reader import read_environment
from tests.corpus.dockerfiles import CONTEXT, DOCKERFILES, Dockerfile
from tests.corpus.sample import sample
from tests.support.environment import TORCH, RealEnvironment

pytestmark = pytest.mark.exhaustive

CASES = {case.name: case for case in DOCKERFILES}
PINNED = {"torch": [TORCH], "torchvision": ["0.8.2"], "torchaudio": ["0.7.2"]}
_TOOLS = (
    *("bash", "basename", "cat", "chmod", "cp", "cut", "dirname", "echo", "env", "false", "grep", "head", "ls", "make"),
    *(
        "mkdir",
        "mv",
        "nice",
        "printf",
        "pwd",
        "rm",
        "sed",
        "sh",
        "sort",
        "tail",
        "tee",
        "test",
        "timeout",
        "touch",
        "tr",
    ),
    *("true", "uniq", "xargs"),
)


def write_programs(folder: Path, environment: RealEnvironment) -> None:
    """`pip`, `uv` and `python` of the environment, and the plain tools."""
    folder.mkdir()
    for name in _TOOLS:
        found = shutil.which(name, path="/usr/bin:/bin")
        if found is not None:
            (folder / name).symlink_to(found)
    pip = f'exec "{sys.executable}" -m pip --python "{environment.python}" --disable-pip-version-check "$@"'
    uv = f'exec "{Path(sys.executable).parent / "uv"}" "$@"'
    python = f'if [ "$1 $2" = "-m pip" ]; then shift 2; {pip}; fi\nif [ "$1 $2" = "-m uv" ]; then shift 2; {uv}; fi\n'
    python += f'exec "{environment.python}" "$@"'
    for name, text in {"pip": pip, "pip3": pip, "uv": uv, "python": python, "python3": python}.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)


def run_for_real(case: Dockerfile, environment: RealEnvironment, index: str, folder: Path) -> tuple[bool, bool]:
    """Whether one of the vendor's distributions is not what it was, and whether an instruction failed."""
    programs, home = folder / "programs", folder / "shell-home"
    write_programs(programs, environment)
    home.mkdir()
    variables = {
        **{key: environment.variables[key] for key in ("UV_CACHE_DIR", "UV_LINK_MODE", "PIP_CONFIG_FILE")},
        "PATH": str(programs),
        "HOME": str(home),
        "VIRTUAL_ENV": str(environment.path),
        "PIP_INDEX_URL": index,
        "PIP_NO_COMPILE": "1",
        "UV_DEFAULT_INDEX": index,
        "EMPTY": "",
        "NEWER": "2.0.1",
        "LC_ALL": "C.UTF-8",
    }
    if case.held:
        pins = folder / "pins.txt"
        pins.write_text("".join(f"{name}=={versions[0]}\n" for name, versions in PINNED.items()))
        variables |= {"PIP_CONSTRAINT": str(pins), "UV_CONSTRAINT": str(pins)}
    failed = False
    for script in case.scripts:
        command = [str(programs / "sh"), "-c", script]
        context = folder / "run"
        done = subprocess.run(
            command, cwd=context, env=variables, capture_output=True, check=False, timeout=600, stdin=subprocess.DEVNULL
        )
        failed = failed or done.returncode != 0
        if done.returncode != 0:
            # A build ends there.
            break
    found = read_environment(read_prefix(environment.path))
    versions = {name: sorted(item.version for item in found.find(name)) for name in PINNED}
    return versions != PINNED, failed


def write_context(folder: Path) -> None:
    for name, text in CONTEXT.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize("name", sample(list(CASES)))
def test_prediction_is_what_a_shell_does(
    name: str,
    environment: RealEnvironment,
    index: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    case = CASES[name]
    for folder in ("context", "run"):
        write_context(tmp_path / folder)
    path = tmp_path / "context" / "Dockerfile"
    path.write_text(case.text)
    environment.variables.update(PIP_INDEX_URL=index, UV_DEFAULT_INDEX=index)
    start = time.monotonic()
    done = environment.here("check", "--prefix", str(environment.path), "--format", "json", str(path))
    record_property("seconds", time.monotonic() - start)
    document = json.loads(done.out)
    verdicts = [answer["verdict"] for answer in document["answers"]]
    changed, failed = run_for_real(case, environment, index, tmp_path)
    happened = "clobbered" if changed else "failed" if failed else "kept"
    record_property("dockerfile", f"{','.join(verdicts)} {happened}")
    told = f"{case.text}\n{verdicts} {happened}\n{[answer['why'] for answer in document['answers']]}"
    if case.may_be_unknown:
        assert "clobbered" not in verdicts or changed, told
        assert changed is False or set(verdicts) != {"safe"}, told
        return
    assert "unknown" not in verdicts or failed, told
    assert ("clobbered" in verdicts) == changed, told
    # A package that the index lacks fails as well, which no verdict speaks of.
    assert "blocked" not in verdicts or failed, told
