"""What the environment's Python does as it starts what installs: a real interpreter, a stand-in guard."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

from envtool.image.layers.python_front import PYTHON_FRONT


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment whose Python has the front, and modules and programs that print what started them."""
    folder = tmp_path_factory.mktemp("front") / "environment"
    venv.create(folder, symlinks=True)
    site = next(folder.glob("lib/python*/site-packages"))
    guard = folder / "guard"
    guard.write_text('#!/bin/sh\necho guard "$@"\n[ "$1" = --front ] && shift && exec "$@"\n')
    guard.chmod(0o755)
    for name, text in PYTHON_FRONT.items():
        (site / name).write_text(text.replace("/opt/hac/bin/hac-shell", str(guard)))
    for name in ("pip", "uv", "poetry", "conda", "train", "pip_audit"):
        (site / f"{name}.py").write_text("import sys; print('module', *sys.argv[1:]); raise SystemExit(7)\n")
        program = folder / "bin" / name
        program.write_text(f"#!{folder}/bin/python\nimport sys; print('program', *sys.argv[1:]); raise SystemExit(7)\n")
        program.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    "words",
    [
        ("python", "-m", "pip", "install", "a b"),
        ("python", "-Im", "pip", "install", "x"),
        ("python", "-W", "ignore", "-m", "uv", "pip", "install"),
        ("python", "-m", "poetry", "install"),
        ("python", "-mpip", "install", "x"),
        ("python", "-Xutf8", "-Im", "pip", "list"),
        ("python", "-O", "bin/pip", "install", "x"),
        ("bin/pip", "uninstall", "x"),
        ("bin/poetry", "--no-ansi", "install"),
        ("bin/conda", "install", "x"),
    ],
)
def test_what_installs_goes_through_the_guard(environment: Path, words: tuple[str, ...]) -> None:
    said, status = run_in(environment, words)
    kind = "program" if words[0].startswith("bin/") or "-O" in words else "module"
    assert [line.split()[0] for line in said] == ["guard", kind]
    assert status == 7
    assert said[-1].split()[1:] == " ".join(words).split()[-len(said[-1].split()[1:]) :]


@pytest.mark.parametrize(
    "words",
    [
        ("python", "-m", "train", "pip"),
        ("python", "-m", "pip_audit"),
        ("python", "-Xfrozen_modules=off", "-mtrain", "-m", "pip"),
        ("python", "-c", "print('module')\nraise SystemExit(7)", "-m", "pip"),
        ("python", "-m", "poetry", "run", "python"),
        ("bin/poetry", "run", "python", "train.py"),
        ("bin/conda", "run", "-n", "x", "python"),
        ("bin/train", "install"),
    ],
)
def test_all_else_starts_as_it_is(environment: Path, words: tuple[str, ...]) -> None:
    said, status = run_in(environment, words)
    assert (len(said), status) == (1, 7)
    assert not said[0].startswith("guard")


def test_within_the_guard_nothing_looks_twice(environment: Path) -> None:
    assert run_in(environment, ("python", "-m", "pip", "list"), HAC_GUARDED="1") == (["module list"], 7)


def run_in(environment: Path, words: tuple[str, ...], **variables: str) -> tuple[list[str], int]:
    """What is printed, line by line, and the exit status."""
    program = environment / ("bin/python" if words[0] == "python" else words[0])
    rest = [str(environment / word) if word.startswith("bin/") else word for word in words[1:]]
    done = subprocess.run([program, *rest], env=variables, capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    assert sys.version_info >= (3, 11)
    return done.stdout.splitlines(), done.returncode
