"""What a container's command starts: from ENTRYPOINT and CMD, through inits and entry scripts, to a Python.

Nothing is run. What is not understood is `None`: it then starts no Python that is known of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from envtool.environment.accounts import find_home, find_shell
from envtool.environment.conda_environments import (
    activate_conda_environment,
    find_conda_environment,
    find_conda_root,
    list_activation_scripts,
    read_environment_variables,
)
from envtool.environment.entry_script import follow_script
from envtool.environment.file_tree import (
    DEFAULT_PATH,
    FileTree,
    find_program,
    has_file,
    join_path,
    read_tree_text,
)
from envtool.environment.launchers import find_launched_folder, find_option_value, find_script_folder
from envtool.environment.project_runs import follow_project_run, is_project_run
from envtool.environment.service_managers import ServiceCommand, is_service_manager, list_service_commands
from envtool.environment.shell_startup import SHELLS, ShellStart, parse_shell_words, run_shell_script
from envtool.environment.started_python import StartSettings

_PYTHON = re.compile(r"python(?:\d(?:\.\d+)?t?)?")
# Programs that start what follows them, with as many words of their own beside options.
_STARTERS = {
    "tini": 0, "dumb-init": 0, "catatonit": 0, "hac-start": 0, "docker-init": 0, "exec": 0, "nohup": 0, "setsid": 0,
    "time": 0, "nice": 0, "command": 0, "stdbuf": 0, "timeout": 1, "numactl": 0, "setpriv": 0, "chrt": 1,
    "with-contenv": 0, "s6-setuidgid": 1, "setuidgid": 1, "setuser": 1, "chpst": 0, "s6-envdir": 1,
}  # fmt: skip
# Programs that start what follows them as somebody else, whose home folder is then HOME.
_USER_CHANGERS = frozenset({"su", "runuser", "sudo", "gosu", "su-exec"})
# Options of `conda run` that take a word of their own, beside those that name an environment.
_CONDA_WITH_VALUE = frozenset({"--cwd", "-a", "--attach", "-e", "--env", "-r", "--root-prefix", "--rc-file"})
# Options of these that take a word of their own.
_WITH_VALUE = {"nice": ("-n",), "tini": ("-p", "-e"), "stdbuf": ("-i", "-o", "-e"), "timeout": ("-k", "-s"),
               "chpst": ("-u", "-U", "-e", "-n", "-l", "-L", "-m", "-d", "-o")}  # fmt: skip
_USER_OPTIONS = {
    "-u": "user", "--user": "user", "-s": "shell", "--shell": "shell", "-c": "text", "--command": "text",
    "-g": "group", "--group": "group", "-G": "group", "-w": "kept", "--whitelist-environment": "kept",
}  # fmt: skip
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
# An entry script that starts another one, and so on.
_STEPS = 20


@dataclass
class _Command:
    """A command being followed: its words, its variables and the folder that it is in."""

    tree: FileTree
    words: list[str]
    variables: dict[str, str]
    folder: str
    services: list[ServiceCommand] = field(default_factory=list)


def find_command_start(
    tree: FileTree, command: Sequence[str], variables: Mapping[str, str], folder: str
) -> StartSettings | None:
    """The Python that a container's command starts, or what `python` would be after its entry script.

    `None` where the command neither starts a Python nor changes what `python` means.
    """
    return _follow(_Command(tree, list(command), dict(variables), folder or "/"))


def find_service_starts(
    tree: FileTree, command: Sequence[str], variables: Mapping[str, str], folder: str
) -> Iterator[tuple[StartSettings, str]]:
    """The Pythons of the services that a container's command starts, each with the file that describes it."""
    state = _Command(tree, list(command), dict(variables), folder or "/")
    _follow(state)
    for service in state.services:
        found = find_command_start(tree, service.words, service.variables, service.folder)
        if found is not None:
            yield found, service.source


def _follow(state: _Command) -> StartSettings | None:
    before = dict(state.variables)
    for _ in range(_STEPS):
        found = _take_step(state)
        if found is not None:
            return found
        if not state.words:
            break
    if state.variables == before:
        return None
    return StartSettings(variables=state.variables, folder=state.folder)


