"""`hac-guard`, as hac-shell calls it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from envtool.cli.guard_report import STOPPED
from envtool.cli.hac_guard import main
from tests.support.environment import Outcome, RealEnvironment

COMMAND = "pip install wants-newer"


def check(environment: RealEnvironment, mode: str = "fail") -> Outcome:
    arguments = ("check", "--prefix", str(environment.path), "--mode", mode, "--command", COMMAND)
    return environment.here(*arguments, program=main)


def test_an_intact_environment_is_passed_over(environment: RealEnvironment) -> None:
    assert check(environment) == Outcome(0, "", "")


@pytest.mark.parametrize(("mode", "status"), [("fail", STOPPED), ("warn", 0), ("odd", STOPPED)])
def test_damage_stops_the_build_unless_told_otherwise(environment: RealEnvironment, mode: str, status: int) -> None:
    environment.uv_install("wants-newer")
    outcome = check(environment, mode)
    assert outcome.status == status
    assert f"RUN {COMMAND}" in outcome.out
    assert "leave wants-newer out of the requirements" in outcome.out


def test_its_words(environment: RealEnvironment) -> None:
    """Each sentence once, one command to run, and none that mends what the builder throws away."""
    environment.uv_install("wants-newer")
    outcome = check(environment)
    title = "is not the vendor's build: the accelerator is lost"
    assert outcome.out.count(title) == 1
    assert "[torch-replaced]" in outcome.out
    assert outcome.out.count("  run ") == 1
    assert "run          pip install wants-newer   (with PIP_CONSTRAINT and UV_CONSTRAINT as the image" in outcome.out
    assert "wants-newer<" not in outcome.out
    assert "update-moreh" not in outcome.out
    assert "envtool restore" not in outcome.out
    # The environment stays as it is where the build goes on.
    assert "envtool restore" in check(environment, "warn").out


def test_restore_puts_torch_back(environment: RealEnvironment) -> None:
    environment.uv_install("wants-newer")
    assert check(environment, "restore").status == 0
    assert environment.doctor()["findings"] == []


@pytest.mark.parametrize("program", ["/bin/true", "/bin/sh"])
def test_another_program_in_the_interpreters_place_stops_it(environment: RealEnvironment, program: str) -> None:
    """Copied with its times, so that nothing is newer."""
    environment.python.unlink()
    shutil.copy2(program, environment.python)
    outcome = check(environment)
    assert outcome.status == STOPPED
    assert "the environment's `python` is another program" in outcome.out


def test_a_script_in_the_interpreters_place_is_not_judged(environment: RealEnvironment) -> None:
    real = environment.python.resolve()
    environment.python.unlink()
    environment.python.write_text(f'#!/bin/sh\nexec {real} "$@"\n')
    environment.python.chmod(0o755)
    assert check(environment).status == 0


def test_an_unknown_mode_is_named(environment: RealEnvironment) -> None:
    environment.uv_install("wants-newer")
    assert "HAC_GUARD=odd is none of fail, warn, restore, off; taken as fail" in check(environment, "odd").out


@pytest.mark.parametrize(("mode", "status"), [("fail", STOPPED), ("warn", 0), ("restore", STOPPED)])
@pytest.mark.parametrize("lost", ["", "lib", "bin", "etc/hac/pin.toml"], ids=["all", "library", "programs", "pin"])
def test_an_environment_that_is_gone_is_damage(environment: RealEnvironment, lost: str, mode: str, status: int) -> None:
    path = environment.path / lost
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.write_text("torch = [")
    outcome = check(environment, mode)
    assert outcome.status == status, outcome
    assert outcome.out.lstrip().startswith("hac-guard: this instruction damaged the vendor torch")
    assert outcome.err == ""


def test_another_torch_before_the_environments(environment: RealEnvironment, tmp_path: Path) -> None:
    libraries = tmp_path / "libraries"
    environment.pip_install("--no-deps", "--target", str(libraries), "torch==2.13.0")
    environment.variables.update(CONDA_PREFIX=str(environment.path), PYTHONPATH=str(libraries))
    environment.variables["PATH"] = f"{environment.path}/bin:/usr/bin:/bin"
    command = f"python -m pip install --no-deps --target {libraries} torch==2.13.0"
    outcome = environment.here("check", "--prefix", str(environment.path), "--command", command, program=main)
    assert outcome.status == STOPPED
    assert "run          python -m pip install --no-deps torch\n" in outcome.out
    assert outcome.out.count("  run ") == 1


def test_another_torch_in_a_folder(
    environment: RealEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "libraries/torch-2.13.0.dist-info").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    outcome = environment.here("elsewhere", "--command", "pip install --target libraries torch", program=main)
    assert outcome.status == STOPPED
    assert "torch 2.13.0" in outcome.out
    assert "run          pip install torch " in outcome.out


def test_a_log_that_is_gone_fails_nothing(environment: RealEnvironment, tmp_path: Path) -> None:
    environment.variables["VIRTUAL_ENV"] = str(environment.path)
    outcome = environment.here("explain", "--log", str(tmp_path / "absent"), program=main)
    assert outcome.status == 0
    assert "cannot be read" in outcome.err


@pytest.mark.parametrize(
    "module", ["typer", "click", "rich", "packaging.requirements", "tree_sitter", "envtool.guard.instruction"]
)
def test_a_look_imports_nothing_heavy(environment: RealEnvironment, module: str) -> None:
    code = "import sys\nfrom envtool.cli.hac_guard import main\ntry:\n  main()\nexcept SystemExit as end:\n"
    code += "  print(end.code, *sys.modules)"
    command = [sys.executable, "-c", code, "check", "--prefix", str(environment.path), "--command", "true"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    status, *modules = done.stdout.split()
    assert status == "0"
    assert module not in modules
