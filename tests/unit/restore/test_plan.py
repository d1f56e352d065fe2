"""What a restore plans and does: repairs, orphans, copies in the user's folder, whose files are whose."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from envtool.demo.vendor_release import make_release_contents
from envtool.demo.wheel_writer import WheelContent, write_wheel
from tests.support.distributions import package
from tests.support.environment import PYTHON, TORCH, RealEnvironment
from tests.support.someone import give_to

PROJECT = Path(__file__).parents[3]


def planned(environment: RealEnvironment, *arguments: str) -> dict[str, Any]:
    outcome = environment.here("restore", "--prefix", str(environment.path), "--format", "json", *arguments)
    document: dict[str, Any] = json.loads(outcome.out)
    jsonschema.validate(document, json.loads((PROJECT / "docs/restore.schema.json").read_text()))
    return document


def of(document: dict[str, Any], action: str) -> list[dict[str, Any]]:
    return [row for row in document["actions"] if row["action"] == action]


def test_three_files_are_repaired_and_no_other_is_touched(environment: RealEnvironment) -> None:
    torch = environment.site_packages / "torch"
    data = (torch / "__init__.py").read_bytes()
    (torch / "__init__.py").write_bytes(bytes(reversed(data)))
    (torch / "cuda.py").unlink()
    command = environment.path / "bin/convert-caffe2-to-onnx"
    environment.restore("--force")
    (torch / "__init__.py").write_bytes(bytes(reversed(data)))
    (torch / "cuda.py").unlink()
    command.write_text("#!/bin/sh\n")
    before = {path: path.stat().st_ino for path in torch.rglob("*") if path.is_file()}
    document = planned(environment)
    (row,) = of(document, "repair")
    assert sorted(row["files"]) == ["../../../bin/convert-caffe2-to-onnx", "torch/__init__.py", "torch/cuda.py"]
    assert (document["status"], document["after"]) == ("restored", "healthy")
    assert environment.doctor("--deep")["findings"] == []
    changed = {path.name for path, inode in before.items() if path.stat().st_ino != inode}
    assert changed == {"__init__.py"}
    assert os.access(command, os.X_OK)
    again = planned(environment)
    assert (again["status"], {row["action"] for row in again["actions"]}) == ("nothing-to-do", {"keep"})


def test_stale_bytecode_goes_with_what_is_repaired(environment: RealEnvironment) -> None:
    """Python knows a module's bytecode by time and size alone."""
    module = environment.site_packages / "torch/version.py"
    good = module.read_bytes()
    module.write_bytes(good.replace(b"22.8.0", b"99.8.0"))
    moment = time.time() - 1000
    os.utime(module, (moment, moment))
    code = "import torch.version; print(torch.version.moreh)"
    seen = subprocess.run([environment.python, "-c", code], capture_output=True, text=True, check=True).stdout
    assert seen.strip() == "99.8.0"
    assert environment.restore().status == 0
    os.utime(module, (moment, moment))
    seen = subprocess.run([environment.python, "-c", code], capture_output=True, text=True, check=True).stdout
    assert seen.strip() == "22.8.0"


def test_what_pip_brought_with_the_intruder_goes_and_what_was_there_stays(environment: RealEnvironment) -> None:
    folder = environment.path.parent / "more"
    for name in ("helper", "old-helper", "asked-for"):
        write_wheel(package(name, "1.0", []), folder)
    upstream = WheelContent(
        name="torch",
        version="3.0",
        tag="py3-none-any",
        files={"torch/__init__.py": b""},
        summary="for tests",
        requires=["helper", "old-helper", "asked-for"],
    )
    write_wheel(upstream, folder)
    environment.pip_install("--find-links", str(folder), "asked-for")
    environment.pip_install("--find-links", str(folder), "old-helper")
    old = environment.site_packages / "old_helper-1.0.dist-info"
    (old / "REQUESTED").unlink()
    os.utime(old / "RECORD", (1e9, 1e9))
    environment.pip_install("--find-links", str(folder), "torch==3.0")
    document = planned(environment)
    assert [row["distribution"] for row in of(document, "remove")] == ["helper"]
    left = " ".join(text for row in of(document, "leave") for text in row["why"])
    assert "old-helper 1.0: it was there before" in left
    assert "asked-for 1.0: it was asked for by name" in left
    assert environment.doctor("--deep")["findings"] == []
    assert not (environment.site_packages / "helper.py").exists()


