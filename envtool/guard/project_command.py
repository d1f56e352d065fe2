"""Commands of the tools that install projects, without torch; and of any tool, into the environment itself. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from envtool.guard.arguments import (
    INDEXES,
    UPSTREAM_INDEX,
    Argument,
    ArgumentKind,
    join_words,
    list_arguments,
    quote,
    quote_all,
)
from envtool.guard.instruction import InstallStep, Tool
from envtool.guard.report_row import render_row
from envtool.language import tell
from envtool.release.profile import PINNED_NAMES
from envtool.requirements.readers.shell_words import Word

# Options that install somewhere else than into the environment.
ELSEWHERE = frozenset({"-t", "--target", "--prefix", "--root"})
_LEAVE_OUT = "--no-install-package torch --no-install-package torchvision --no-install-package torchaudio"
_LOCKED: dict[Tool, str] = {Tool.POETRY: "poetry.lock", Tool.PDM: "pdm.lock"}


def suggest_environment(steps: Sequence[InstallStep], pin_names: Sequence[str] = PINNED_NAMES) -> list[str]:
    """What to run in place of an instruction that installs a torch into a folder or an environment of its own."""
    step = next(reversed(steps), None)
    if step is None:
        return [render_row(tell("fix"), tell("install into the environment itself, which has the vendor torch"))]
    left_out = "|".join(pin_names)
    match step.tool:
        case Tool.UV_PROJECT:
            options = " ".join(f"--no-emit-package {name}" for name in pin_names)
            command = f"uv export {options} | uv pip install -r -"
        case Tool.PIPENV:
            command = f"pipenv requirements | grep -vE '^({left_out})[ =]' | python -m pip install -r /dev/stdin"
        case Tool.POETRY | Tool.PDM:
            command = build_project_command(step)
        case Tool.PIPX:
            command = join_words(
                [*quote_all(step.start), step.action, "--system-site-packages", *quote_all(step.words)]
            )
        case _:
            command = _move_into_environment(step)
    text = tell("{command}   (installs into the environment itself, which has the vendor torch)", command=command)
    return [render_row(tell("run"), text)]


def _move_into_environment(step: InstallStep) -> str:
    words = []
    for argument in list_arguments(step):
        if argument.option in ELSEWHERE | {"-n", "--name", "-p", "--python"}:
            continue
        if argument.kind is ArgumentKind.NAME and argument.name in PINNED_NAMES:
            words.append(str(argument.name))
        elif not (argument.option in INDEXES and UPSTREAM_INDEX.search(argument.value)):
            words += quote_all(argument.words)
    # `own/bin/pip` and `own/bin/python -m pip` are of the environment that was made.
    start = [text.rsplit("/", 1)[-1] if "/bin/" in text else text for text in quote_all(step.start)]
    return join_words([*start, "install" if step.action == "create" else step.action, *words])


def build_project_command(step: InstallStep) -> str:
    """How a tool that installs projects does it without torch."""
    start = join_words(quote_all(step.start))
    words = join_words(quote_all(step.words))
    match step.tool:
        case Tool.UV_PROJECT if step.action == "run":
            return join_words([start, "run", "--no-sync", words])
        case Tool.UV_PROJECT if step.action == "sync":
            return join_words([start, "sync", *([] if "--inexact" in words else ["--inexact"]), _LEAVE_OUT, words])
        case Tool.UV_PROJECT:
            carried = _carry_uv_options(step)
            return join_words(
                [start, step.action, "--no-sync", words, "&&", start, "sync --inexact", _LEAVE_OUT, *carried]
            )
        case Tool.PIPENV:
            pattern = "|".join(PINNED_NAMES)
            return f"{start} requirements | grep -vE '^({pattern})[ =]' | python -m pip install -r /dev/stdin"
        case _:
            option = "--lock" if step.tool is Tool.POETRY else "--no-sync"
            if step.action in {"add", "update", "remove"}:
                command = join_words([start, step.action, option, words, "&& envtool sync", *_translate_options(step)])
            else:
                where = [word for argument in _list_places(step) for word in quote_all(argument.words)]
                command = join_words([start, "lock", *where, "&& envtool sync", *_translate_options(step)])
            file = _LOCKED.get(step.tool, tell("the lock"))
            return tell("{command}   (installs what {file} names, but for torch)", command=command, file=file)


def _carry_uv_options(step: InstallStep) -> list[str]:
    """What `uv sync` needs to install what `uv add` with these options has added."""
    same = ("--project", "--directory", "--package", "--group", "--extra", "--python", "-p")
    names = {**{name: name for name in same}, "--optional": "--extra"}
    arguments = [item for item in list_arguments(step) if item.option in names and item.value]
    found = [word for item in arguments for word in (names[item.option], quote(Word(item.value)))]
    return found + (["--active"] if any(item.option == "--active" for item in list_arguments(step)) else [])


def _list_places(step: InstallStep) -> list[Argument]:
    """The options of Poetry's and PDM's commands that name the project's folder."""
    options = {"-C", "--directory", "-P", "--project"} if step.tool is Tool.POETRY else {"-p", "--project"}
    return [argument for argument in list_arguments(step) if argument.option in options]


def _translate_options(step: InstallStep) -> list[str]:
    """The options of Poetry's and PDM's commands, and the project's folder, in the words of `envtool sync`."""
    found: list[str] = []
    folder = [quote(Word(argument.value)) for argument in _list_places(step)[-1:]]
    values: Mapping[str, str] = {"--with": "--group", "--without": "--no-group", "-E": "--extra", "--extras": "--extra"}
    values = {**values, "--only": "--only-group", "-G": "--group", "--group": "--group"}
    flags = {"--no-root": "--no-install-project", "--no-self": "--no-install-project", "--all-extras": "--all-extras"}
    flags |= dict.fromkeys(("--prod", "--production", "--no-dev"), "--no-default-groups")
    for argument in list_arguments(step):
        if argument.option in values:
            for value in re.split(r"[,\s]+", argument.value.strip("\"'")):
                found += [values[argument.option], quote(Word(value))]
        elif argument.option in flags:
            found.append(flags[argument.option])
    return found + folder
