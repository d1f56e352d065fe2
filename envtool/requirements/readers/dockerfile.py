"""A Dockerfile: the packages that its `pip install`, `uv pip install` and `conda install` lines put in.

Parsed by dockerfile-parse; a here-document is laid out as one continued line before, which that library does not know.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from envtool.documents import parse_json
from envtool.errors import RequirementsError
from envtool.requirements.model import DependencyFile, RequirementSet, RunInstruction, Section, SourceLocation
from envtool.requirements.readers.common import make_form_error
from envtool.requirements.readers.conda_environment import parse_match_spec, read_conda_environment
from envtool.requirements.readers.install_command import read_command
from envtool.requirements.readers.source_files import SourceFiles
from envtool.requirements.text_file import read_text

_ON_DISK = SourceFiles()
_HERE = re.compile(r"^\s*RUN\b.*?<<-?\s*([\"']?)(\w+)\1", re.IGNORECASE)
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?-([^}]*))?\}|(\w+))")
_ASSIGNMENT = re.compile(r"^\w+=")
_PREFIXES = frozenset({"sudo", "exec", "time", "env", "command", "nice", "then", "do", "else", "{", "!"})
_SEPARATORS = frozenset({"&&", "||", ";", "|", "&", "(", ")", "\n"})
# What installs from a project's own files: whether it also uninstalls what the project does not name.
_PROJECT_COMMANDS = {
    ("uv", "sync"): True,
    ("uv", "pip", "sync"): True,
    ("pip-sync",): True,
    ("poetry", "install"): False,
    ("poetry", "sync"): True,
    ("pipenv", "install"): False,
    ("pipenv", "sync"): False,
}


@dataclass
class _Context:
    """What the instructions so far have set."""

    path: Path
    fetch: Callable[[str], str] | None = None
    values: dict[str, str] = field(default_factory=dict)
    copied: list[tuple[list[str], str]] = field(default_factory=list)

    def expand(self, text: str) -> str:
        return _VARIABLE.sub(
            lambda match: self.values.get(match[1] or match[3], match[2] if match[2] is not None else match[0]), text
        )

    def locate(self, name: str) -> Path:
        """The file of the build context that an instruction calls `name`."""
        folder = self.path.parent
        candidates = [folder / name.lstrip("/")]
        for sources, target in self.copied:
            for source in sources:
                inside = name.removeprefix(target.rstrip("/") + "/") if target.startswith("/") else name
                candidates += [folder / source / inside.lstrip("/")]
                if Path(source).name == Path(name).name or Path(target).name == Path(name).name:
                    candidates.append(folder / source)
        candidates.append(folder / Path(name).name)
        found = next((path for path in candidates if path.is_file()), None)
        if found is None:
            raise RequirementsError(f"{name} is not in the build context")
        return found


@dataclass(frozen=True, kw_only=True)
class _ImageFiles(SourceFiles):
    """The files of an image by their names there."""

    context_files: _Context

    def locate(self, place: SourceLocation, name: str) -> Path:
        if place.path != self.context_files.path:
            return super().locate(place, name)
        return self.context_files.locate(name)


def read_dockerfile(path: Path, files: SourceFiles = _ON_DISK) -> DependencyFile:
    """One set for each command that installs. Raises `RequirementsError`."""
    import io

    from dockerfile_parse import DockerfileParser

    text = read_text(path)
    stream = io.BytesIO(_strip_here_documents(text).encode())
    structure = DockerfileParser(fileobj=stream).structure
    if not any(row["instruction"] == "FROM" for row in structure):
        raise make_form_error(path, "it has no FROM")
    context = _Context(path, files.fetch)
    sets: list[RequirementSet] = []
    for row in structure:
        place = SourceLocation(path, row["startline"] + 1)
        instruction: str = row["instruction"]
        match instruction:
            case "ARG" | "ENV":
                _assign(row["value"], context)
            case "COPY" | "ADD":
                words = [word for word in _split_words(row["value"]) if not word.startswith("--")]
                if len(words) > 1:
                    context.copied.append((words[:-1], words[-1]))
            case "RUN":
                for command in _list_commands(row["value"]):
                    sets += _list_installs([context.expand(word) for word in command], place, row["content"], context)
            case _:
                pass
    return DependencyFile(path, "Dockerfile", tuple(sets))


def _strip_here_documents(text: str) -> str:
    """Each here-document of a RUN as a continued line of as many lines."""
    rows, closing = [], None
    for row in text.splitlines():
        if closing is None:
            match = _HERE.match(row)
            closing = match[2] if match else None
            rows.append("RUN true ;\\" if match else row)
        elif row.strip() == closing:
            rows.append("true")
            closing = None
        else:
            # Ended by the separator; a line that goes on does so itself.
            rows.append(row if row.rstrip().endswith("\\") else f"{row} ;\\")
    return "\n".join(rows) + "\n"


def _assign(value: str, context: _Context) -> None:
    words = _split_words(value)
    if len(words) == 2 and "=" not in words[0]:
        words = [f"{words[0]}={words[1]}"]
    for word in words:
        name, separator, text = word.partition("=")
        if separator:
            context.values[name] = context.expand(text)


def _split_words(text: str) -> list[str]:
    try:
        return list(parse_json(text)) if text.lstrip().startswith("[") else shlex.split(text)
    except ValueError:
        return text.split()


def _list_commands(value: str) -> Iterator[list[str]]:
    """The simple commands of an instruction, in shell form or exec form."""
    if value.lstrip().startswith("["):
        words = _split_words(value)
        # `["sh", "-c", "…"]` is the shell form in other words.
        if len(words) == 3 and words[1] in {"-c", "-lc", "-ec"}:
            yield from _list_commands(words[2])
        else:
            yield words
        return
    lexer = shlex.shlex(value, posix=True, punctuation_chars=";&|()\n")
    lexer.whitespace_split = True
    lexer.commenters = ""
    command: list[str] = []
    try:
        for word in lexer:
            if word in _SEPARATORS or set(word) <= set(";&|()"):
                yield command
                command = []
            else:
                command.append(word)
    except ValueError:
        # An open quote: what came before it is read.
        pass
    yield command


def _list_installs(
    command: list[str], place: SourceLocation, written: str, context: _Context
) -> Iterator[RequirementSet]:
    words = list(command)
    while words and (words[0] in _PREFIXES or _ASSIGNMENT.match(words[0]) or words[0].startswith("--")):
        words = words[1:]
    if not words:
        return
    program = Path(words[0]).name
    arguments = _list_pip_arguments(program, words)
    tool = program if arguments is None or program == "uv" else "pip"
    instruction = RunInstruction(place, tool, written)
    base = RequirementSet(path=place.path, section=Section.INSTRUCTION, name=" ".join(words), instruction=instruction)
    try:
        if program in {"conda", "mamba", "micromamba"}:
            yield from _read_conda(words, base, place, context)
        elif arguments is not None:
            yield _read_pip(arguments, base, place, context)
    except RequirementsError as error:
        yield replace(base, unresolved=(str(error),))
    for start, exact in _PROJECT_COMMANDS.items():
        if arguments is None and (program, *words[1 : len(start)]) == start:
            instruction = replace(instruction, exact=exact and "--inexact" not in words)
            yield replace(base, instruction=instruction, unresolved=(f"check the lock that `{base.name}` reads",))


def _list_pip_arguments(program: str, words: list[str]) -> list[str] | None:
    """What stands behind `install`, or `None` where the command is no install."""
    rest = words[1:]
    if re.fullmatch(r"python[0-9.]*", program) and "-m" in rest and rest[rest.index("-m") + 1 :][:1] == ["pip"]:
        rest = rest[rest.index("-m") + 2 :]
    elif program == "uv" and "pip" in rest:
        rest = rest[rest.index("pip") + 1 :]
    elif not re.fullmatch(r"pip[0-9.]*", program):
        return None
    if "install" not in rest:
        return None
    return rest[: rest.index("install")] + rest[rest.index("install") + 1 :]


def _read_pip(arguments: list[str], base: RequirementSet, place: SourceLocation, context: _Context) -> RequirementSet:
    # Without the shell's redirections.
    words = [word for word in arguments if not re.match(r"^\d*[<>]", word)]
    try:
        command = read_command(words, place, _ImageFiles(is_lenient=True, fetch=context.fetch, context_files=context))
    except RequirementsError as error:
        unset = [word for word in arguments if "$" in word]
        if unset:
            return replace(base, unresolved=(f"{unset[0]} has no value here",))
        return replace(base, unresolved=(str(error),))
    unresolved = (*(f"the option {word} is not known" for word in command.unknown), *command.unresolved)
    return replace(base, entries=command.entries, options=command.options, unresolved=unresolved)


def _read_conda(
    words: list[str], base: RequirementSet, place: SourceLocation, context: _Context
) -> Iterator[RequirementSet]:
    if not {"install", "create", "update"} & set(words[1:4]):
        return
    entries = []
    rest = iter(words[1:])
    for word in rest:
        if word in {"-f", "--file"}:
            found = read_conda_environment(context.locate(next(rest, "")))
            entries += [entry for item in found.sets for entry in item.entries]
        elif word in {"-n", "--name", "-p", "--prefix", "-c", "--channel", "--solver"}:
            next(rest, None)
        elif not word.startswith("-") and word not in {"install", "create", "update", "env"}:
            entries.append(parse_match_spec(word, place))
    yield replace(base, entries=tuple(entries))
