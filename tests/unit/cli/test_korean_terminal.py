"""Every command in Korean on a terminal of 80 columns: it fits, no English sentence is left, and JSON stays English."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from envtool.cli.guard_report import STOPPED
from envtool.printable import display_width
from tests.support.environment import RealEnvironment, environment_in
from tests.support.report_pages import make_clobbered_image, make_project
from tests.unit.cli.test_words import run_in_terminal

COLUMNS = 80
# What is never translated: quoted words, addresses and paths, ids in brackets, and commands with their arguments.
_QUOTED = re.compile(r"`[^`]*`|\"[^\"]*\"|'[^']*'|\[[\w-]+(?:, \d+)?\]|\S*[/=@]\S*|--?[\w-]+")
_PROGRAMS = (
    "envtool pip uv conda docker update-moreh python pipenv poetry pdm moreh-smi ap-smi kill skopeo ls chmod chown"
)
_COMMAND = re.compile(rf"(?:^|\s|\()(?:{'|'.join(_PROGRAMS.split())}|\$\{{EDITOR:-vi\}})\s[^가-힣]*")
_CONTROL = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")
_SENTENCE = re.compile(r"(?<![\w-])(?:[a-z]{2,}[,;:]? ){2,}[a-z]{2,}(?![\w-])")
# Other programs' words: an image's instructions, the vendor's own, the system's, Click's.
_OTHERS = re.compile(
    r"RUN .*|COPY .*|from \S+ import \S+|.*\(char \d+\)"
    # Names, one after another.
    r"|[\w.-]+(?:, [\w.-]+)+,?"
    r"|Already installed : .*|Currently installed: .*|No such file or directory|Invalid value: "
)


@pytest.fixture(scope="module")
def korean(healthy_template: Path, wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> RealEnvironment:
    """An environment with another torch in it, and an image, a program and reports beside it."""
    folder = tmp_path_factory.mktemp("korean")
    for name in ("environment", "store"):
        shutil.copytree(healthy_template / name, folder / name, symlinks=True)
    made = environment_in(folder, wheels, tmp_path_factory.getbasetemp())
    make_project(folder / "project")
    (folder / "requirements.txt").write_text(f"--no-index\n--find-links {wheels}\nharmless\nwants-newer>=1.0\n")
    make_clobbered_image(made, folder / "image")
    (folder / "reports").mkdir()
    (folder / "reports" / "a.json").write_text(made.here("doctor", "--prefix", str(made.path), "--format", "json").out)
    (folder / "reports" / "b.json").write_text("{")
    return made


# `{folder}` is the one that everything is in.
COMMANDS = {
    "doctor": "doctor --prefix {folder}/environment --deep --no-driver",
    "doctor-nowhere": "doctor --prefix /nowhere",
    "check": "check --prefix {folder}/environment {folder}/requirements.txt",
    "check-static": "check --static --torch 1.7.1+cu110.moreh22.8.0 {folder}/project/Dockerfile",
    "check-missing": "check --prefix {folder}/environment {folder}/none.txt",
    "blame": "blame oci:{folder}/image",
    "verify": "verify --static oci:{folder}/image",
    "restore-plan": "restore --dry-run --prefix {folder}/environment",
    "install-plan": "install --dry-run --prefix {folder}/environment --no-index --find-links {wheels} harmless",
    "scan": "scan {folder}/project",
    "jobs": "jobs",
    "flavour": "flavour",
    "explain": "explain",
    "models": "models list",
    "vendors": "vendor list",
    "releases": "list --releases --prefix {folder}/environment",
    "protect-plan": "protect --dry-run --prefix {folder}/environment",
    "profile": "profile show habana",
    "sync-nothing": "sync --prefix {folder}/environment {folder}/reports",
    "wrong-option": "jobs --usage",
}


def fill(text: str, environment: RealEnvironment) -> list[str]:
    return text.format(folder=environment.path.parent, wheels=environment.wheels).split()


def make_variables(environment: RealEnvironment, language: str) -> dict[str, str]:
    variables = {**os.environ, **environment.variables, "HAC_LANG": language, "TERM": "xterm", "NO_COLOR": "1"}
    variables.pop("COLUMNS", None)
    return variables


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_speaks_korean_and_fits(korean: RealEnvironment, name: str) -> None:
    words = fill(COMMANDS[name], korean)
    command = ["sh", "-c", '"$@" 2>&1', "sh", sys.executable, "-m", "envtool", *words]
    text = run_in_terminal(command, make_variables(korean, "ko"), COLUMNS)
    assert re.search("[가-힣]", text), text
    lines = [line.rstrip() for line in _CONTROL.sub("", text).split("\n")]
    # A bar is drawn over and over, by another program, which fits it to the terminal.
    lines = [line for line in lines if "\r" not in line]
    assert [line for line in lines if is_too_wide(line)] == []
    assert {found[0]: line for line in lines if (found := find_english(line))} == {}


def test_the_guard_speaks_korean(korean: RealEnvironment) -> None:
    """Its lines are a builder's log, which is as wide as it likes."""
    program = "from envtool.cli.hac_guard import main; main()"
    words = ["check", "--prefix", str(korean.path), "--command", "pip install wants-newer"]
    command = [sys.executable, "-c", program, *words]
    done = subprocess.run(command, env=make_variables(korean, "ko"), capture_output=True, text=True, check=False)
    assert done.returncode == STOPPED
    assert "hac-guard: 이 명령이 벤더의 torch를 손상시켰습니다" in done.stdout
    lines = done.stdout.splitlines()
    assert {found[0]: line for line in lines if (found := find_english(line))} == {}


