"""What of a lock's rows is reached, in forms that real locks have."""

from __future__ import annotations

from pathlib import Path

import pytest

from envtool.errors import LockError
from envtool.release.pin import PinnedDistribution, PinOrigin, VendorPin
from envtool.requirements.lock_selection import LockSelection
from envtool.requirements.target import Target
from envtool.safe_install.locks.pdm_lock import read_pdm_project
from envtool.safe_install.locks.poetry_lock import read_poetry_project

PIN = VendorPin((PinnedDistribution(name="torch", version="2.1.0+moreh25.1.202"),), PinOrigin.GIVEN)
TARGET = Target(pin=PIN, python="3.10.13")
HEAD = '[metadata]\nlock-version = "2.1"\npython-versions = ">=3.9"\n'


def row(name: str, version: str = "1.0", more: str = "", requires: str = "") -> str:
    table = f"[package.dependencies]\n{requires}\n" if requires else ""
    return f'[[package]]\nname = "{name}"\nversion = "{version}"\npython-versions = "*"\n{more}\n{table}\n'


def read_poetry(folder: Path, dependencies: str, rows: str) -> dict[str, str]:
    """The names that are to be installed, with their versions or addresses, and the demands on torch."""
    tables = f'[tool.poetry]\nname = "work"\npackage-mode = false\n[tool.poetry.dependencies]\n{dependencies}\n'
    (folder / "pyproject.toml").write_text(tables)
    (folder / "poetry.lock").write_text(rows + HEAD)
    locked = read_poetry_project(folder / "poetry.lock", LockSelection(), TARGET)
    found = {entry.name or "": str(entry.specifier) or str(entry.link) for entry in locked.wanted.entries}
    return found | {f"!{demand}": "" for demand in locked.demands}


def test_a_marker_of_one_group_says_nothing_of_the_others(tmp_path: Path) -> None:
    markers = 'groups = ["main", "dev"]\nmarkers = {dev = "python_version == \'3.9\'"}'
    assert read_poetry(tmp_path, 'base = "*"', row("base", more=markers)) == {"base": "==1.0"}


def test_markers_tell_several_versions_apart(tmp_path: Path) -> None:
    old, new = "markers = \"python_version < '3.12'\"", "markers = \"python_version >= '3.12'\""
    rows = row("base", "1.0", old) + row("base", "2.0", new)
    assert read_poetry(tmp_path, 'base = "*"', rows) == {"base": "==1.0"}


def test_without_markers_the_newest_that_will_do(tmp_path: Path) -> None:
    rows = row("base", "1.0") + row("base", "1.10") + row("base", "1.9") + row("base", "3.0")
    assert read_poetry(tmp_path, 'base = "^1.0"', rows) == {"base": "==1.10"}


@pytest.mark.parametrize(
    ("stated", "demand"),
    [
        ('">=1.0,<1.5 || >1.5,<3"', "!base 1.0 requires torch!=1.5,<3,>=1.0"),
        ('"1.0 || 2.1"', "!base 1.0 requires torch<=2.1,>=1.0"),
        ('"^2"', "!base 1.0 requires torch<3,>=2"),
        (
            '{version = ">=1.10", extras = ["opt"], markers = "python_version < \'3.11\'"}',
            "!base 1.0 requires torch[opt]>=1.10",
        ),
        ('[{version = "<2", python = "<3.9"}, {version = ">=2", python = ">=3.9"}]', "!base 1.0 requires torch>=2"),
    ],
)
def test_poetrys_own_ways_to_require(tmp_path: Path, stated: str, demand: str) -> None:
    rows = row("base", requires=f"torch = {stated}") + row("torch", "2.5.0")
    assert read_poetry(tmp_path, 'base = "*"', rows) == {"base": "==1.0", demand: ""}


