"""Finding the environment a person means, and reading its layout without running it."""

from __future__ import annotations

from pathlib import Path

import pytest

from envtool.environment.prefix import PrefixKind, find_prefix, read_prefix
from envtool.environment.reader import read_environment
from envtool.errors import PrefixError


def layout(root: Path, *versions: str, marker: str | None = None, link: str | None = None) -> Path:
    """A prefix with the files that tell its layout; its interpreters are empty files, and must not be run."""
    for version in versions:
        (root / f"lib/python{version}/site-packages").mkdir(parents=True)
        (root / "bin").mkdir(exist_ok=True)
        (root / f"bin/python{version}").touch(0o755)
    if link:
        (root / "bin/python").symlink_to(f"python{link}")
    if marker == "conda":
        (root / "conda-meta").mkdir()
    elif marker:
        (root / marker).touch()
    return root


def test_conda_prefix(tmp_path: Path) -> None:
    prefix = read_prefix(layout(tmp_path / "p", "3.8", marker="conda"))
    assert (prefix.kind, prefix.python) == (PrefixKind.CONDA, (3, 8))


def test_an_upgraded_interpreter_leaves_the_old_library(tmp_path: Path) -> None:
    root = layout(tmp_path / "p", "3.9", "3.10", marker="conda", link="3.9")
    assert read_prefix(root).python == (3, 9)


def test_debian_system(tmp_path: Path) -> None:
    root = tmp_path / "usr"
    (root / "lib/python3/dist-packages").mkdir(parents=True)
    (root / "lib/python3.11").mkdir()
    (root / "bin").mkdir()
    (root / "bin/python3.11").touch()
    prefix = read_prefix(root)
    assert prefix.kind is PrefixKind.SYSTEM
    assert prefix.site_packages == root / "lib/python3/dist-packages"


def test_order_of_what_a_person_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named, conda, venv, on_path = (
        layout(tmp_path / name, "3.11", marker="pyvenv.cfg", link="3.11") for name in ("a", "b", "c", "d")
    )
    monkeypatch.setenv("CONDA_PREFIX", str(conda))
    monkeypatch.setenv("VIRTUAL_ENV", str(venv))
    monkeypatch.setenv("PATH", str(on_path / "bin"))
    assert find_prefix(named).path == named
    assert find_prefix(None, named / "bin/python").path == named
    assert find_prefix().path == conda
    monkeypatch.delenv("CONDA_PREFIX")
    assert find_prefix().path == venv
    monkeypatch.delenv("VIRTUAL_ENV")
    (on_path / "bin/python").unlink()
    (on_path / "bin/python").write_text("#!/bin/sh\n")
    (on_path / "bin/python").chmod(0o755)
    assert find_prefix().path == on_path
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PrefixError, match="no environment"):
        find_prefix()


def test_a_dist_info_that_is_a_file_or_has_no_name(tmp_path: Path) -> None:
    root = layout(tmp_path / "p", "3.11", marker="pyvenv.cfg")
    site = root / "lib/python3.11/site-packages"
    (site / "torch-1.dist-info").write_text("a file")
    (site / "odd.dist-info").mkdir()
    (site / "good-1.0.dist-info").mkdir()
    environment = read_environment(read_prefix(root))
    assert [item.name for item in environment.distributions] == ["good"]
    assert {trouble.path.name for trouble in environment.problems} == {"odd.dist-info", "torch-1.dist-info"}
