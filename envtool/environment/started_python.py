"""Which Python a command starts, and where it would import from: told from files alone.

Sources: the Python documentation, "The initialization of the sys.path module search path" and module `site`; PEP 405;
CPython's Modules/getpath.py and Lib/site.py; Debian's Python policy for dist-packages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from envtool.environment.file_tree import (
    DEFAULT_PATH,
    FileTree,
    find_program,
    follow_links,
    has_file,
    has_folder,
    join_path,
    list_folder,
    read_tree_text,
)
from envtool.environment.launchers import find_pyenv_program
from envtool.environment.path_code import list_first_folders
from envtool.environment.pth import parse_pth
from envtool.environment.python_program import is_python_program
from envtool.environment.pyvenv import PyvenvSettings, read_pyvenv_settings
from envtool.environment.shell_startup import parse_shell_words, run_shell_script
from envtool.language import tell
from envtool.release.profile import PINNED_NAMES

_VERSION = re.compile(r"python(\d)\.(\d+)t?")
_SHEBANG = re.compile(r"^#!\s*(\S+)(?:[ \t]+(\S+))?")
# A wrapper that starts a wrapper, and so on.
_WRAPPERS = 5


class ImportOrigin(Enum):
    """What puts a folder on the search path."""

    START_FOLDER = tell("the folder that the program is started in")
    PYTHONPATH = "PYTHONPATH"
    PTH_FILE = tell("a .pth file")
    USER_SITE = tell("the user site")
    LIBRARY = tell("the standard library's folder")
    SITE = "site-packages"
    CUSTOMIZE = "sitecustomize"


@dataclass(frozen=True, kw_only=True)
class ImportFolder:
    """A folder of `sys.path`, and what put it there.

    `named_by` is the file that did, if one did; `is_first`: by code, before all that was there.
    """

    path: str
    origin: ImportOrigin
    named_by: str = ""
    is_first: bool = False


@dataclass(frozen=True, kw_only=True)
class StartedPython:
    """The interpreter that a command starts.

    `program` is what was found, on PATH or by its path; `wrappers` are scripts and links on the way from there to the
    interpreter. `prefix` is `sys.prefix`, and empty for another program that only bears the name.
    """

    program: str
    interpreter: str
    prefix: str
    version: tuple[int, int]
    search_path: tuple[ImportFolder, ...]
    wrappers: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StartSettings:
    """What a program is started with: its variables, HOME among them, and the folder that `import` begins with.

    `first_folder` is empty where it matters to nobody. `program` is `python`, or the path of one. `folder` is the
    working folder, empty where it is not known.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    program: str = "python"
    first_folder: str = ""
    folder: str = ""


def find_started_python(tree: FileTree, settings: StartSettings) -> StartedPython | None:
    """The Python that the settings start; `None` where there is none, or it cannot find its own library."""
    program = find_program(tree, settings.program, settings.variables)
    if program is None and settings.program == "python":
        program = find_program(tree, "python3", settings.variables)
        if program is not None and has_folder(tree, f"{program.rpartition('/')[0]}/../conda-meta"):
            # conda's own Python always has both names: the other one was taken away.
            return None
    if program is None:
        return None
    executable, wrappers, variables = _unwrap(tree, program, dict(settings.variables), settings.folder)
    if settings.folder and variables.get("PYTHONPATH"):
        # An empty entry is the working folder.
        entries = (join_path(settings.folder, entry).rstrip("/") for entry in variables["PYTHONPATH"].split(":"))
        variables["PYTHONPATH"] = ":".join(entry or "/" for entry in entries)
    if executable is None:
        return None
    return _read_python(tree, program, executable, wrappers, variables, settings.first_folder)


def _unwrap(
    tree: FileTree, program: str, variables: dict[str, str], working_folder: str
) -> tuple[str | None, tuple[str, ...], dict[str, str]]:
    """Follow scripts that start an interpreter: the interpreter's path as it is called, and the scripts."""
    scripts: list[str] = []
    for _ in range(_WRAPPERS):
        text = _read_script(tree, program)
        if text is None:
            return program, tuple(scripts), variables
        scripts.append(program)
        # An interpreter's name may be a script of Python's own, which its first line starts.
        line = _SHEBANG.match(text)
        words = [word for word in (line.groups() if line else ()) if word and not word.endswith("/env")]
        name = next((word for word in reversed(words) if "python" in word.rpartition("/")[2]), None)
        if name is None:
            shell = parse_shell_words(words or ["sh"])
            folder = program.rpartition("/")[0]
            end = run_shell_script(tree, shell, text, variables, arguments=None, folder=folder, path=program)
            variables = dict(end.variables)
            name = next((word for word in end.words if "python" in word.rpartition("/")[2]), None)
            name = find_pyenv_program(tree, end.words, variables, working_folder) or name
        next_program = find_program(tree, name, _without_folder(variables, program)) if name else None
        if next_program is None:
            return None, tuple(scripts), variables
        program = next_program
    return None, tuple(scripts), variables