def _take_step(state: _Command) -> StartSettings | None:
    """Come one program nearer to the Python; without words left, there is none."""
    name = state.words[0].rpartition("/")[2] if state.words else ""
    match = _ASSIGNMENT.fullmatch(state.words[0]) if state.words else None
    if match is not None:
        state.variables[match[1]] = match[2]
        state.words.pop(0)
    elif _PYTHON.fullmatch(name):
        return _read_python_words(state)
    elif state.words and is_service_manager(state.tree, state.words[0]):
        state.services = list(list_service_commands(state.tree, state.words, state.variables, state.folder))
        state.words = []
    elif name in _STARTERS:
        _skip_starter(state, name)
    elif name == "env":
        _skip_env(state)
    elif name in _USER_CHANGERS:
        _change_user(state, name)
    elif name in SHELLS:
        _enter_shell(state)
    elif name == "uv" and "run" in state.words:
        return _enter_project(state)
    elif is_project_run(state.words):
        _enter_tool(state)
    elif name in {"conda", "mamba", "micromamba"} and "run" in state.words:
        _enter_conda(state)
    else:
        return _enter_program(state)
    return None


def _skip_starter(state: _Command, name: str) -> None:
    words = state.words[1:]
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option == "--":
            break
        if option in _WITH_VALUE.get(name, ()) and words:
            words.pop(0)
    state.words = words[_STARTERS[name] :]


def _change_user(state: _Command, name: str) -> None:
    """`su USER -c TEXT`, `su - USER`, `runuser -u USER -- COMMAND`, `sudo -u USER COMMAND`, `gosu USER COMMAND`."""
    words, values, is_login = state.words[1:], dict[str, str](), False
    rest, options = list[str](), set[str]()
    # su takes its options behind the user as well.
    while words and (words[0].startswith("-") or (name == "su" and not rest)):
        option, _, value = words.pop(0).partition("=")
        if option == "--":
            break
        options.add(option)
        is_login = is_login or option in {"-", "-l", "--login", "-i"}
        kind = _USER_OPTIONS.get(option, "")
        if kind:
            values[kind] = value or (words.pop(0) if words else "")
        elif not option.startswith("-"):
            rest.append(option)
    rest += words
    is_shell = name == "su" or (name == "runuser" and "user" not in values)
    user = values.get("user") or (rest.pop(0) if rest and (is_shell or name not in {"sudo", "runuser"}) else "root")
    is_kept = not {"-p", "-m", "-E", "--preserve-environment", "--preserve-env"}.isdisjoint(options)
    if name == "sudo":
        # sudoers(5): env_reset, and secure_path as distributions set it.
        state.variables = {**(state.variables if is_kept else {}), "PATH": DEFAULT_PATH}
    if not is_kept or name == "sudo" or is_login:
        state.variables["HOME"] = find_home(state.tree, user)
    if not is_shell:
        state.words = rest
        return
    shell = values.get("shell") or find_shell(state.tree, user)
    state.words = [shell, *(["-l"] if is_login else []), *(["-c", values["text"]] if "text" in values else []), *rest]


def _skip_env(state: _Command) -> None:
    words = state.words[1:]
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option in {"-i", "-", "--ignore-environment"}:
            state.variables = {}
        elif option in {"-u", "--unset"} and words:
            state.variables.pop(words.pop(0), None)
    state.words = words


def _enter_shell(state: _Command) -> None:
    """`sh -c TEXT`, `sh SCRIPT`, or a shell alone, which starts nothing and reads its settings all the same."""
    words = state.words
    if words[0].rpartition("/")[2] == "hac-shell":
        # The guard, with another shell behind it.
        is_another = len(words) > 1 and words[1].rpartition("/")[2] in SHELLS
        state.words = words[1:] if is_another else ["/bin/sh", *words[1:]]
        return
    shell = parse_shell_words(words)
    if shell.command is not None:
        _enter_script(state, shell, shell.command, list(shell.words[1:]))
    elif shell.words:
        path = join_path(state.folder, shell.words[0])
        _enter_script(state, shell, read_tree_text(state.tree, path) or "", list(shell.words[1:]), path)
    else:
        _enter_script(state, shell, "", [])


def _enter_script(state: _Command, shell: ShellStart, text: str, arguments: list[str], path: str = "") -> None:
    """Take over what a shell script sets, and go on with the program that it becomes."""
    end = run_shell_script(
        state.tree, shell, text, state.variables, arguments=arguments, folder=state.folder, path=path
    )
    state.words, state.variables, state.folder = list(end.words), dict(end.variables), end.folder


