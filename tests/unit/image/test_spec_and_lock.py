"""The image table and the locks: what is refused, and how it is said."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from envtool.errors import LockError, SpecError
from envtool.image.lock.lockfile import compare_locks, is_stale, read_lock, write_lock
from envtool.image.spec.table import read_table, select_images


def edit(project: Path, pattern: str, replacement: str) -> None:
    path = project / "images/images.toml"
    text, count = re.subn(pattern, replacement, path.read_text(), count=1, flags=re.MULTILINE)
    assert count == 1
    path.write_text(text)


def test_the_table_of_the_project(project: Path) -> None:
    table = read_table(project)
    names = {"hac-base", "hac-devel", "hac-notebook"}
    assert set(table) == names | {f"{name}-22.8.0-py38" for name in names}
    released = table["hac-base-22.8.0-py38"]
    assert released.python == (3, 8)
    assert "conda-forge" in released.environment_file.read_text()
    assert [folder.parent.name for folder in released.folders("checks")] == ["hac-base"]


def test_all_problems_at_once_each_with_its_line(project: Path) -> None:
    edit(project, r'^python = "3.11"', 'python = "eleven"')
    edit(project, r'^size-budget = "900 MB"', 'size-budget = "lots"')
    edit(project, r'^release = "22.8.0"\n', "colour = 'blue'\n")
    text = (project / "images/images.toml").read_text().splitlines()
    with pytest.raises(SpecError, match="problems: 4") as caught:
        read_table(project)
    why = caught.value.why
    for start in ("python =", "size-budget =", "colour ="):
        line = next(number for number, row in enumerate(text, 1) if row.startswith(start))
        assert f"line {line}: [image.hac-base]" in why
    assert "release: is missing" in why


@pytest.mark.parametrize("text", ["[image.x", "", "image = 3", "[image.x]\nbase = 1", "\xff"])
def test_malformed_tables(project: Path, text: str) -> None:
    (project / "images/images.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(SpecError):
        read_table(project)


def test_unknown_image(project: Path) -> None:
    with pytest.raises(SpecError, match="no image called 'hac-bsae'") as caught:
        select_images(project, ["hac-bsae"])
    assert "hac-base" in caught.value.why


def test_the_committed_lock_is_up_to_date_and_names_no_machine(project: Path) -> None:
    spec = read_table(project)["hac-base"]
    lock = read_lock(spec, project / "lockfiles")
    assert not is_stale(spec, lock, None), "run: make lock"
    for name, text in lock.files().items():
        assert (project / "lockfiles" / name).read_text() == text
        assert not re.search(r"127\.0\.0\.1|localhost|file://|/tmp/|/root/|/home/", text), name


def test_a_changed_spec_makes_a_lock_stale(project: Path) -> None:
    spec = read_table(project)["hac-base"]
    lock = read_lock(spec, project / "lockfiles")
    path = project / "images/hac-base/environment.yml"
    path.write_text(path.read_text() + "  - numpy\n")
    assert is_stale(read_table(project)["hac-base"], lock, None)


def test_a_lock_survives_being_written(project: Path, tmp_path: Path) -> None:
    spec = read_table(project)["hac-base"]
    lock = read_lock(spec, project / "lockfiles")
    write_lock(lock, tmp_path / "other")
    again = read_lock(spec, tmp_path / "other")
    assert again == lock
    assert again.checksum() == lock.checksum()


def test_damaged_and_missing_locks(project: Path) -> None:
    spec = read_table(project)["hac-base"]
    (project / "lockfiles/hac-base.lock.toml").write_text("schema = 9\n")
    with pytest.raises(LockError, match="is damaged") as caught:
        read_lock(spec, project / "lockfiles")
    assert caught.value.remedy == "envtool lock hac-base"
    with pytest.raises(LockError, match="is not locked"):
        read_lock(spec, project)


def test_files_of_two_locks_do_not_make_one(project: Path) -> None:
    spec = read_table(project)["hac-base"]
    path = project / "lockfiles/hac-base.conda-lock.yml"
    path.write_text(path.read_text().replace("3.11.2", "3.11.3"))
    with pytest.raises(LockError, match="is damaged") as caught:
        read_lock(spec, project / "lockfiles")
    assert "not the ones that were written with it" in caught.value.why


def test_differences_name_what_changed(project: Path) -> None:
    lock = read_lock(read_table(project)["hac-base"], project / "lockfiles")
    others = tuple(item for item in lock.base.packages if not item.startswith("apt="))
    base = replace(lock.base, packages=("apt=99", *others))
    lines = compare_locks(lock, replace(lock, base=base))
    assert len(lines) == 1
    assert lines[0].startswith("base: apt 2")
    assert lines[0].endswith("-> 99")


@pytest.mark.parametrize(("change", "status"), [(False, 0), (True, 1)])
def test_lock_check_is_the_gate(project: Path, change: bool, status: int) -> None:
    import subprocess
    import sys

    if change:
        edit(project, r'^torch = "1.7.1"', 'torch = "1.10.0"')
    command = [sys.executable, "-m", "envtool", "lock", "--check", "--locked-only", "--project", str(project)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert ("out of date" if change else "hac-base: up to date") in done.stdout


def renewed(project: Path, what: str) -> tuple[int, str]:
    """`envtool lock --demo --upgrade WHAT`: its status and all it prints."""
    import subprocess
    import sys

    command = [sys.executable, "-m", "envtool", "lock", "--demo", "--upgrade", what, "--project", str(project)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_one_part_of_a_lock_is_renewed(project: Path) -> None:
    """The stand-in release is always the same; what the lock says of another one is put right, and nothing else."""
    spec = read_table(project)["hac-base"]
    good = read_lock(spec, project / "lockfiles")
    first, *rest = good.pin.distributions
    other = replace(first, sha256="0" * 64)
    write_lock(replace(good, pin=replace(good.pin, distributions=(other, *rest))), project / "lockfiles")
    status, said = renewed(project, "torch")
    assert status == 0, said
    assert f"hac-base: vendor: torch {first.version} {'0' * 64} -> {first.version} {first.sha256}" in said
    assert read_lock(spec, project / "lockfiles").files() == good.files()
    assert "nothing to renew" in renewed(project, "torch")[1]


def test_what_cannot_be_renewed(project: Path) -> None:
    before = {path.name: path.read_text() for path in (project / "lockfiles").iterdir()}
    status, said = renewed(project, "no-such-package")
    assert status == 12
    assert "has no package no-such-package" in said
    edit(project, r'^torch = "1.7.1"', 'torch = "1.10.0"')
    status, said = renewed(project, "torch")
    assert status == 12
    assert "envtool lock hac-base" in said
    assert before == {path.name: path.read_text() for path in (project / "lockfiles").iterdir()}
