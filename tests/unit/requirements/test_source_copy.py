"""What comes along when a project is copied for its build back end, and what does not."""

from __future__ import annotations

import subprocess
from pathlib import Path

from envtool.requirements.projects.source_copy import copy_project, list_project_files
from envtool.temporary_folder import temporary_folder


def write(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x\n")
    return folder


def list_copied(project: Path, work: Path) -> set[str]:
    copy = copy_project(project, work, "project")
    return {
        path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file() and ".git" not in path.parts
    }


def make_repository(folder: Path, ignored: str) -> Path:
    folder.mkdir()
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    (folder / ".gitignore").write_text(ignored)
    return folder


def test_what_git_ignores_stays_but_what_a_build_reads(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "project", "/data\n*.ckpt\nwandb/\npkg/_version.py\nlocal.txt\n")
    write(root, "setup.py", "pkg/__init__.py", "pkg/_version.py", "local.txt", "new.py")
    write(root, "data/a.py", "wandb/run/b.txt", "best.ckpt", "pkg/last.ckpt", "env/pyvenv.cfg", "env/lib/c.py")
    assert list_copied(root, tmp_path / "work") == {
        *(".gitignore", "setup.py", "pkg/__init__.py", "pkg/_version.py", "local.txt", "new.py"),
    }


def test_a_project_in_a_folder_that_git_ignores(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "outer", "/third_party\n/data\n")
    write(root, "third_party/it/setup.py", "third_party/it/pkg/a.py", "third_party/other/c.py", "data/b.py")
    project = root / "third_party/it"
    assert list_copied(project, tmp_path / "work") == {"setup.py", "pkg/a.py"}
    assert set(list_project_files(project)) == {project / "setup.py", project / "pkg/a.py"}


def test_without_git_all_comes_along(tmp_path: Path) -> None:
    root = write(tmp_path / "plain", "setup.py", "data/a.py", "b.ckpt")
    assert list_copied(root, tmp_path / "work") == {"setup.py", "data/a.py", "b.ckpt"}


def test_a_copy_has_no_copies_in_it(tmp_path: Path) -> None:
    """Temporary folders may lie in the project, this process's own and those of others at the same time."""
    root = write(tmp_path / "project", "setup.py")
    with temporary_folder(root) as other, temporary_folder(root) as work:
        write(other, "source/setup.py")
        assert list_copied(root, work) == {"setup.py"}