def _enter_conda(state: _Command) -> None:
    """`conda run` activates an environment for one command."""
    program = find_program(state.tree, state.words[0], state.variables) or ""
    words = state.words[state.words.index("run") + 1 :]
    name = state.variables.get("CONDA_PREFIX", "")
    while words and words[0].startswith("-"):
        option, _, value = words.pop(0).partition("=")
        if option in {"-n", "--name", "-p", "--prefix"}:
            name = value or (words.pop(0) if words else "")
        elif option in _CONDA_WITH_VALUE and not value and words:
            words.pop(0)
    root = find_conda_root(state.tree, state.variables, program)
    folder = find_conda_environment(state.tree, name, root, state.variables)
    activate_conda_environment(state.variables, folder, root)
    state.variables |= read_environment_variables(state.tree, folder)
    for text in list_activation_scripts(state.tree, folder):
        state.variables = dict(follow_script(text, state.variables, tree=state.tree, folder=state.folder).variables)
    state.words = words


def _enter_project(state: _Command) -> StartSettings | None:
    """`uv run` starts the project's own environment, where it has been made."""
    named = state.variables.get("UV_PROJECT_ENVIRONMENT") or ".venv"
    started = next((word for word in state.words[state.words.index("run") + 1 :] if not word.startswith("-")), "")
    place = find_option_value(state.words, ("--project", "--directory")) or state.variables.get("UV_PROJECT")
    # Of a script that is named itself, uv looks for the project where the script is.
    folder = join_path(state.folder, started).rpartition("/")[0] if started.endswith(".py") else state.folder
    folder = join_path(state.folder, place).rstrip("/") if place else folder
    while True:
        program = f"{join_path(folder, named)}/bin/python"
        if has_file(state.tree, f"{folder}/pyproject.toml") or has_file(state.tree, program):
            state.words = []
            if not has_file(state.tree, program):
                return None
            return StartSettings(variables=state.variables, program=program, folder=state.folder)
        if folder in {"/", ""}:
            state.words = []
            return None
        folder = folder.rpartition("/")[0]


def _enter_tool(state: _Command) -> None:
    found = follow_project_run(state.tree, state.words, state.variables, state.folder)
    state.words = list(found.words) if found is not None else []
    state.variables = dict(found.variables) if found is not None else state.variables


def _enter_program(state: _Command) -> StartSettings | None:
    """A program that is a script: a shell's is followed, Python's is the answer."""
    words, state.words = state.words, []
    if not words:
        return None
    name = join_path(state.folder, words[0]) if "/" in words[0] else words[0]
    program = find_program(state.tree, name, state.variables)
    text = read_tree_text(state.tree, program) if program is not None else None
    if program is None or not text or not text.startswith("#!"):
        return None
    interpreter = text.splitlines()[0][2:].split()
    if interpreter and interpreter[0].endswith("/env"):
        interpreter = [word for word in interpreter[1:] if not word.startswith("-")]
    if interpreter and interpreter[0].rpartition("/")[2] == "with-contenv":
        # s6-overlay's: the container's variables, and then the shell that it names.
        interpreter = interpreter[1:]
    kind = interpreter[0].rpartition("/")[2] if interpreter else ""
    if kind in SHELLS:
        _enter_script(state, parse_shell_words(interpreter), text, words[1:], program)
    elif _PYTHON.fullmatch(kind):
        launched = find_launched_folder(state.tree, name.rpartition("/")[2], words[1:], state.folder)
        return StartSettings(
            variables=state.variables,
            program=interpreter[0],
            first_folder=launched or find_script_folder(state.tree, program),
            folder=state.folder,
        )
    return None


def _read_python_words(state: _Command) -> StartSettings:
    """Python's own command line (Python documentation, "Command line and environment")."""
    words, variables, first = state.words[1:], dict(state.variables), state.folder
    program = join_path(state.folder, state.words[0]) if "/" in state.words[0] else state.words[0]
    is_safe = False
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option.startswith("--"):
            continue
        letters = option[1:]
        if "I" in letters or "E" in letters:
            variables = {name: value for name, value in variables.items() if not name.startswith("PYTHON")}
        if "I" in letters or "s" in letters:
            variables["PYTHONNOUSERSITE"] = "1"
        is_safe = is_safe or "I" in letters or "P" in letters
        if option in {"-W", "-X"} and words:
            words.pop(0)
        if "m" in letters and words:
            launched = find_launched_folder(state.tree, words[0], words[1:], state.folder)
            first = launched or first
        if "m" in letters or "c" in letters or option == "-":
            words = []
    if words:
        first = find_script_folder(state.tree, join_path(state.folder, words[0]))
    return StartSettings(
        variables=variables, program=program, first_folder="" if is_safe else first, folder=state.folder
    )