def _read_script(tree: FileTree, program: str) -> str | None:
    """A script's text; `None` for a program of another kind, which may have megabytes."""
    real = follow_links(tree, program)
    data = tree.read(real) if real is not None else None
    return data.decode("utf-8", "replace") if data is not None and data.startswith(b"#!") else None


def _without_folder(variables: Mapping[str, str], program: str) -> Mapping[str, str]:
    """A wrapper that names no folder means the next program of that name on PATH, else it would call itself."""
    own = program.rpartition("/")[0]
    path = ":".join(folder for folder in variables.get("PATH", DEFAULT_PATH).split(":") if folder.rstrip("/") != own)
    return {**variables, "PATH": path}


def _read_python(
    tree: FileTree,
    program: str,
    executable: str,
    wrappers: tuple[str, ...],
    variables: Mapping[str, str],
    first_folder: str,
) -> StartedPython | None:
    interpreter = follow_links(tree, executable)
    if interpreter is None:
        return None
    content = tree.read(interpreter)
    if content is not None and not is_python_program(content):
        return StartedPython(
            program=program, interpreter=interpreter, prefix="", version=(0, 0), search_path=(), wrappers=wrappers
        )
    # A virtual environment is told beside the program as it is called, before links are followed.
    settings = read_pyvenv_settings(tree, executable)
    base = _find_base(tree, interpreter, settings)
    home = variables.get("PYTHONHOME", "").partition(":")[0]
    version = _find_version(tree, interpreter, home or base, settings)
    if version is None:
        return None
    base = home or base
    if not has_folder(tree, f"{base}/lib/python{version[0]}.{version[1]}"):
        # It would end with "No module named 'encodings'".
        return None
    prefix = settings.folder if settings is not None else base
    return StartedPython(
        program=program,
        interpreter=interpreter,
        prefix=prefix,
        version=version,
        search_path=tuple(_list_folders(tree, prefix, base, version, settings, variables, first_folder)),
        wrappers=wrappers,
    )


def _find_base(tree: FileTree, interpreter: str, venv: PyvenvSettings | None) -> str:
    """The folder whose `lib/pythonX.Y` is the standard library."""
    folder = interpreter.rpartition("/")[0]
    if venv is not None and (home := venv.values.get("home")):
        named = follow_links(tree, home)
        if named is not None and not _has_library(tree, folder.rpartition("/")[0]):
            folder = named
    while folder:
        folder = folder.rpartition("/")[0]
        if _has_library(tree, folder):
            return folder
    return interpreter.rpartition("/")[0].rpartition("/")[0]


def _has_library(tree: FileTree, prefix: str) -> bool:
    return any(_VERSION.fullmatch(name) for name in list_folder(tree, f"{prefix}/lib"))


def _find_version(tree: FileTree, interpreter: str, base: str, venv: PyvenvSettings | None) -> tuple[int, int] | None:
    match = _VERSION.search(interpreter.rpartition("/")[2])
    if match is None and venv is not None:
        match = re.match(r"(\d)\.(\d+)", venv.values.get("version_info") or venv.values.get("version") or "")
    if match is not None:
        return int(match[1]), int(match[2])
    found = [match for name in list_folder(tree, f"{base}/lib") if (match := _VERSION.fullmatch(name))]
    return max(((int(match[1]), int(match[2])) for match in found), default=None)


def _list_folders(
    tree: FileTree,
    prefix: str,
    base: str,
    version: tuple[int, int],
    venv: PyvenvSettings | None,
    variables: Mapping[str, str],
    first_folder: str,
) -> Iterator[ImportFolder]:
    """The search path. What a line of code in a `.pth` file puts first comes before all that `site` adds."""
    if first_folder and not variables.get("PYTHONSAFEPATH"):
        yield ImportFolder(path=first_folder, origin=ImportOrigin.START_FOLDER)
    site_folders = list(_list_site_folders(tree, prefix, base, version, venv, variables))
    added: list[ImportFolder] = []
    for folder in site_folders:
        added.append(folder)
        added += _read_pth_files(tree, folder.path, variables)
    paths = [entry for entry in variables.get("PYTHONPATH", "").split(":") if entry.startswith("/")]
    # Debian's own sitecustomize lies in the standard library, before every other folder's.
    library = f"{base}/lib/python{version[0]}.{version[1]}"
    folders = [*paths, library, *(folder.path for folder in added)]
    customized = list(_read_customize(tree, folders, variables))
    yield from customized
    yield from (folder for folder in added if folder.is_first)
    yield from (ImportFolder(path=entry, origin=ImportOrigin.PYTHONPATH) for entry in paths)
    yield from _list_library(tree, f"{base}/lib/python{version[0]}{version[1]}.zip", library)
    yield from (folder for folder in added if not folder.is_first)


