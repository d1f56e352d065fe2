"""Takes apart commands that start another command: `sudo -H pip …`, `env A=1 pip …`, `conda run -n x pip …`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envtool.requirements.readers.shell_script import ShellCommand
    from envtool.requirements.readers.shell_words import Word

# The options of each that have a value of their own, and how many arguments stand before the command.
_STARTERS: dict[str, tuple[str, int]] = {
    "sudo": ("-u -g -h -p -C -r -t -T -U -D -R --user --group --chdir", 0),
    "doas": ("-u -C", 0),
    "exec": ("-a", 0),
    "time": ("-f -o", 0),
    "command": ("", 0),
    "builtin": ("", 0),
    "nice": ("-n --adjustment", 0),
    "ionice": ("-c -n -p", 0),
    "nohup": ("", 0),
    "setsid": ("", 0),
    "stdbuf": ("-i -o -e", 0),
    "timeout": ("-s -k --signal --kill-after", 1),
    "gosu": ("", 1),
    "su-exec": ("", 1),
    "runuser": ("-u -g -G --user", 0),
    "chroot": ("", 1),
    "xargs": ("-I -n -P -L -d -a -s -E --max-args --max-procs --delimiter --arg-file", 0),
    "unbuffer": ("", 0),
    "catchsegv": ("", 0),
    "retry": ("-t -d", 0),
}
# `PROGRAM run …`, with the options that have a value.
_RUNNERS: dict[str, str] = {
    "conda": "-n --name -p --prefix --cwd",
    "mamba": "-n --name -p --prefix --cwd",
    "micromamba": "-n --name -p --prefix --cwd -r --root-prefix -a --attach",
    "poetry": "-C --directory -P --project",
    "pipenv": "",
    "pdm": "-p --project",
    "hatch": "-e --env",
    "rye": "",
    "pixi": "-e --environment --manifest-path",
}
_ASSIGNMENT = re.compile(r"(\w+)=(.*)", re.DOTALL)
# Variables that sudo hands on (sudoers, env_reset).
_KEPT_BY_SUDO = frozenset({"HOME", "PATH", "TERM", "USER", "SHELL", "LANG"})


@dataclass(frozen=True)
class StartedCommand:
    """The command that is started in the end. `appends_input`: xargs adds what it reads to the words."""

    command: ShellCommand
    appends_input: bool = False


def strip_prefixes(command: ShellCommand) -> StartedCommand:
    """The command without whatever starts it."""
    appends = False
    while command.words:
        name = command.words[0].text.rsplit("/", 1)[-1]
        rest = list(command.words[1:])
        if name == "env":
            command = _strip_env(command, rest)
        elif name in _STARTERS:
            options, leading = _STARTERS[name]
            given, rest = _split_options(rest, options.split())
            command = replace(command, words=tuple(rest[leading:]))
            if name in {"sudo", "doas"}:
                command = _strip_sudo(command, given)
            appends = appends or name == "xargs"
        elif name in _RUNNERS and rest and "run" in [word.text for word in rest[:3]]:
            at = [word.text for word in rest].index("run")
            _given, rest = _split_options(rest[at + 1 :], _RUNNERS[name].split())
            command = replace(command, words=tuple(rest))
        else:
            break
    return StartedCommand(command, appends)


def _split_options(words: list[Word], with_value: list[str]) -> tuple[list[str], list[Word]]:
    given: list[str] = []
    rest = list(words)
    while rest and rest[0].text.startswith("-"):
        option = rest.pop(0).text
        if option == "--":
            break
        given.append(option)
        if option in with_value and rest:
            given.append(rest.pop(0).text)
    return given, rest


def _strip_env(command: ShellCommand, rest: list[Word]) -> ShellCommand:
    variables = dict(command.variables)
    while rest:
        word = rest[0]
        match = _ASSIGNMENT.fullmatch(word.text)
        if match:
            variables[match[1]] = match[2] if word.is_known else None
        elif word.text in {"-i", "-", "--ignore-environment"}:
            variables = {}
        elif word.text in {"-u", "--unset", "-C", "--chdir"} and len(rest) > 1:
            rest.pop(0)
            variables.pop(rest[0].text, None)
        elif word.text.startswith("--unset="):
            variables.pop(word.text.removeprefix("--unset="), None)
        elif not word.text.startswith("-"):
            break
        rest.pop(0)
    return replace(command, words=tuple(rest), variables=variables)


def _strip_sudo(command: ShellCommand, given: list[str]) -> ShellCommand:
    """sudo starts with few variables, unless it is told to hand them on."""
    keeps_all = any(re.fullmatch(r"-[A-Za-z]*E[A-Za-z]*|--preserve-env", option) for option in given)
    listed = [option.partition("=")[2].split(",") for option in given if option.startswith("--preserve-env=")]
    kept = _KEPT_BY_SUDO.union(*listed)
    variables = {key: value for key, value in command.variables.items() if keeps_all or key in kept}
    words = list(command.words)
    while words and (match := _ASSIGNMENT.fullmatch(words[0].text)):
        variables[match[1]] = match[2] if words[0].is_known else None
        words.pop(0)
    return replace(command, words=tuple(words), variables=variables)