@pytest.mark.parametrize(
    ("source", "link"),
    [
        (
            'type = "git"\nurl = "git@host:a/b.git"\nreference = "main"\nresolved_reference = "c0ffee"',
            "git+ssh://git@host/a/b.git@c0ffee",
        ),
        (
            'type = "git"\nurl = "https://host/b"\nreference = "x"\nresolved_reference = "1"\nsubdirectory = "s"',
            "git+https://host/b@1#subdirectory=s",
        ),
        ('type = "url"\nurl = "https://host/base-1.0-py3-none-any.whl"', "https://host/base-1.0-py3-none-any.whl"),
    ],
)
def test_sources(tmp_path: Path, source: str, link: str) -> None:
    rows = row("base", more=f"[package.source]\n{source}")
    assert read_poetry(tmp_path, 'base = "*"', rows) == {"base": link}


def test_what_the_lock_lacks_is_told(tmp_path: Path) -> None:
    with pytest.raises(LockError, match="has no absent"):
        read_poetry(tmp_path, 'absent = "*"', row("base"))


def test_pdm_extras_and_sources(tmp_path: Path) -> None:
    project = '[project]\nname = "work"\nversion = "1"\ndependencies = ["base[one-more]"]\n[[tool.pdm.source]]\n'
    private = 'url = "https://private/simple"\nname = "own"\n[[tool.pdm.source]]\nurl = "https://torch/whl"\n'
    (tmp_path / "pyproject.toml").write_text(project + private + 'name = "t"\ninclude_packages = ["torch*"]\n')
    rows = (
        '[[package]]\nname = "base"\nversion = "1"\ndependencies = ["torch>=2"]\n'
        '[[package]]\nname = "base"\nversion = "1"\nextras = ["one-more"]\ndependencies = ["base==1", "more"]\n'
        '[[package]]\nname = "more"\nversion = "2"\n[[package]]\nname = "torch"\nversion = "2.5"\n'
        '[metadata]\nlock_version = "4.5.0"\n'
    )
    (tmp_path / "pdm.lock").write_text(rows)
    locked = read_pdm_project(tmp_path / "pdm.lock", LockSelection(), TARGET)
    assert [str(entry.display) for entry in locked.wanted.entries] == ["base==1", "more==2"]
    assert locked.wanted.options.extra_index_urls == ("https://private/simple",)
    assert [str(demand) for demand in locked.demands] == ["base 1 requires torch>=2"]


@pytest.mark.parametrize(
    ("locked", "selection", "found"),
    [
        ('["default", "dev", "serve"]', LockSelection(), ["base", "linter", "web"]),
        ('["default", "dev", "serve"]', LockSelection(without_groups=("dev",)), ["base", "web"]),
        ('["default"]', LockSelection(), ["base"]),
        ('["default", "dev", "serve", "docs"]', LockSelection(groups=("docs",)), ["base", "linter", "site"]),
        ('["default", "dev", "serve", "docs"]', LockSelection(no_default_groups=True), ["base"]),
        ('["default", "dev", "serve", "docs"]', LockSelection(only_groups=("docs",)), ["site"]),
    ],
    ids=[
        "all-that-is-locked",
        "all-but-one",
        "locked-without",
        "group-of-its-own-table",
        "no-default-groups",
        "only-one",
    ],
)
def test_pdm_installs_the_groups_that_are_locked(
    tmp_path: Path, locked: str, selection: LockSelection, found: list[str]
) -> None:
    """As `pdm sync` has it (tried with PDM 2.24): without a selection, all groups that the lock names."""
    project = '[project]\nname = "work"\nversion = "1"\ndependencies = ["base"]\n'
    project += '[project.optional-dependencies]\nserve = ["web"]\n[dependency-groups]\ndev = ["linter"]\n'
    (tmp_path / "pyproject.toml").write_text(project + '[tool.pdm.dev-dependencies]\nDocs = ["site"]\n')
    if "docs" not in locked:
        (tmp_path / "pyproject.toml").write_text(project)
    rows = "".join(f'[[package]]\nname = "{name}"\nversion = "1"\n' for name in ("base", "linter", "site", "web"))
    (tmp_path / "pdm.lock").write_text(f'{rows}[metadata]\nlock_version = "4.5.0"\ngroups = {locked}\n')
    entries = read_pdm_project(tmp_path / "pdm.lock", selection, TARGET).wanted.entries
    assert sorted(entry.name or "" for entry in entries) == found
