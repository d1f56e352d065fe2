"""Judges commands that configurations carry: of Compose, Kubernetes, pipelines, editors and task runners."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from envtool.scan.commands import CommandFinding, CommandWord
from envtool.scan.containers import judge_run_options
from envtool.scan.installs import judge_requirements
from envtool.scan.kinds import ScanKind
from envtool.scan.launchers import judge_command
from envtool.scan.program_options import judge_options
from envtool.scan.shell import judge_script
from envtool.told_kind import Severity

if TYPE_CHECKING:
    from envtool.scan.configuration_reader import Setting
    from envtool.scan.process_launch import Follow

_WORDS = frozenset({"command", "args", "entrypoint"})
_SCRIPTS = frozenset(
    ["run", "script", "before_script", "after_script", "setup", "cmd", "cmds", "commands", "shell", "shell_command"]
)
_KINDS = frozenset(
    {
        ScanKind.PROCESS_PER_DEVICE,
        ScanKind.NVIDIA_QUERY,
        ScanKind.NVIDIA_CONTAINER,
        ScanKind.NVIDIA_BASE,
        ScanKind.SECOND_DEVICE,
        ScanKind.CUDA_LIBRARY,
        ScanKind.CUDA_SOURCE,
    }
)
# Of Ray's clusters, of development containers, of tox.
_SCRIPT_NAMES = re.compile(r"^(?:\w+_commands|(?:onCreate|updateContent|post\w+|initialize)Command|commands_\w+)$")
# Tables of task runners: each of their values is a command.
_TASKS = frozenset({"scripts", "tasks"})
_RUN_OPTIONS = frozenset({"runArgs", "options", "run_args", "docker_args", "container_options", "containerOptions"})
# Lists of what is installed: setuptools', conda's, PEP 621's.
_REQUIREMENTS = frozenset({"dependencies", "pip", "install_requires", "deps", "requirements"})
# Groups of what is installed where somebody asks for it: of PEP 621, PEP 735 and setuptools.
_OPTIONAL = frozenset({"optional-dependencies", "dependency-groups", "extras_require", "options.extras_require"})
# Poetry's and Pixi's tables, whose keys are the names.
_POETRY = frozenset(
    {
        ("tool", "poetry", "dependencies"),
        ("tool", "pixi", "dependencies"),
        ("tool", "pixi", "pypi-dependencies"),
        ("dependencies",),
        ("pypi-dependencies",),
    }
)
_SHELL_OPTIONS = frozenset({"-c", "-lc", "-ec", "-exc", "-cx", "-xc"})


def judge_commands(settings: Sequence[Setting], follow: Follow) -> Iterator[CommandFinding]:
    """What the commands among the settings of a file do that does not go here."""
    for finding in _judge_all(settings, follow):
        if finding.kind in _KINDS:
            yield finding


def _judge_all(settings: Sequence[Setting], follow: Follow) -> Iterator[CommandFinding]:
    beside: dict[int, dict[str, Setting]] = {}
    for setting in settings:
        beside.setdefault(setting.mapping, {})[setting.keys[-1]] = setting
    for setting in settings:
        name = setting.keys[-1]
        is_task = setting.keys[-2] in _TASKS if len(setting.keys) > 1 else False
        is_script = name in _SCRIPTS or is_task or _SCRIPT_NAMES.match(name) is not None
        if name == "args" and "command" in beside[setting.mapping]:
            continue
        if name in _RUN_OPTIONS:
            yield from judge_run_options(_list_words(setting))
        elif setting.keys[-2:-1] and setting.keys[-2] in _OPTIONAL:
            for finding in judge_requirements(_list_requirements(setting)):
                yield replace(finding, severity=Severity.NOTE)
        elif setting.keys[:-1] in _POETRY and name not in _REQUIREMENTS:
            yield from judge_requirements([CommandWord(name, setting.line)])
        elif name in _REQUIREMENTS:
            yield from judge_requirements(_list_requirements(setting))
        elif name == "args" and isinstance(setting.value, str) and "program" in beside[setting.mapping]:
            yield from judge_options(_list_words(setting))
        elif name in _WORDS and isinstance(setting.value, list):
            yield from _judge_words(setting, beside[setting.mapping], follow)
        elif (name in _WORDS or is_script) and isinstance(setting.value, str):
            yield from judge_script(setting.value, follow, setting.first_line)
        elif is_script and isinstance(setting.value, list):
            for word in _list_words(setting):
                yield from judge_script(word.text, follow, word.line)


def _judge_words(setting: Setting, beside: dict[str, Setting], follow: Follow) -> Iterator[CommandFinding]:
    words = _list_words(setting)
    if setting.keys[-1] == "command" and "args" in beside:
        words += _list_words(beside["args"])
    module = beside.get("module")
    if setting.keys[-1] == "args" and module is not None:
        # A debugger's: what is started, and with what.
        start = ("python", "-m", str(module.value))
        words = [*(CommandWord(text, setting.line) for text in start), *words]
    elif setting.keys[-1] == "args" and (program := beside.get("program")) is not None:
        words = [CommandWord(str(program.value), setting.line), *words]
    if len(words) > 2 and words[1].text in _SHELL_OPTIONS:
        yield from judge_script(words[2].text, follow, words[2].line)
    elif words:
        yield from judge_command(words, follow)


def _list_requirements(setting: Setting) -> list[CommandWord]:
    if isinstance(setting.value, str):
        rows = enumerate(setting.value.split("\n"), setting.first_line)
        return [CommandWord(row.strip(), line) for line, row in rows if row.strip()]
    return _list_words(setting) if isinstance(setting.value, list) else []


def _list_words(setting: Setting) -> list[CommandWord]:
    if isinstance(setting.value, str):
        return [CommandWord(word, setting.line) for word in setting.value.split()]
    values = setting.value if isinstance(setting.value, list) else []
    # `${env}` and its like are put in by whoever runs it.
    words = [CommandWord(str(value), line) for value, line in zip(values, setting.lines, strict=False)]
    return [word for word in words if not word.text.startswith("${")]