def test_a_copy_in_the_users_folder_goes_only_if_that_is_agreed_to(environment: RealEnvironment) -> None:
    (environment.path / "conda-meta").mkdir()
    (environment.path / "pyvenv.cfg").unlink()
    home = Path(environment.variables["HOME"])
    user_site = home / ".local/lib" / f"python{PYTHON[0]}.{PYTHON[1]}" / "site-packages"
    environment.pip_install("--no-deps", "--target", str(user_site), "torch==2.13.0")
    mine = user_site / "mine.py"
    mine.write_text("")
    outcome = environment.restore()
    assert outcome.status == 1
    assert "--yes takes it away" in outcome.err
    assert (user_site / "torch").is_dir()
    outcome = environment.restore("--yes")
    assert outcome.status == 0, outcome.out + outcome.err
    assert sorted(path.name for path in user_site.iterdir()) == ["mine.py"]
    assert environment.doctor()["findings"] == []


def test_files_are_as_open_as_site_packages_whatever_the_umask(environment: RealEnvironment) -> None:
    environment.uv_install("wants-newer")
    command = [sys.executable, "-m", "envtool", "restore", "--prefix", str(environment.path)]
    variables = {**os.environ, **environment.variables}
    subprocess.run(command, env=variables, umask=0o077, check=True, capture_output=True)
    torch = environment.site_packages / "torch"
    assert (torch.stat().st_mode & 0o777, (torch / "cuda.py").stat().st_mode & 0o777) == (0o755, 0o644)
    assert (environment.path / "bin/convert-caffe2-to-onnx").stat().st_mode & 0o777 == 0o755
    assert (environment.path / "etc/hac/pin.toml").stat().st_mode & 0o777 == 0o644


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_leaves_the_files_to_the_environments_owner(environment: RealEnvironment) -> None:
    environment.uv_install("wants-newer")
    give_to(12345, environment.path)
    assert environment.restore().status == 0
    owners = {path.lstat().st_uid for path in environment.site_packages.rglob("*")}
    assert owners == {12345}
    assert (environment.path / "etc/hac/history.jsonl").stat().st_uid == 12345