def test_the_guards_help_is_korean() -> None:
    command = [sys.executable, "-c", "from envtool.cli.hac_guard import main; main()", "check", "--help"]
    variables = {**os.environ, "HAC_LANG": "ko", "PYTHONUTF8": "1"}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("사용법: ")
    assert [line for line in done.stdout.splitlines()[2:] if find_english(line)] == []


def is_too_wide(line: str) -> bool:
    """Whether a line could have been broken: commands stay whole, and so does a word that is longer than the line."""
    if display_width(line) <= COLUMNS or _COMMAND.search(line):
        return False
    return all(display_width(word) < COLUMNS - 30 for word in line.split())


def find_english(line: str) -> re.Match[str] | None:
    plain = _COMMAND.sub(" ", _OTHERS.sub("", line))
    return _SENTENCE.search(_QUOTED.sub("·", plain))


JSON_COMMANDS = {
    "doctor": "doctor --prefix {folder}/environment --deep --no-driver --format json",
    "doctor-sarif": "doctor --prefix {folder}/environment --deep --no-driver --format sarif",
    "check": "check --prefix {folder}/environment {folder}/requirements.txt --format json",
    "check-sarif": "check --prefix {folder}/environment {folder}/requirements.txt --format sarif",
    "scan": "scan {folder}/project --format json",
    "scan-junit": "scan {folder}/project --format junit",
    "blame": "blame oci:{folder}/image --format json",
    "verify": "verify --static oci:{folder}/image --format json",
    "verify-prometheus": "verify --static oci:{folder}/image --format prometheus",
    "restore": "restore --dry-run --prefix {folder}/environment --format json",
    "fleet": "fleet report {folder}/reports --format json",
    "sbom": "sbom oci:{folder}/image",
}


@pytest.mark.parametrize("name", JSON_COMMANDS)
def test_what_programs_read_is_the_same_in_both_languages(korean: RealEnvironment, name: str) -> None:
    said = []
    for language in ("en", "ko"):
        command = [sys.executable, "-m", "envtool", *fill(JSON_COMMANDS[name], korean)]
        done = subprocess.run(
            command, env=make_variables(korean, language), capture_output=True, text=True, check=False, timeout=300
        )
        said.append(re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)|\b1[67]\d{8}(?:\.\d+)?\b", "TIME", done.stdout))
    assert said[0] == said[1] != ""
