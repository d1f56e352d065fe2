"""Programs that start another Python, or have it begin with another folder: launchers, servers, pyenv's shims.

Sources: the command-line references of torchrun, accelerate, DeepSpeed, Streamlit, gunicorn, uvicorn, hypercorn, Flask
and Celery; pyenv's README, "Understanding Python version selection".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from envtool.environment.file_tree import (
    FileTree,
    find_program,
    follow_links,
    has_file,
    has_folder,
    join_path,
    list_folder,
    read_tree_text,
)

# What starts a script of Python's as a program of its own, or as if it were one.
_SCRIPT_LAUNCHERS = frozenset(
    {"torchrun", "accelerate", "accelerate-launch", "deepspeed", "streamlit", "ipython", "mpirun"}
)
_LAUNCHER_MODULES = frozenset(
    {"torch.distributed.run", "torch.distributed.launch", "accelerate.commands.launch", "streamlit", "IPython"}
)
# What imports an application by its name, from the working folder or the one of an option.
_SERVERS = {"gunicorn": "--chdir", "uvicorn": "--app-dir", "hypercorn": "", "flask": "", "celery": "--workdir"}
_ARCHIVES = (".pyz", ".pex", ".zip")


def find_script_folder(tree: FileTree, script: str) -> str:
    """What `sys.path` begins with for a script: its folder, without links; a folder or an archive itself."""
    real = follow_links(tree, script) or script
    if has_folder(tree, real) or real.endswith(_ARCHIVES):
        return real
    return real.rpartition("/")[0] or "/"


def find_launched_folder(tree: FileTree, name: str, words: Sequence[str], folder: str) -> str | None:
    """What a program, or a module behind `-m`, has its script or application begin with; `None` for any other program.

    `words` are what follows it, `folder` is the working folder.
    """
    if name in _SCRIPT_LAUNCHERS or name in _LAUNCHER_MODULES:
        script = next((word for word in words if word.endswith(".py")), None)
        return find_script_folder(tree, join_path(folder, script)) if script is not None else None
    option = _SERVERS.get(name)
    if option is None:
        return None
    named = find_option_value(words, (option,)) if option else None
    return join_path(folder, named) if named is not None else folder


def find_option_value(words: Sequence[str], names: tuple[str, ...]) -> str | None:
    """The value of an option with one of these names, as the next word or behind `=`."""
    for number, word in enumerate(words):
        name, _, value = word.partition("=")
        if name in names:
            return value or next(iter(words[number + 1 :]), None)
    return None


def find_pyenv_program(tree: FileTree, words: Sequence[str], variables: Mapping[str, str], folder: str) -> str | None:
    """What `pyenv exec NAME`, as its shims are, starts: of the version that is chosen; `None` where none is."""
    words = words[1:] if words[:1] == ("exec",) else words
    if [word.rpartition("/")[2] for word in words[:2]] != ["pyenv", "exec"] or len(words) == 2:
        return None
    root = variables.get("PYENV_ROOT") or f"{variables.get('HOME', '')}/.pyenv"
    chosen = variables.get("PYENV_VERSION") or _read_pyenv_version(tree, root, folder)
    for version in chosen.replace(":", " ").split():
        installed = list_folder(tree, f"{root}/versions")
        # `3.11` is the newest of them.
        names = [name for name in installed if name == version or name.startswith(f"{version}.")]
        for name in sorted(names, key=_list_numbers, reverse=True):
            program = f"{root}/versions/{name}/bin/{words[2]}"
            if has_file(tree, program):
                return program
    path = ":".join(each for each in variables.get("PATH", "").split(":") if each.rstrip("/") != f"{root}/shims")
    return find_program(tree, words[2], {**variables, "PATH": path})


def _list_numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def _read_pyenv_version(tree: FileTree, root: str, folder: str) -> str:
    """The nearest `.python-version` from the working folder upwards, else the global one."""
    while True:
        text = read_tree_text(tree, f"{folder.rstrip('/')}/.python-version")
        if text is not None or folder in {"", "/"}:
            return text if text is not None else read_tree_text(tree, f"{root}/version") or ""
        folder = folder.rpartition("/")[0]