def _list_library(tree: FileTree, archive: str, library: str) -> Iterator[ImportFolder]:
    """The standard library, where something of a pinned name is in it: it has hundreds of names to be listed."""
    if tree.is_file(archive):
        yield ImportFolder(path=archive, origin=ImportOrigin.LIBRARY)
    if any(has_folder(tree, f"{library}/{name}") or has_file(tree, f"{library}/{name}.py") for name in PINNED_NAMES):
        yield ImportFolder(path=library, origin=ImportOrigin.LIBRARY)


def _list_site_folders(
    tree: FileTree,
    prefix: str,
    base: str,
    version: tuple[int, int],
    venv: PyvenvSettings | None,
    variables: Mapping[str, str],
) -> Iterator[ImportFolder]:
    name = f"python{version[0]}.{version[1]}"
    if venv is not None:
        yield from _own_site(tree, prefix, name)
        if not venv.sees_system:
            return
    if not variables.get("PYTHONNOUSERSITE"):
        user_base = variables.get("PYTHONUSERBASE") or f"{variables.get('HOME', '')}/.local"
        yield ImportFolder(path=f"{user_base}/lib/{name}/site-packages", origin=ImportOrigin.USER_SITE)
    yield from _own_site(tree, base, name)
    if base == "/usr" and has_folder(tree, "/usr/lib/python3/dist-packages"):
        for folder in (f"/usr/local/lib/{name}/dist-packages", "/usr/lib/python3/dist-packages"):
            yield ImportFolder(path=folder, origin=ImportOrigin.SITE)


def _own_site(tree: FileTree, prefix: str, name: str) -> Iterator[ImportFolder]:
    for library in ("lib", "lib64"):
        path = f"{prefix}/{library}/{name}/site-packages"
        if library == "lib" or (has_folder(tree, path) and tree.link_target(f"{prefix}/lib64") is None):
            yield ImportFolder(path=path, origin=ImportOrigin.SITE)


def _read_pth_files(tree: FileTree, folder: str, variables: Mapping[str, str]) -> Iterator[ImportFolder]:
    """What a folder's `.pth` files add."""
    for name in list_folder(tree, folder):
        if not name.endswith(".pth") or name.startswith("."):
            continue
        path = f"{folder}/{name}"
        text = read_tree_text(tree, path)
        content = parse_pth(text.encode(), variables) if text is not None else None
        if content is None:
            continue
        first = [(path, entry) for entry in content.first]
        first += _list_imported_first(tree, folder, content.imports, variables)
        for source, entry in first:
            yield ImportFolder(
                path=join_path(folder, entry), origin=ImportOrigin.PTH_FILE, named_by=source, is_first=True
            )
        for entry in content.folders:
            if entry not in content.first:
                yield ImportFolder(path=join_path(folder, entry), origin=ImportOrigin.PTH_FILE, named_by=path)


def _list_imported_first(
    tree: FileTree, folder: str, modules: Iterable[str], variables: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """What modules beside a `.pth` file, which a line of it imports, put first: each with the module's file."""
    for module in modules:
        for path in (f"{folder}/{module}.py", f"{folder}/{module}/__init__.py"):
            text = read_tree_text(tree, path)
            for entry in list_first_folders(text, path, variables) if text is not None else ():
                yield path, entry


def _read_customize(tree: FileTree, folders: list[str], variables: Mapping[str, str]) -> Iterator[ImportFolder]:
    """What `sitecustomize` and `usercustomize`, the first of each that is found, put first."""
    for module in ("sitecustomize", "usercustomize"):
        for folder in folders:
            text = read_tree_text(tree, f"{folder}/{module}.py")
            if text is not None:
                for entry in list_first_folders(text, f"{folder}/{module}.py", variables):
                    yield ImportFolder(
                        path=join_path(folder, entry), origin=ImportOrigin.CUSTOMIZE, named_by=f"{folder}/{module}.py"
                    )
                break
