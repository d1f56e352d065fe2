"""Which environment `poetry run` and the like start, as the tools themselves answered for the same folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from envtool.environment.file_tree import DiskTree
from envtool.environment.start_command import find_command_start
from envtool.environment.started_python import find_started_python

_KEPT = "root/.local/share/virtualenvs/app-MuJj66st"
_POETRYS = "root/.cache/pypoetry/virtualenvs/my-app-2uZo5AhP-py3.11"
_ACTIVE = {"CONDA_PREFIX": "/opt/env", "CONDA_DEFAULT_ENV": "pytorch"}


def make_environments(root: Path, *folders: str) -> DiskTree:
    """Virtual environments, and a conda environment that is first on PATH."""
    for folder in ("opt/env", *folders):
        (root / folder / "bin").mkdir(parents=True)
        (root / folder / "bin/python").write_text("")
        (root / folder / "lib/python3.11").mkdir(parents=True)
        if folder != "opt/env":
            (root / folder / "pyvenv.cfg").write_text("home = /opt/env/bin\nversion = 3.11.2\n")
    for name in ("Pipfile", "pyproject.toml", "pixi.toml"):
        (root / "srv/app").mkdir(parents=True, exist_ok=True)
        (root / "srv/app" / name).write_text("")
    return DiskTree(root)


@pytest.mark.parametrize(
    ("command", "variables", "folders", "prefix"),
    [
        ("pipenv run python x.py", {}, (_KEPT,), f"/{_KEPT}"),
        ("pipenv run python x.py", _ACTIVE, (_KEPT,), f"/{_KEPT}"),
        ("pipenv run python x.py", {"VIRTUAL_ENV": "/opt/env"}, (_KEPT,), "/opt/env"),
        ("pipenv run python x.py", {}, ("srv/app/.venv", _KEPT), "/srv/app/.venv"),
        ("pipenv run python x.py", {"WORKON_HOME": "/w"}, ("w/app-MuJj66st",), "/w/app-MuJj66st"),
        ("pipenv run python x.py", {"PIPENV_PIPFILE": "/srv/app/Pipfile"}, (_KEPT,), f"/{_KEPT}"),
        ("pipenv run python x.py", {}, (), None),
        ("poetry run python x.py", {}, ("srv/app/.venv",), "/srv/app/.venv"),
        ("poetry run python x.py", {}, (_POETRYS,), f"/{_POETRYS}"),
        ("poetry run python x.py", _ACTIVE, ("srv/app/.venv", _POETRYS), "/opt/env"),
        ("poetry run python x.py", {**_ACTIVE, "CONDA_DEFAULT_ENV": "base"}, ("srv/app/.venv",), "/srv/app/.venv"),
        ("poetry run python x.py", {"POETRY_VIRTUALENVS_CREATE": "false"}, (_POETRYS,), "/opt/env"),
        ("poetry run python x.py", {}, (), "/opt/env"),
        ("poetry -C /srv/app run python x.py", {"PWD": "/"}, ("srv/app/.venv",), "/srv/app/.venv"),
        ("pdm run python x.py", {}, ("srv/app/.venv",), "/srv/app/.venv"),
        ("pdm run -p /srv/app python x.py", _ACTIVE, ("srv/app/.venv",), "/opt/env"),
        ("pixi run -e prod python x.py", _ACTIVE, ("srv/app/.pixi/envs/prod",), "/srv/app/.pixi/envs/prod"),
        ("pixi run start", _ACTIVE, ("srv/app/.pixi/envs/default",), "/srv/app/.pixi/envs/default"),
        ("rye run python -m x", {}, ("srv/app/.venv",), "/srv/app/.venv"),
        ("uv run --project /srv/app x.py", {}, ("srv/app/.venv",), "/srv/app/.venv"),
        ("uv run --project=/srv/app /other/x.py", {}, ("srv/app/.venv",), "/srv/app/.venv"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple | dict) else str(value),
)
def test_a_projects_environment_is_found(
    command: str, variables: dict[str, str], folders: tuple[str, ...], prefix: str | None, tmp_path: Path
) -> None:
    tree = make_environments(tmp_path, *folders)
    all_variables = {"PATH": "/opt/env/bin:/bin", "HOME": "/root", **variables}
    settings = find_command_start(tree, command.split(), all_variables, "/srv/app")
    python = find_started_python(tree, settings) if settings is not None else None
    assert (python.prefix if python is not None else None) == prefix


def test_what_pdm_has_saved_comes_before_what_is_active(tmp_path: Path) -> None:
    tree = make_environments(tmp_path, "opt/v")
    (tmp_path / "srv/app/.pdm-python").write_text("/opt/v/bin/python\n")
    variables = {"PATH": "/opt/env/bin", "VIRTUAL_ENV": "/opt/env"}
    settings = find_command_start(tree, ["pdm", "run", "python"], variables, "/srv/app/src")
    assert settings is not None
    python = find_started_python(tree, settings)
    assert python is not None
    assert python.prefix == "/opt/v"


@pytest.mark.parametrize(
    ("command", "folder"),
    [
        ("python /srv/app", "/srv/app"),
        ("python /srv/x.pyz", "/srv/x.pyz"),
        ("python -m torch.distributed.run --nproc_per_node=1 app/train.py -b 2", "/srv/app"),
        ("python -m torch.distributed.launch /other/train.py", "/other"),
        ("torchrun app/train.py", "/srv/app"),
        ("torchrun --help", "/bin"),
        ("accelerate launch --num_processes 1 app/train.py", "/srv/app"),
        ("streamlit run /other/app.py", "/other"),
        ("gunicorn app:app", "/srv"),
        ("gunicorn --chdir /other app:app", "/other"),
        ("uvicorn --app-dir=app main:app", "/srv/app"),
        ("another --chdir /other app:app", "/bin"),
    ],
)
def test_what_a_program_begins_with(command: str, folder: str, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("torchrun", "accelerate", "streamlit", "gunicorn", "uvicorn", "another"):
        (tmp_path / "bin" / name).write_text("#!/opt/env/bin/python\n")
    (tmp_path / "srv/app").mkdir(parents=True)
    (tmp_path / "srv/x.pyz").write_text("")
    found = find_command_start(DiskTree(tmp_path), command.split(), {"PATH": "/bin"}, "/srv")
    assert found is not None
    assert found.first_folder == folder


@pytest.mark.parametrize(
    ("files", "variables", "prefix"),
    [
        ({"opt/pyenv/version": "3.11.9\n"}, {}, "/opt/pyenv/versions/3.11.9"),
        ({"opt/pyenv/version": "3.10\n"}, {}, "/opt/pyenv/versions/3.10.14"),
        ({"opt/pyenv/version": "system\n"}, {}, "/opt/env"),
        ({}, {}, "/opt/env"),
        ({"opt/pyenv/version": "3.11.9\n"}, {"PYENV_VERSION": "3.10.2"}, "/opt/pyenv/versions/3.10.2"),
        ({"opt/pyenv/version": "3.11.9\n", "srv/.python-version": "3.10.2\n"}, {}, "/opt/pyenv/versions/3.10.2"),
    ],
)
def test_pyenvs_shims_start_the_version_that_is_chosen(
    files: dict[str, str], variables: dict[str, str], prefix: str, tmp_path: Path
) -> None:
    versions = [f"opt/pyenv/versions/{number}" for number in ("3.10.14", "3.10.2", "3.11.9")]
    tree = make_environments(tmp_path, *versions)
    (tmp_path / "opt/pyenv/shims").mkdir()
    shim = '#!/usr/bin/env bash\nset -e\nprogram="${0##*/}"\nexec "/opt/pyenv/bin/pyenv" exec "$program" "$@"\n'
    (tmp_path / "opt/pyenv/shims/python").write_text(shim)
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    all_variables = {"PATH": "/opt/pyenv/shims:/opt/env/bin:/bin", "PYENV_ROOT": "/opt/pyenv", **variables}
    settings = find_command_start(tree, ["python", "x.py"], all_variables, "/srv/app")
    assert settings is not None
    python = find_started_python(tree, settings)
    assert python is not None
    assert python.prefix == prefix