def test_a_link_out_of_the_environment_is_not_followed(environment: RealEnvironment, tmp_path: Path) -> None:
    """RECORD may name what it likes; a folder that is a link leads out of the environment."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious.py").write_text("mine")
    environment.uv_install("--no-deps", "-U", "torch")
    (environment.site_packages / "linked").symlink_to(outside)
    record = environment.site_packages / "torch-2.13.0.dist-info/RECORD"
    with open(record, "a") as stream:
        stream.write("linked/../linked/precious.py,,\n../../../../outside/precious.py,,\n/etc/hostname,,\n")
    outcome = environment.restore()
    assert outcome.status == 0, outcome.out + outcome.err
    assert "outside the environment, or no file of it, though RECORD names it" in outcome.out
    assert (outside / "precious.py").read_text() == "mine"


def test_scripts_that_lead_out_are_refused(environment: RealEnvironment, tmp_path: Path) -> None:
    environment.uv_install("wants-newer")
    shutil.move(environment.path / "etc/hac", tmp_path / "hac")
    (environment.path / "etc/hac").symlink_to(tmp_path / "hac")
    outcome = environment.restore()
    assert outcome.status == 10
    assert "is outside the environment" in outcome.err
    assert environment.finding_ids() == {"torch-replaced"}


def test_a_process_that_has_it_loaded_is_named(environment: RealEnvironment) -> None:
    library = next(path for path in (environment.site_packages / "torch").rglob("*") if path.stat().st_size > 4096)
    code = "import mmap, sys; f = open(sys.argv[1], 'rb'); m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ);"
    code += "print(len(m), flush=True); sys.stdin.read(); sys.stdout.write(str(len(m[:])))"
    with subprocess.Popen(
        [sys.executable, "-c", code, library], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        size = process.stdout.readline().strip()
        document = planned(environment, "--force")
        assert process.pid in document["processes"]
        # It goes on with the old file.
        assert process.communicate("")[0] == size


def test_bombs_overlaps_and_folders_that_are_files_are_refused(environment: RealEnvironment) -> None:
    from tests.unit.restore.test_restore import hostile

    def overlap(archive: zipfile.ZipFile, _record: str) -> None:
        info = archive.getinfo("torch/cuda.py")
        info.header_offset = archive.getinfo("torch/version.py").header_offset
        archive._didModify = True  # type: ignore[attr-defined]

    def claim(archive: zipfile.ZipFile, _record: str) -> None:
        archive.getinfo("torch/cuda.py").file_size = 4 << 30
        archive._didModify = True  # type: ignore[attr-defined]

    def clash(archive: zipfile.ZipFile, _record: str) -> None:
        archive.writestr("torch/cuda.py/inner.py", b"bad")

    for spoil in (overlap, claim, clash):
        hostile(environment, spoil)


def test_two_at_once(environment: RealEnvironment) -> None:
    """The second leaves at once and says why; the lock of a process that died is nobody's."""
    import fcntl

    environment.uv_install("wants-newer")
    handle = os.open(environment.site_packages, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    outcome = environment.restore()
    assert outcome.status == 10
    assert "another change" in outcome.err
    os.close(handle)
    assert environment.restore().status == 0


def test_history_is_read_by_doctor(environment: RealEnvironment) -> None:
    environment.uv_install("wants-newer")
    environment.restore("--force")
    (entry,) = environment.doctor()["history"]
    assert entry["command"] == "envtool restore --force"
    assert {"distribution": "torch", "from": ["2.13.0"], "to": TORCH} in entry["changes"]
    text = environment.envtool("doctor", "--prefix", str(environment.path)).out
    assert f"last change {entry['time']} envtool restore --force by" in text


def test_a_wheel_for_another_glibc_or_python_says_so(environment: RealEnvironment) -> None:
    from dataclasses import replace

    content = make_release_contents(PYTHON, "1.7.1+cu110.moreh99.0")[0]
    for tag, why in (("py3-none-manylinux_2_99_x86_64", "needs glibc 2.99"), ("cp38-cp38-linux_x86_64", "for cp38")):
        folder = environment.path.parent / tag
        write_wheel(replace(content, tag=tag), folder)
        outcome = environment.restore("--vendor", str(folder), "--release", "99.0")
        assert outcome.status == 7
        assert why in outcome.err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")
def test_a_store_on_another_file_system_and_an_environment_on_tmpfs(environment: RealEnvironment) -> None:
    environment.uv_install("wants-newer")
    saved = environment.path.with_name("saved")
    environment.path.rename(saved)
    environment.path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", environment.path], check=True)
    try:
        shutil.copytree(saved, environment.path, symlinks=True, dirs_exist_ok=True)
        assert environment.restore().status == 0
        assert environment.doctor("--deep")["findings"] == []
    finally:
        subprocess.run(["umount", environment.path], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_an_unprivileged_owner(environment: RealEnvironment) -> None:
    environment.uv_install("wants-newer")
    give_to(12345, environment.path.parent)
    # May read everything, as root's own interpreter may lie where others cannot look; may write only what is theirs.
    capability = "+dac_read_search"
    words = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"]
    words += [f"--inh-caps={capability}", f"--ambient-caps={capability}"]
    command = [*words, sys.executable, "-m", "envtool", "restore", "--prefix", str(environment.path)]
    variables = {**os.environ, **environment.variables, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert environment.doctor("--deep")["findings"] == []
    assert (environment.site_packages / "torch/cuda.py").stat().st_uid == 12345
