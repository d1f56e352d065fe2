"""Which environment a project's tool starts a command in: `poetry run`, `pipenv run`, `pdm run`, `pixi run`, `rye run`.

Sources: poetry's "Managing environments" and its `EnvManager`; Pipenv's "Virtual environments"; PDM's "Working with
virtual environments"; pixi's "Environment". Nothing is run, and no project is resolved: an environment that a tool
would only make as the container starts is not known.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from envtool.environment.file_tree import FileTree, has_file, join_path, list_folder, read_tree_text

# Files that make a folder a tool's project.
PROJECT_FILES = frozenset({"pyproject.toml", "Pipfile", "pixi.toml"})
_FILES = {
    "poetry": ("pyproject.toml",),
    "pipenv": ("Pipfile",),
    "pdm": ("pyproject.toml",),
    "pixi": ("pixi.toml", "pyproject.toml"),
    "rye": ("pyproject.toml",),
}
# Options that take a word of their own; those of the first row name the project's folder, or its file.
_PLACES = frozenset({"-C", "--directory", "-P", "--project", "-p", "--manifest-path"})
_WITH_VALUE = frozenset({"-e", "--environment", "--venv", "--python", "--site-packages"})
# As much of a path's hash as poetry and Pipenv put into a folder's name.
_HASH_LENGTH = 8


@dataclass(frozen=True, kw_only=True)
class ProjectRun:
    """What a tool starts: its words, and the variables with the project's environment first on PATH."""

    words: tuple[str, ...]
    variables: Mapping[str, str]


def is_project_run(words: Sequence[str]) -> bool:
    """Whether a command is a tool's `run`."""
    return bool(words) and words[0].rpartition("/")[2] in _FILES and "run" in words[1:]


def follow_project_run(
    tree: FileTree, words: Sequence[str], variables: Mapping[str, str], folder: str
) -> ProjectRun | None:
    """What `poetry run WORDS` and the like start in a folder; `None` where no environment has been made for it."""
    tool = words[0].rpartition("/")[2]
    options, rest = _split_options(words[1:])
    place = join_path(folder, next((options[name] for name in _PLACES if name in options), "."))
    project = _find_project(tree, place, tool, variables)
    prefix = _find_environment(tree, tool, project, options, variables)
    if prefix is None:
        return None
    added = {"PATH": f"{prefix}/bin:{variables.get('PATH', '')}", "VIRTUAL_ENV": prefix}
    return ProjectRun(words=rest, variables={**variables, **(added if prefix else {})})


def _split_options(words: Sequence[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Options before and behind `run`, and the command."""
    options, rest, is_behind = dict[str, str](), list(words), False
    while rest and (rest[0].startswith("-") or not is_behind):
        word = rest.pop(0)
        name, _, value = word.partition("=")
        if word == "--":
            break
        if word == "run":
            is_behind = True
        elif name in _PLACES or name in _WITH_VALUE:
            options[name] = value or (rest.pop(0) if rest else "")
    return options, tuple(rest)


def _find_project(tree: FileTree, place: str, tool: str, variables: Mapping[str, str]) -> str:
    """The folder with the project's file, from a folder upwards; the folder itself where there is none."""
    named = variables.get("PIPENV_PIPFILE", "") if tool == "pipenv" else ""
    if named:
        return join_path(place, named).rpartition("/")[0]
    start = place.removesuffix("/.").rstrip("/")
    if start.endswith(".toml"):
        return start.rpartition("/")[0]
    folder = start
    while folder:
        if any(has_file(tree, f"{folder}/{name}") for name in _FILES[tool]):
            return folder
        folder = folder.rpartition("/")[0]
    return start


def _find_environment(
    tree: FileTree, tool: str, project: str, options: Mapping[str, str], variables: Mapping[str, str]
) -> str | None:
    """The environment's folder; empty for the one that `python` starts, `None` where none is there."""
    match tool:
        case "poetry":
            active = variables.get("VIRTUAL_ENV") or variables.get("CONDA_PREFIX", "")
            if variables.get("CONDA_DEFAULT_ENV") != "base" and _find_in(tree, (active,)):
                return active
            cache = variables.get("POETRY_CACHE_DIR") or f"{variables.get('HOME', '')}/.cache/pypoetry"
            kept = variables.get("POETRY_VIRTUALENVS_PATH") or f"{cache}/virtualenvs"
            # Without an environment of the project's, poetry runs what is on PATH.
            makes_one = variables.get("POETRY_VIRTUALENVS_CREATE", "").lower() not in {"false", "0"}
            own = _find_in(tree, (f"{project}/.venv",))
            return own or (_find_kept(tree, kept, project) if makes_one else None) or ""
        case "pipenv":
            if variables.get("VIRTUAL_ENV") and not variables.get("PIPENV_IGNORE_VIRTUALENVS"):
                return variables["VIRTUAL_ENV"]
            kept = variables.get("WORKON_HOME") or f"{variables.get('HOME', '')}/.local/share/virtualenvs"
            named = variables.get("PIPENV_PIPFILE") or f"{project}/Pipfile"
            return _find_in(tree, (f"{project}/.venv",)) or _find_kept(tree, kept, named)
        case "pdm":
            saved = (read_tree_text(tree, f"{project}/.pdm-python") or "").strip()
            if saved and has_file(tree, saved):
                return saved.rpartition("/")[0].rpartition("/")[0]
            active = next((variables[name] for name in ("VIRTUAL_ENV", "CONDA_PREFIX") if variables.get(name)), "")
            return active or _find_in(tree, (f"{project}/.venv",))
        case "pixi":
            name = next((options[name] for name in ("-e", "--environment") if name in options), "default")
            return _find_in(tree, (f"{project}/.pixi/envs/{name}",))
        case _:
            return _find_in(tree, (f"{project}/.venv",))


def _find_in(tree: FileTree, folders: Sequence[str]) -> str | None:
    return next((folder for folder in folders if folder and has_file(tree, f"{folder}/bin/python")), None)


def _find_kept(tree: FileTree, folder: str, path: str) -> str | None:
    """The environment in a folder of them whose name has the hash of a project's path."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(path.encode()).digest()).decode()[:_HASH_LENGTH]
    names = [name for name in list_folder(tree, folder) if f"-{digest}" in name]
    return _find_in(tree, [f"{folder}/{name}" for name in names])
