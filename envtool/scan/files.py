"""Which files of a project are read: by their names, without what git ignores and what others have installed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatch
from pathlib import Path

from envtool.errors import UsageError
from envtool.git_query import ask_git
from envtool.language import tell

_SKIPPED = frozenset(
    [
        "__pycache__",
        "node_modules",
        "site-packages",
        ".git",
        ".hg",
        ".svn",
        ".tox",
        ".nox",
        ".venv",
        ".eggs",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        ".ipynb_checkpoints",
        ".idea",
    ]
)
# Folders in which trackers of experiments, and trainers, keep copies of what was run: what they say is history.
_RUNS = frozenset(
    ["mlruns", "lightning_logs", "ray_results", "tb_logs", ".hydra", ".aim", ".guild", ".neptune", ".dvc"]
)
_RUN = re.compile(
    r"(?:^|/)(?:wandb/(?:(?:offline-)?(?:run|sweep)-|latest-run|settings)|(?:outputs|multirun)/\d{4}-\d\d-\d\d|"
    r"runs/(?:train|val|detect|segment|classify|predict)/(?:exp|train|val|predict)\d*(?:/|$)|checkpoint-\d+(?:/|$)|"
    r"(?:logs/)?(?:train|eval)/(?:multi)?runs/\d{4}-\d\d-\d\d)"
)
_DOCKERFILE = re.compile(r"^(?:.*\.)?[Dd]ockerfile(?:[._-].*)?$|^Containerfile(?:\..*)?$")
# JSON that is data rather than settings is never this small, and settings never larger.
_JSON_LIMIT = 256 << 10


class FileType(Enum):
    """How a file is read."""

    PYTHON = "Python"
    NOTEBOOK = "notebook"
    SHELL = "shell"
    YAML = "YAML"
    JSON = "JSON"
    DOCKERFILE = "Dockerfile"
    CUDA = "CUDA source"
    CMAKE = "CMake"
    MAKEFILE = "Makefile"
    TOML = "TOML"
    INI = "INI"
    RECIPES = "recipes"
    DOCUMENT = "document"
    REQUIREMENTS = "requirements"


_SUFFIXES = {
    ".py": FileType.PYTHON,
    ".pyw": FileType.PYTHON,
    ".ipynb": FileType.NOTEBOOK,
    ".sh": FileType.SHELL,
    ".bash": FileType.SHELL,
    ".zsh": FileType.SHELL,
    ".slurm": FileType.SHELL,
    ".sbatch": FileType.SHELL,
    ".yaml": FileType.YAML,
    ".yml": FileType.YAML,
    ".json": FileType.JSON,
    ".cu": FileType.CUDA,
    ".cuh": FileType.CUDA,
    ".cmake": FileType.CMAKE,
    ".toml": FileType.TOML,
    ".just": FileType.RECIPES,
    ".smk": FileType.RECIPES,
    ".nf": FileType.RECIPES,
}
_NAMES = {
    "CMakeLists.txt": FileType.CMAKE,
    "Makefile": FileType.MAKEFILE,
    "makefile": FileType.MAKEFILE,
    "GNUmakefile": FileType.MAKEFILE,
    "tox.ini": FileType.INI,
    "setup.cfg": FileType.INI,
    "justfile": FileType.RECIPES,
    "Justfile": FileType.RECIPES,
    ".justfile": FileType.RECIPES,
    "Snakefile": FileType.RECIPES,
    "Jenkinsfile": FileType.RECIPES,
    "Procfile": FileType.RECIPES,
    "nextflow.config": FileType.RECIPES,
}
_REQUIREMENTS = re.compile(r"^requirements[\w.-]*\.txt$")
_README = re.compile(r"^README[\w.-]*\.(?:md|rst)$", re.IGNORECASE)


@dataclass(frozen=True)
class ProgramFile:
    """A file to read: its type, its path as a person named it, and the folder of the project that it is in."""

    path: Path
    type: FileType
    root: Path


def find_type(path: Path) -> FileType | None:
    """How a file of that name is read; `None` where it is not."""
    name = path.name
    found = _SUFFIXES.get(path.suffix.lower())
    if found is not None:
        return found
    if _DOCKERFILE.match(name):
        return FileType.DOCKERFILE
    if name in _NAMES:
        return _NAMES[name]
    if _REQUIREMENTS.match(name):
        return FileType.REQUIREMENTS
    if _README.match(name):
        return FileType.DOCUMENT
    return FileType.SHELL if not path.suffix and _is_script(path) else None


def _is_script(path: Path) -> bool:
    """Whether a file without a suffix says in its first line that a shell runs it."""
    try:
        if not path.is_file() or not os.access(path, os.X_OK):
            return False
        with path.open("rb") as file:
            return re.match(rb"#!.*\b(?:ba|z|da)?sh\b", file.read(64)) is not None
    except OSError:
        return False


def list_files(paths: Iterable[Path], exclude: tuple[str, ...], changed: str | None) -> list[ProgramFile]:
    """The files to read, in the order of their paths. Raises `UsageError` for a path that is not there."""
    found: dict[Path, ProgramFile] = {}
    for path in paths:
        if path.is_dir():
            names = _list_changed(path, changed) if changed is not None else _list_folder(path)
            for name in names:
                file = path / name
                if not any(fnmatch(name, pattern) or fnmatch(name, f"{pattern.rstrip('/')}/*") for pattern in exclude):
                    _add(found, file, path)
        elif path.exists() and not path.is_file():
            raise UsageError(
                tell("{path} cannot be read", path=path), why=tell("it is no regular file"), remedy=f"ls -l {path}"
            )
        elif path.exists():
            _add(found, path, path.parent)
        else:
            raise UsageError(
                tell("{path} is not there", path=path), remedy=tell("envtool scan PROJECT   (a folder, or files)")
            )
    return [found[path] for path in sorted(found)]


def _add(found: dict[Path, ProgramFile], path: Path, root: Path) -> None:
    kind = find_type(path)
    if kind is None or not path.is_file():
        return
    if kind in {FileType.JSON, FileType.TOML} and path.stat().st_size > _JSON_LIMIT:
        return
    found.setdefault(path, ProgramFile(path, kind, root))


def _list_folder(root: Path) -> Iterator[str]:
    """All files below a folder: those that git does not ignore, where it can say so."""
    # A folder that is ignored as a whole, and is asked for nevertheless, is read.
    is_ignored = ask_git(root, "check-ignore", "--quiet", ".") is not None
    words = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    answer = ask_git(root, *words) if not is_ignored else None
    if answer is not None:
        yield from (name for name in answer if not _is_skipped(name.rpartition("/")[0]))
        return
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(
            name
            for name in folders
            if not _is_skipped(os.path.relpath(os.path.join(folder, name), root))  # noqa: PTH118  # thousands of times
            and not Path(folder, name, "pyvenv.cfg").exists()
            and not Path(folder, name, "conda-meta").is_dir()
        )
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), root)  # noqa: PTH118  # thousands of times


def _is_skipped(folder: str) -> bool:
    """Whether a folder is others' code, or what was kept of a run; by its path in the project."""
    parts = folder.split("/")
    return not _SKIPPED.isdisjoint(parts) or not _RUNS.isdisjoint(parts) or _RUN.search(folder) is not None


def _list_changed(root: Path, base: str) -> list[str]:
    """The files that were changed since a commit, and those that git does not know yet."""
    changed = (
        None
        if base.startswith("-")
        else ask_git(
            root, "diff", "-z", "--name-only", "--relative", "--diff-filter=d", "--no-ext-diff", "--cached", base, "--"
        )
    )
    if changed is None:
        raise UsageError(
            tell("git cannot say what changed in {root} since {base!r}", root=root, base=base),
            why=tell("it is no repository, or has no such commit"),
            remedy=f"git -C {root} rev-parse {base}",
        )
    return [*changed, *(ask_git(root, "ls-files", "-z", "--others", "--exclude-standard") or ())]
