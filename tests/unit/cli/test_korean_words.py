"""What commands and their errors say in Korean, far more of them than a terminal is opened for: no English sentence.

All of them run one after another in one process that speaks Korean, as a start of Python is what would take the time.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from docs.generate.command_tree import read_commands
from tests.support.driver_programs import DriverPrograms
from tests.support.driver_tables import FORMS, Accelerator, RunningJob
from tests.support.environment import RealEnvironment, environment_in
from tests.support.report_pages import make_project
from tests.unit.cli.test_korean_terminal import find_english, make_variables

_PROGRAM = """
import io, json, os, sys
from contextlib import redirect_stderr, redirect_stdout
from envtool.cli.hac_guard import main as guard
from envtool.cli.main import main, update_moreh

os.environ["COLUMNS"] = "200"
programs = {"envtool": main, "update-moreh": update_moreh, "hac-guard": guard}
said = []
for words in json.load(sys.stdin):
    text = io.StringIO()
    sys.argv, sys.stdin = words, io.StringIO("")
    with redirect_stdout(text), redirect_stderr(text):
        try:
            programs[words[0]]()
        except SystemExit:
            pass
    said.append(text.getvalue())
json.dump(said, sys.__stdout__)
"""
# `{folder}` is the one that everything is in.
_COMMANDS = """
update-moreh --list --prefix {folder}/environment
update-moreh --prefix {folder}/environment
update-moreh --prefix {folder}/nowhere
update-moreh --rollback --prefix {folder}/environment
update-moreh --rollback --target 22.8.0 --prefix {folder}/environment
update-moreh --target 99.1.0 --prefix {folder}/environment
update-moreh --target nonsense --prefix {folder}/environment
envtool bake --project {folder}
envtool blame {folder}/requirements.txt
envtool blame oci:{folder}/none
envtool build --project {folder} hac-base
envtool check --prefix {folder}/environment {folder}/broken/Pipfile {folder}/broken/conda-lock.yml
envtool check --prefix {folder}/environment {folder}/broken/environment.yml {folder}/broken/noxfile.py
envtool check --prefix {folder}/environment {folder}/broken/pyproject.toml {folder}/broken/setup.cfg
envtool check --prefix {folder}/environment {folder}/broken/requirements.txt
envtool check --prefix {folder}/environment {folder}/broken/tox.ini {folder}/broken/uv.lock
envtool check --static --only nothing --prefix {folder}/environment {folder}/lines/requirements.txt
envtool check --static --prefix {folder}/environment {folder}/lines/Dockerfile
envtool check --static --prefix {folder}/environment {folder}/lines/requirements.txt
envtool check --static --prefix {folder}/environment {folder}/unknown.kind
envtool check --static --torch nonsense {folder}/lines/requirements.txt
envtool check --static --torch 1.7.1+cu110.moreh22.8.0 {folder}/lines/requirements.txt
envtool doctor --image none:none
envtool doctor --prefix {folder}/empty
envtool doctor --prefix {folder}/environment --no-driver --profile nothing
envtool doctor --prefix {folder}/environment --no-driver --ignore nothing
envtool doctor --prefix {folder}/environment --driver
envtool doctor --prefix {folder}/environment --image x
envtool explain --from {folder}/log.txt
envtool explain --from {folder}/none.txt
envtool explain nothing
envtool explain torch-replaced
envtool fleet report {folder}/reports
envtool fleet report {folder}/empty
envtool fleet report {folder}/none
envtool fleet units --prefix {folder}/environment --output {folder}/units
envtool flavour
envtool flavour Nothing.1GB
envtool guard run --prefix {folder}/environment -- true
envtool guard run --prefix {folder}/empty -- true
envtool guard run --prefix {folder}/environment -- {folder}/none
envtool install --dry-run --prefix {folder}/environment --no-index -r {folder}/none.txt
envtool install --dry-run --prefix {folder}/environment --no-index torch==9
envtool install --dry-run --prefix {folder}/environment --unknown-option
envtool install --prefix {folder}/empty numpy
envtool jobs
envtool jobs --log {folder}/none.jsonl --usage
envtool jobs --log {folder}/requirements.txt --usage --prices {folder}/log.txt
envtool jobs --watch --usage
envtool list --prefix {folder}/environment --releases
envtool list --prefix {folder}/environment (
envtool lock --check --project {folder}
envtool lock --demo nothing --project {folder}/checkout
envtool lock --check --locked-only --project {folder}/checkout
envtool matrix --format gitlab --project {folder}/checkout
envtool matrix --project {folder}
envtool models get nothing
envtool models get resnet {folder}/project
envtool models list
envtool models run nothing --prefix {folder}/environment
envtool models run resnet --prefix {folder}/environment
envtool profile check {folder}/log.txt
envtool profile check {folder}/profile.toml --version 1.0+mine --version 2.0+cu118
envtool profile list
envtool profile show hac
envtool profile show habana
envtool profile show nothing
envtool protect --dry-run --prefix {folder}/environment
envtool protect --dry-run --undo --prefix {folder}/environment
envtool protect --prefix {folder}/empty
envtool protect --prefix {folder}/second
envtool protect --prefix {folder}/second
envtool protect --print --undo --prefix {folder}/second
envtool protect --undo --prefix {folder}/second
envtool restore --dry-run --force --prefix {folder}/environment
envtool restore --dry-run --prefix {folder}/environment --vendor {folder}/none
envtool restore --prefix {folder}/empty
envtool sbom {folder}/log.txt
envtool scan --changed nothing {folder}/project
envtool scan --requirements {folder}/requirements.txt
envtool scan {folder}/none
envtool scan {folder}/project
envtool sync --dry-run --prefix {folder}/environment {folder}/broken/uv.lock
envtool sync --dry-run --prefix {folder}/environment {folder}/empty
envtool sync --dry-run --prefix {folder}/environment {folder}/locked
envtool sync --prefix {folder}/empty {folder}/locked
envtool vendor add {folder}/none
envtool vendor add ftp://example.com/wheels
envtool vendor fetch --release 99.1.0 --prefix {folder}/environment
envtool vendor list
envtool vendor remove {folder}/none
envtool vendor unpack --remove --prefix {folder}/environment
envtool verify {folder}/log.txt
envtool verify --static oci:{folder}/none
envtool nothing
envtool doctor --nothing
envtool jobs --count none
hac-guard check --prefix {folder}/environment --command true
hac-guard check --prefix {folder}/second --command true
hac-guard explain {folder}/log.txt
hac-guard nothing
"""
# What parsers of the standard library and YAML's say of a file, what stands in a log, and what scripts look for.
_OTHERS = re.compile(
    r"Expect(?:ed|ing) .*|expected the node content.*|while parsing .*|File contains no section headers.*"
    r"|'\[' was never closed.*|missing \), unterminated.*|RuntimeError: .*|ModuleNotFoundError: .*"
    r"|Possible upgrading version: .*|Currently installed: .*"
    # Names, one after another.
    r"|[\w.-]+(?:, [\w.-]+)+"
)
_PROFILE = """\
schema = 1
id = "mine"
title = "mine"

[[pinned]]
name = "torch"

[[version]]
distribution = "torch"
pattern = '(?P<public>[0-9.]+)\\+mine'

[cure]
lost = "the card is lost"
restore = "pip install mine"
"""
_LINES = (
    "torch==2.1.0\ntorchvision\n-e git+https://example.com/work.git#egg=work\nnvidia-cublas-cu12\ntorch==1.7.1+cu110\n"
)


def _make_files(folder: Path) -> None:
    for name in ("broken", "lines", "empty", "locked", "reports"):
        (folder / name).mkdir()
    for name in ("Pipfile", "conda-lock.yml", "environment.yml", "noxfile.py", "setup.cfg", "tox.ini", "uv.lock"):
        (folder / "broken" / name).write_text("{[\n: :\n")
    (folder / "broken/pyproject.toml").write_text("[project\n")
    (folder / "broken/requirements.txt").write_text("torch ==\n-r none.txt\n--no-index\n")
    (folder / "lines/requirements.txt").write_text(_LINES)
    (folder / "lines/Dockerfile").write_text(
        "FROM python:3.8-alpine\nRUN pip install torch && ./setup.sh\nRUN conda install pytorch\nRUN uv sync\n"
    )
    (folder / "unknown.kind").write_text("torch\n")
    (folder / "requirements.txt").write_text("torch\n")
    (folder / "log.txt").write_text(
        "RuntimeError: Accelerator memory not enough\nModuleNotFoundError: No module named 'apex'\n"
    )
    (folder / "profile.toml").write_text(_PROFILE)
    (folder / "reports/bad.json").write_text("{")
    (folder / "locked/pyproject.toml").write_text('[project]\nname = "work"\nversion = "1"\n')
    (folder / "locked/uv.lock").write_text(
        'version = 1\n[[package]]\nname = "work"\nversion = "1"\nsource = {virtual = "."}\n'
    )
    make_project(folder / "project")
    (folder / "checkout/images").mkdir(parents=True)
    (folder / "checkout/images/images.toml").write_text('[image.a]\npython = "2"\nsize-budget = "1 TB"\nsized = 1\n')


@pytest.fixture(scope="module")
def said(healthy_template: Path, wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each command says, by its line."""
    folder = tmp_path_factory.mktemp("words")
    for name in ("environment", "store"):
        shutil.copytree(healthy_template / name, folder / name, symlinks=True)
    shutil.copytree(folder / "environment", folder / "second", symlinks=True)
    environment = environment_in(folder, wheels, tmp_path_factory.getbasetemp())
    environment.uv_install("wants-newer")
    _make_files(folder)
    (folder / "bin").mkdir()
    programs = DriverPrograms(folder / "bin")
    jobs = [RunningJob(0, "4711", 999999), RunningJob(1, "4712", os.getpid())]
    programs.show(
        next(iter(FORMS.values())).render([Accelerator(0, "Small.64GB"), Accelerator(1, "Large.256GB")], jobs)
    )
    programs.offer("Small.64GB", "Large.256GB", current="Small.64GB")
    lines = [line for line in _COMMANDS.splitlines() if line]
    lines += [f"{command.name} --help" for command in read_commands()]
    return dict(zip(lines, _run(environment, [line.format(folder=folder).split() for line in lines]), strict=True))


def _run(environment: RealEnvironment, commands: list[list[str]]) -> list[str]:
    folder = environment.path.parent
    variables = make_variables(environment, "ko") | {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "HAC_CACHE": str(folder / "cache"),
        "DOCKER_HOST": f"unix://{folder}/none.sock",
        "UV_OFFLINE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        input=json.dumps(commands),
        env=variables,
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: list[str] = json.loads(done.stdout)
    return told


def test_no_command_says_an_english_sentence(said: dict[str, str]) -> None:
    found = {
        f"{command}: {line}"
        for command, text in said.items()
        for line in text.splitlines()
        if find_english(_OTHERS.sub("", line)) is not None
    }
    assert found == set()
    assert [command for command, text in said.items() if "Traceback" in text] == []
