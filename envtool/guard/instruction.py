"""Which commands of an instruction change a Python environment: by which tool each, and with which words.

Read by the shell's grammar. Scripts, makefiles and here-documents that the instruction starts are gone into. Nothing
runs.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from envtool.regular_file import read_regular_text
from envtool.requirements.readers.command_prefixes import strip_prefixes
from envtool.requirements.readers.makefile import read_recipes
from envtool.requirements.readers.shell_script import ShellCommand, ShellState, ShellWalk
from envtool.requirements.readers.shell_words import Word


class Tool(StrEnum):
    """What installs. `UV` is `uv pip`, `UV_PROJECT` the rest of uv."""

    PIP = "pip"
    UV = "uv pip"
    UV_PROJECT = "uv"
    CONDA = "conda"
    POETRY = "poetry"
    PDM = "pdm"
    PIPENV = "pipenv"
    PIPX = "pipx"
    SETUP = "setup.py"


@dataclass(frozen=True, kw_only=True)
class InstallStep:
    """One command. `start` is how its tool was started, `words` what stands behind the action.

    `script` is the file that the command stands in, where that is not the instruction itself.
    """

    tool: Tool
    start: tuple[Word, ...]
    action: str
    words: tuple[Word, ...]
    folder: str
    script: str = ""


_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh"})
_PROGRAMS = {
    **dict.fromkeys(("conda", "mamba", "micromamba"), Tool.CONDA),
    **{tool.value: tool for tool in (Tool.POETRY, Tool.PDM, Tool.PIPENV, Tool.PIPX)},
}
_ACTIONS = {
    Tool.PIP: {"install", "uninstall"},
    Tool.UV: {"install", "uninstall", "sync"},
    Tool.UV_PROJECT: {"sync", "add", "remove", "run"},
    Tool.CONDA: {"install", "update", "upgrade", "create", "remove", "uninstall"},
    Tool.POETRY: {"install", "add", "update", "sync", "remove"},
    Tool.PDM: {"install", "add", "update", "sync", "remove"},
    Tool.PIPENV: {"install", "sync", "update", "uninstall"},
    Tool.PIPX: {"install", "inject", "upgrade", "run", "install-all"},
    Tool.SETUP: {"install", "develop"},
}
# Options with a value that may stand before the action.
_VALUED_BEFORE = frozenset(
    "--python --proxy --cache-dir --timeout --retries --log --cert --project --directory -C -p -P".split()  # noqa: SIM905
)
_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*")
_PIP = re.compile(r"pip[0-9.]*")
# What lifts the image's own constraints is left out of what is to be run instead.
_LIFTED = re.compile(r"(?:PIP|UV)_CONSTRAINT=")


def find_install_steps(command: str, folder: Path) -> tuple[InstallStep, ...]:
    """The commands of an instruction, run in `folder`, that change environments, in their order."""
    command = _BARE_SPECIFIER.sub(lambda found: re.sub(r"([<>!])", r"\\\1", found[0]), command)
    reader = _StepReader()
    state = ShellState(folder=str(folder))
    ShellWalk(state, reader.execute).run(command)
    return tuple(dict.fromkeys(reader.steps))


# `pip install torch>=2` without quotes, which a shell takes for a redirection, and the front of pip hands on so.
_BARE_SPECIFIER = re.compile(
    r"(?<!\S)[A-Za-z][\w.-]*(?:\[[\w,-]*\])?(?:(?:[<>!=~]=|[<>])\d[\w.*+]*,?)+(?=[\s;&|)\"']|$)"
)
_DEEPEST = 8


@dataclass
class _StepReader:
    steps: list[InstallStep] = field(default_factory=list)
    script: str = ""

    def execute(self, command: ShellCommand, state: ShellState, depth: int) -> str | None:
        words = command.words
        while words and re.match(r"\w+=", words[0].text):
            words = words[1:]
        command = replace(command, words=words)
        started = strip_prefixes(command)
        inner = started.command
        if not inner.words:
            return None
        if started.appends_input and command.input is not None:
            inner = replace(inner, words=(*inner.words, *map(Word, command.input.split())))
        before = words[: len(words) - len(started.command.words)]
        if started.appends_input:
            at = next((at for at, word in enumerate(before) if word.text.endswith("xargs")), len(before))
            before = before[:at]
        if self._follow(inner, state, depth):
            return None
        step = _read_step(before, inner.words, inner.folder)
        if step is not None:
            self.steps.append(replace(step, script=self.script))
        first = inner.words[0].text
        return " ".join(inner.texts[1:]) + "\n" if first in {"echo", "printf"} else None

    def _follow(self, command: ShellCommand, state: ShellState, depth: int) -> bool:
        """Go into what the command starts; whether it starts anything that is read here."""
        texts = command.texts
        name = posixpath.basename(texts[0])
        if name == "cd":
            state.folder = posixpath.normpath(posixpath.join(state.folder, texts[1] if len(texts) > 1 else "/"))
            return True
        if depth > _DEEPEST:
            return False
        if name == "eval":
            self._run(" ".join(texts[1:]), state, depth)
            return True
        if name in {"make", "gmake"}:
            self._run_makefile(command, state, depth)
            return True
        if name in _SHELLS or name in {".", "source"}:
            self._run_shell(command, state, depth)
            return True
        if "/" in texts[0]:
            return self._run_file(texts[0], command.folder, state, depth)
        return False

    def _run(self, text: str, state: ShellState, depth: int) -> None:
        ShellWalk(state, self.execute, depth + 1).run(text)

    def _run_shell(self, command: ShellCommand, state: ShellState, depth: int) -> None:
        words = command.texts[1:]
        while words and words[0].startswith(("-", "+")):
            option = words.pop(0)
            if re.fullmatch(r"-[a-z]*c", option) and words:
                self._run(words[0], state, depth)
                return
            if re.fullmatch(r"[-+][a-z]*[oO]", option) and words:
                words.pop(0)
        if words:
            self._run_file(words[0], command.folder, state, depth)
        elif command.input is not None:
            self._run(command.input, state, depth)

    def _run_file(self, path: str, folder: str, state: ShellState, depth: int) -> bool:
        """Go into a script; whether it is one that can be read."""
        where = posixpath.join(folder, path)
        try:
            text = read_regular_text(Path(where))
        except (OSError, ValueError):
            return False
        if "\0" in text or re.match(r"#!.*(?:python|perl|ruby|node)", text):
            return False
        before, self.script = self.script, path
        self._run(text, state, depth)
        self.script = before
        return True

    def _run_makefile(self, command: ShellCommand, state: ShellState, depth: int) -> None:
        texts = command.texts
        named = [texts[at + 1] for at, word in enumerate(texts[:-1]) if word in {"-C", "--directory"}]
        inside = posixpath.join(command.folder, *named)
        chosen = [texts[at + 1] for at, word in enumerate(texts[:-1]) if word in {"-f", "--file"}]
        for makefile in chosen or ("GNUmakefile", "makefile", "Makefile"):
            try:
                text = read_regular_text(Path(inside, makefile))
            except (OSError, ValueError):
                continue
            before, self.script = self.script, makefile
            for line in read_recipes(text, [word for word in texts[1:] if word not in {*named, *chosen}]):
                self._run(line.lstrip("@-+ \t"), replace(state, folder=inside), depth)
            self.script = before
            return


def _read_step(before: tuple[Word, ...], words: tuple[Word, ...], folder: str) -> InstallStep | None:
    found = _identify([word.text for word in words])
    if found is None:
        return None
    tool, at = found
    actions = _ACTIONS[tool]
    while at < len(words) and words[at].text.startswith("-"):
        at += 2 if words[at].text in _VALUED_BEFORE else 1
    if at >= len(words) or words[at].text not in actions:
        return None
    kept = [word for word in before if not _LIFTED.match(word.text)]
    if [word.text for word in kept] == ["env"]:
        kept = []
    start = (*kept, *words[:at])
    return InstallStep(tool=tool, start=start, action=words[at].text, words=words[at + 1 :], folder=folder)


def _identify(texts: list[str]) -> tuple[Tool, int] | None:
    """The tool that a command starts, and where the words behind its name begin."""
    name = posixpath.basename(texts[0])
    at = 1
    if _PYTHON.fullmatch(name):
        while at < len(texts) and texts[at].startswith("-") and texts[at] not in {"-m", "-c", "-"}:
            at += 2 if texts[at] in {"-W", "-X"} else 1
        if texts[at : at + 1] == ["-m"] and at + 1 < len(texts):
            name, at = texts[at + 1], at + 2
        elif at < len(texts) and posixpath.basename(texts[at]) == "setup.py":
            return Tool.SETUP, at + 1
        else:
            return None
    if _PIP.fullmatch(name):
        return Tool.PIP, at
    if name == "uv":
        inner = at
        while inner < len(texts) and texts[inner].startswith("-"):
            inner += 2 if texts[inner] in _VALUED_BEFORE else 1
        return (Tool.UV, inner + 1) if texts[inner : inner + 1] == ["pip"] else (Tool.UV_PROJECT, at)
    tool = _PROGRAMS.get(name)
    if tool is Tool.CONDA and texts[at : at + 1] == ["env"]:
        at += 1
    return (tool, at) if tool is not None else None
