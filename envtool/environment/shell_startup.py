"""Which files a shell reads as it starts: by its name, its options and its variables.

Sources: bash(1), "INVOCATION"; dash(1), "Invocation"; zsh(1), "STARTUP/SHUTDOWN FILES". Debian's bash reads
/etc/bash.bashrc as well, and its zsh the folder /etc/zsh.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from envtool.environment.entry_script import ScriptEnd, follow_script
from envtool.environment.file_tree import FileTree, has_file, read_tree_text
from envtool.environment.shell_values import Scope, expand_words

SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "hac-shell"})
_LOGIN_FILES = (".bash_profile", ".bash_login", ".profile")
# Options that take a word of their own.
_WITH_WORD = frozenset({"--rcfile", "--init-file", "-O", "+O"})


@dataclass(frozen=True, kw_only=True)
class ShellStart:
    """A shell's command line.

    `command` is the text behind `-c`; without one, `words` begin with a script, or the shell reads what is typed.
    """

    name: str
    words: tuple[str, ...] = ()
    command: str | None = None
    is_login: bool = False
    is_interactive: bool = False
    is_posix: bool = False
    is_privileged: bool = False
    reads_profile: bool = True
    reads_rc: bool = True
    rc_file: str = ""


def parse_shell_words(words: Sequence[str]) -> ShellStart:
    """Read the words that start a shell, the shell's own name first."""
    name, rest = words[0].rpartition("/")[2].removeprefix("-"), list(words[1:])
    # A shell whose own name begins with `-` is a login shell.
    letters, long, rc_file = "l" if words[0].rpartition("/")[2].startswith("-") else "", set[str](), ""
    while rest and rest[0][:1] in {"-", "+"} and rest[0] not in {"-", "--"}:
        option = rest.pop(0)
        if option in _WITH_WORD and rest:
            word = rest.pop(0)
            rc_file = word if option.startswith("--") else rc_file
        elif option.startswith("--"):
            long.add(option)
        elif option.startswith("-"):
            letters += option[1:]
        if not option.startswith("--") and option.endswith("o") and rest:
            rest.pop(0)
    if rest[:1] in (["-"], ["--"]):
        rest.pop(0)
    command = (rest.pop(0) if rest else "") if "c" in letters else None
    return ShellStart(
        name=name,
        words=tuple(rest),
        command=command,
        is_login="l" in letters or "--login" in long,
        is_interactive="i" in letters or (command is None and not rest),
        is_posix="--posix" in long or name != "bash",
        is_privileged="p" in letters,
        reads_profile="--noprofile" not in long,
        reads_rc="--norc" not in long and "f" not in letters,
        rc_file=rc_file,
    )


def list_startup_files(tree: FileTree, shell: ShellStart, variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The files that the shell reads before anything else, in their order: path and text."""
    for path in _list_paths(tree, shell, variables):
        text = read_tree_text(tree, path)
        if text is not None:
            yield path, text


def _list_paths(tree: FileTree, shell: ShellStart, variables: Mapping[str, str]) -> Iterator[str]:
    home = variables.get("HOME", "").rstrip("/")
    if shell.name == "zsh":
        yield from _list_zsh_paths(shell, variables.get("ZDOTDIR", home))
        return
    is_bash = shell.name == "bash" and not shell.is_posix
    if shell.is_login and shell.reads_profile and not (shell.name == "bash" and shell.is_posix):
        yield "/etc/profile"
        names = _LOGIN_FILES if is_bash else _LOGIN_FILES[-1:]
        yield from [path for name in names if has_file(tree, path := f"{home}/{name}")][:1]
    if is_bash and shell.is_interactive and not shell.is_login and shell.reads_rc:
        yield "/etc/bash.bashrc"
        yield shell.rc_file or f"{home}/.bashrc"
    named = "BASH_ENV" if is_bash and not shell.is_interactive else ""
    named = "ENV" if not is_bash and shell.is_interactive else named
    if named and not shell.is_privileged and variables.get(named):
        # It is expanded as a word is, and not looked for on PATH.
        yield "".join(expand_words(f'"{variables[named]}"', Scope.create(variables, ())))


def _list_zsh_paths(shell: ShellStart, home: str) -> Iterator[str]:
    names = [
        ("zshenv", True),
        ("zprofile", shell.is_login),
        ("zshrc", shell.is_interactive),
        ("zlogin", shell.is_login),
    ]
    for name, is_read in names:
        if is_read:
            yield from (f"/etc/zsh/{name}", f"/etc/{name}", f"{home}/.{name}")


def run_shell_script(
    tree: FileTree,
    shell: ShellStart,
    text: str,
    variables: Mapping[str, str],
    *,
    arguments: Sequence[str] | None,
    folder: str,
    path: str = "",
) -> ScriptEnd:
    """What a script makes of its variables, after what the shell reads before it."""
    own = {"-": "hBi" if shell.is_interactive else "hB"}
    if shell.is_interactive:
        own["PS1"] = "$ "
    if shell.name == "bash":
        own |= {"BASH": "/bin/bash", "BASH_VERSION": "5"}
    startup = list(list_startup_files(tree, shell, variables))
    return follow_script(
        text, variables, arguments=arguments, folder=folder, tree=tree, path=path, startup=startup, own=own
    )
