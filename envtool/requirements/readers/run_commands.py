"""The commands of an image's RUN instructions: what each installs, and what it does to files that are installed from.

What cannot be followed and may install is unknown, with the words that were not understood. Programs that no Python
environment is changed by are passed by.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from envtool.errors import RequirementsError
from envtool.language import tell
from envtool.requirements.model import RequirementSet, RunInstruction, Section, SourceLocation
from envtool.requirements.readers.command_prefixes import strip_prefixes
from envtool.requirements.readers.file_commands import follow_file_command
from envtool.requirements.readers.image_files import ImageFiles, ImageTree
from envtool.requirements.readers.install_words import InstallReader
from envtool.requirements.readers.known_programs import (
    HARMLESS_SCRIPT,
    INSTALLING_NAME,
    INSTALLS,
    RUNS_STEPS,
    is_python,
)
from envtool.requirements.readers.makefile import read_recipes
from envtool.requirements.readers.shell_script import ShellCommand, ShellState, ShellWalk
from envtool.requirements.readers.shell_words import Word

if TYPE_CHECKING:
    from collections.abc import Callable

_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh"})
_TARGET_LIMIT = 500


@dataclass(kw_only=True)
class RunReader:
    """Goes through an image's commands in their order. `sets` are what they install."""

    dockerfile: SourceLocation
    written: str
    tree: ImageTree
    fetch: Callable[[str], str] | None = None
    settings: dict[str, str] = field(default_factory=dict)
    sets: list[RequirementSet] = field(default_factory=list)

    def run_script(self, text: str, state: ShellState, depth: int = 0) -> str | None:
        """Go through a script."""
        return ShellWalk(state, self.execute, depth).run(text)

    def execute(self, command: ShellCommand, state: ShellState, depth: int) -> str | None:
        """Follow one command; the text that it prints, where that is known."""
        started = strip_prefixes(command)
        inner = started.command
        if inner.words != command.words and command.words[0].text.rsplit("/", 1)[-1] == "pixi":
            # Whatever it runs, it installs its environment first.
            self.sets += self._reader(command).read(command, "pixi")
        if started.appends_input:
            # xargs adds what comes through the pipe.
            more = [Word(text) for text in (command.input or "").split()]
            origin = " ".join(word.text for word in command.piped_from) or tell("the input of xargs")
            unknown = [] if command.input is not None else [Word(origin, False)]
            inner = replace(inner, words=(*inner.words, *more, *unknown))
        printed = self._follow(inner, state, depth) if inner.words else None
        for output in command.outputs:
            if output.path.is_known:
                name = posixpath.normpath(posixpath.join(command.folder, output.path.text))
                self.tree.write(name, printed, is_appended=output.is_appended)
        return "" if command.outputs else printed

    def _follow(self, command: ShellCommand, state: ShellState, depth: int) -> str | None:
        first = command.words[0]
        name = first.text.rsplit("/", 1)[-1]
        words = command.texts
        if not first.is_known:
            if {"install", "sync", "add", "update"} & set(words[1:3]):
                self._add_unknown(command)
            return None
        if name == "cd":
            target = words[1] if len(words) > 1 else state.variables.get("HOME") or "/root"
            state.folder = posixpath.normpath(posixpath.join(state.folder, target))
            return ""
        if name == "eval":
            return self.run_script(" ".join(words[1:]), state, depth + 1)
        if name in _SHELLS or name in {"source", "."} or (name == "su" and "-c" in words):
            return self._run_shell(command, state, depth)
        if name == "find" and ("-exec" in words or "-execdir" in words):
            at = next(i for i, word in enumerate(words) if word in {"-exec", "-execdir"})
            inner = [word for word in command.words[at + 1 :] if word.text not in {";", "+", "{}", "\\;"}]
            return self.execute(replace(command, words=(*inner, Word("{}", False)), outputs=()), state, depth)
        found = list(self._reader(command).read(command, name))
        self.sets += found
        if found:
            return None
        if is_python(name):
            self._run_python(command)
        elif name in RUNS_STEPS:
            self._run_steps(command, state, depth)
        elif "/" in first.text and self._is_script(first.text):
            return self._run_file(command, first.text, words[1:], state, depth)
        else:
            return follow_file_command(command, self.tree)
        return None

    def _reader(self, command: ShellCommand) -> InstallReader:
        files = ImageFiles(
            is_lenient=True,
            fetch=self.fetch,
            tree=self.tree,
            dockerfile=self.dockerfile.path,
            folder=command.folder,
            input=command.input,
            variables=command.variables,
        )
        return InstallReader(place=self.dockerfile, files=files, settings=self.settings, make_set=self.make_set)

    def _is_script(self, path: str) -> bool:
        in_system = re.match(r"/(?:usr/|opt/conda/|opt/hac/)?(?:local/)?s?bin/|.*/bin/", path)
        return in_system is None or path.endswith((".sh", ".bash"))

    def _run_shell(self, command: ShellCommand, state: ShellState, depth: int) -> str | None:
        words = command.words[1:]
        if command.words[0].text == "su":
            # The user's name may stand before the options.
            at = next(number for number, word in enumerate(words) if word.text == "-c")
            words = words[at:]
        is_own = command.words[0].text in {"source", "."}
        while words and words[0].text.startswith(("-", "+")) and words[0].text != "-":
            option = words[0].text
            words = words[1:]
            if re.fullmatch(r"-[a-z]*c", option) and words:
                if not words[0].is_known and not re.search(r"\s", words[0].text):
                    self._add_unknown(command)
                    return None
                inner = replace(state, variables=dict(command.variables))
                return self.run_script(words[0].text, inner, depth + 1)
            if re.fullmatch(r"[-+][a-z]*[oO]", option) and words:
                words = words[1:]
            if re.fullmatch(r"-[a-z]*s", option) and not option.startswith("--"):
                # What follows are the arguments of the script that comes through the pipe.
                words = ()
        if not words or words[0].text in {"-", "/dev/stdin"} or words[0].text.startswith("<("):
            return self._run_input(command, state, depth)
        inner = state if is_own else replace(state, variables=dict(command.variables))
        return self._run_file(command, words[0].text, [word.text for word in words[1:]], inner, depth)

    def _run_input(self, command: ShellCommand, state: ShellState, depth: int) -> str | None:
        """A shell that reads its script from a pipe or a here-document."""
        if command.input is not None:
            inner = replace(state, variables=dict(command.variables))
            return self.run_script(command.input, inner, depth + 1)
        if not command.piped_from and not any(word.text.startswith("<(") for word in command.words):
            return None
        origin = " ".join(word.text for word in command.piped_from) or command.source
        if not HARMLESS_SCRIPT.search(origin):
            self._add_unknown(command, tell("what `{origin}` gives a shell to run is not known", origin=origin))
        return None

    def _run_file(
        self, command: ShellCommand, path: str, arguments: list[str], state: ShellState, depth: int
    ) -> str | None:
        name = posixpath.normpath(posixpath.join(command.folder, path))
        try:
            text = self.tree.read(name)
        except RequirementsError:
            text = None
        if text is not None and not re.match(r"#!.*python", text):
            named = {"0": path, "BASH_SOURCE": path, "@": " ".join(arguments)}
            inner = replace(state, variables={**state.variables, **named})
            inner.variables |= {str(number): value for number, value in enumerate(arguments, 1)}
            printed = self.run_script(text, inner, depth + 1)
            if command.words[0].text in {"source", "."}:
                state.functions.update(inner.functions)
            return printed
        if text is not None:
            may_install = INSTALLS.search(text) is not None
        else:
            may_install = not HARMLESS_SCRIPT.search(path) and not path.endswith("/configure")
        if may_install:
            self._add_unknown(command, tell("`{path}` cannot be read here, and may install", path=path))
        return None

    def _run_python(self, command: ShellCommand) -> None:
        words = command.texts[1:]
        while words and words[0].startswith("-") and words[0] not in {"-c", "-m", "-"}:
            words = words[2:] if words[0] in {"-W", "-X"} else words[1:]
        if not words or words[0] == "-":
            origin = " ".join(word.text for word in command.piped_from)
            if INSTALLS.search(command.input) if command.input else origin and not HARMLESS_SCRIPT.search(origin):
                self._add_unknown(command)
        elif words[0] == "-c":
            if INSTALLS.search(" ".join(words[1:])):
                self._add_unknown(command)
        elif words[0] == "-m":
            if words[1:2] == ["nox"] or words[1:2] == ["tox"] or words[1:2] == ["invoke"]:
                self._add_unknown(command)
        else:
            self._run_python_file(command, words)

    def _run_python_file(self, command: ShellCommand, words: list[str]) -> None:
        if words[0].endswith("setup.py") and len(words) > 1:
            # Installing commands have been read; the others build.
            return
        try:
            text = self.tree.read(posixpath.normpath(posixpath.join(command.folder, words[0])))
        except RequirementsError:
            text = None
        if text is not None:
            if INSTALLS.search(text):
                self._add_unknown(command, tell("`{path}` may install", path=words[0]))
        elif INSTALLING_NAME.search(words[0].rsplit("/", 1)[-1]) and not HARMLESS_SCRIPT.search(words[0]):
            self._add_unknown(command, tell("`{path}` cannot be read here, and may install", path=words[0]))

    def _run_steps(self, command: ShellCommand, state: ShellState, depth: int) -> None:
        """`make` with a makefile of the context is followed; one of a C project installs no Python."""
        words = command.texts
        name = words[0].rsplit("/", 1)[-1]
        folder = next((words[i + 1] for i, word in enumerate(words[:-1]) if word in {"-C", "--directory"}), "")
        inside = posixpath.normpath(posixpath.join(command.folder, folder))
        if name in {"make", "gmake"}:
            for makefile in ("GNUmakefile", "makefile", "Makefile"):
                text = self.tree.read(posixpath.join(inside, makefile))
                if text is not None:
                    inner = replace(state, folder=inside, variables=dict(command.variables))
                    for line in read_recipes(text, words[1:]):
                        self.run_script(line, replace(inner, variables=dict(inner.variables)), depth + 1)
                    return
        if name in {"make", "gmake"} and re.search(r"\bcmake\b|configure\b|autogen|\bmeson\b|-j|PREFIX=", self.written):
            return
        self._add_unknown(
            command, tell("what `{command}` runs cannot be followed, and may install", command=" ".join(words))
        )

    def _add_unknown(self, command: ShellCommand, why: str = "") -> None:
        text = " ".join(command.texts) or command.source
        why = why or tell("`{command}` cannot be followed, and may install", command=_shorten(text))
        self.sets.append(replace(self.make_set(command, "shell"), unresolved=(why,)))

    def add_endless(self, script: str) -> None:
        """Tell of a script that goes on for longer than it is followed."""
        command = ShellCommand(words=(Word(script),), source=script, variables={}, folder="/")
        self._add_unknown(command, tell("the script has more steps than are followed, and may install"))

    def make_set(self, command: ShellCommand, tool: str, exact: bool = False) -> RequirementSet:
        """An empty set for a command."""
        instruction = RunInstruction(self.dockerfile, tool, self.written, exact=exact)
        return RequirementSet(
            path=self.dockerfile.path,
            section=Section.INSTRUCTION,
            name=_shorten(" ".join(command.texts)),
            instruction=instruction,
            is_constrained=self._is_constrained(command, tool),
        )

    def _is_constrained(self, command: ShellCommand, tool: str) -> bool:
        name = "UV_CONSTRAINT" if tool == "uv" else "PIP_CONSTRAINT"
        named = (command.variables.get(name) or "").split()
        return CONSTRAINTS in named and not (tool == "pip" and "--isolated" in command.texts)


# Where the images of envtool have the vendor's versions as constraints.
CONSTRAINTS = "/etc/hac/constraints.txt"


def _shorten(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _TARGET_LIMIT else plain[:_TARGET_LIMIT] + "…"
