"""A restore cut off, refused, or made where it must not write."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from envtool.demo.vendor_release import make_release_contents
from envtool.demo.wheel_writer import write_wheel
from tests.support.distributions import package
from tests.support.environment import PYTHON, TORCH, RealEnvironment


def test_dry_run_changes_nothing(environment: RealEnvironment) -> None:
    environment.uv_install("wants-newer")
    before = snapshot(environment.path)
    outcome = environment.restore("--dry-run")
    assert outcome.status == 0
    assert f"torch: 2.13.0 -> {TORCH}" in outcome.out
    assert snapshot(environment.path) == before


def snapshot(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_an_interrupted_restore_is_a_finding(environment: RealEnvironment) -> None:
    (environment.site_packages / ".hac-restore").mkdir()
    assert environment.finding_ids() == {"restore-interrupted"}
    assert environment.restore("--dry-run").status == 0
    assert (environment.site_packages / ".hac-restore").is_dir()
    environment.restore()
    assert environment.doctor("--deep")["findings"] == []


def test_files_of_others_in_torchs_folder_stay(environment: RealEnvironment) -> None:
    from envtool.demo.wheel_writer import WheelContent

    plugin = WheelContent(
        name="plugin", version="1", tag="py3-none-any", files={"torch/plugin.py": b"PLUGIN = 1\n"}, summary="for tests"
    )
    wheel = write_wheel(plugin, environment.path.parent / "plugin")
    environment.pip("install", "--quiet", "--no-index", str(wheel))
    environment.uv_install("--no-deps", "-U", "torch")
    environment.restore()
    assert (environment.site_packages / "torch/plugin.py").read_text() == "PLUGIN = 1\n"
    assert not (environment.site_packages / "torch/upstream_only.py").exists()


def test_commands_point_at_the_environments_interpreter(environment: RealEnvironment) -> None:
    command = environment.path / "bin/convert-caffe2-to-onnx"
    command.unlink()
    environment.restore("--force")
    assert command.read_text().startswith(f"#!{environment.path}/bin/python")
    assert os.access(command, os.X_OK)
    done = subprocess.run([str(command)], capture_output=True, text=True, check=False)
    assert "stand-in" in done.stderr


def test_pip_and_importlib_accept_what_was_restored(environment: RealEnvironment) -> None:
    environment.uv_install("wants-newer")
    environment.restore()
    code = "import importlib.metadata, torch; d = importlib.metadata.distribution('torch'); "
    code += "print(d.version, len(d.files), d.read_text('INSTALLER').strip())"
    done = subprocess.run([str(environment.python), "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == TORCH
    assert done.stdout.split()[2] == "envtool"
    environment.pip("uninstall", "--quiet", "--yes", "torch")
    assert not (environment.site_packages / "torch").exists()
    assert not (environment.path / "bin/convert-caffe2-to-onnx").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a read-only file system")
def test_read_only_site_packages(environment: RealEnvironment) -> None:
    environment.uv_install("wants-newer")
    site = str(environment.site_packages)
    subprocess.run(["mount", "--bind", site, site], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", site], check=True)
        outcome = environment.restore()
    finally:
        subprocess.run(["umount", site], check=True)
    assert outcome.status == 10
    assert "cannot be written" in outcome.err
    assert environment.finding_ids() == {"torch-replaced"}


def test_prefix_without_python(environment: RealEnvironment, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for path in (empty, tmp_path / "absent"):
        outcome = environment.envtool("doctor", "--prefix", str(path))
        assert outcome.status == 4
        assert "next:" in outcome.err


@pytest.mark.parametrize("entry", ["../escape.py", "/etc/escape.py", "torch/../../escape.py", "torch\\escape.py"])
def test_a_wheel_that_reaches_outside_is_refused(environment: RealEnvironment, entry: str) -> None:
    hostile(environment, lambda archive, _record: archive.writestr(zipfile.ZipInfo(entry), b"bad"))
    assert not (environment.path.parent / "escape.py").exists()


def test_a_wheel_with_a_link_is_refused(environment: RealEnvironment) -> None:
    def add_link(archive: zipfile.ZipFile, _record: str) -> None:
        info = zipfile.ZipInfo("torch/link")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, b"/etc/passwd")

    hostile(environment, add_link)


def test_a_wheel_with_a_file_that_record_does_not_list_is_refused(environment: RealEnvironment) -> None:
    hostile(environment, lambda archive, _record: archive.writestr("torch/extra.py", b"bad"))


def test_a_wheel_with_two_spellings_of_a_name_is_refused(environment: RealEnvironment) -> None:
    hostile(environment, lambda archive, _record: archive.writestr("torch/__INIT__.py", b"bad"))


def hostile(environment: RealEnvironment, spoil: object) -> None:
    """A wheel spoiled by `spoil` must be refused, and the environment stay as it was."""
    folder = environment.path.parent / "hostile"
    wheel = write_wheel(make_release_contents(PYTHON, "1.7.1+cu110.moreh99.0")[0], folder)
    with zipfile.ZipFile(wheel, "a") as archive:
        spoil(archive, "")  # type: ignore[operator]
    before = snapshot(environment.path)
    outcome = environment.restore("--vendor", str(folder), "--release", "99.0")
    assert outcome.status == 6, outcome.out + outcome.err
    assert "not a sound wheel" in outcome.err
    assert snapshot(environment.path) == before


def test_a_wheel_whose_file_differs_from_its_record_is_refused(environment: RealEnvironment, tmp_path: Path) -> None:
    folder = tmp_path / "lying"
    wheel = write_wheel(make_release_contents(PYTHON, "1.7.1+cu110.moreh99.0")[0], folder)
    lying = tmp_path / "lying.zip"
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(lying, "w") as target:
        for info in source.infolist():
            data = source.read(info)
            target.writestr(info, data.replace(b"STAND-IN", b"STANDIN!") if info.filename.endswith("cuda.py") else data)
    shutil.move(lying, wheel)
    before = snapshot(environment.path)
    outcome = environment.restore("--vendor", str(folder), "--release", "99.0")
    assert outcome.status == 8
    assert "torch/cuda.py" in outcome.err
    assert snapshot(environment.path) == before


def test_no_pin_and_no_record_says_what_to_type(make_environment: object) -> None:
    plain = make_environment("plain")  # type: ignore[operator]
    plain.pip_install("harmless")
    document = plain.doctor()
    assert [item["id"] for item in document["findings"]] == ["no-vendor-torch"]
    outcome = plain.restore()
    assert outcome.status == 7
    assert "envtool vendor add" in outcome.err


def test_a_folder_is_enough_to_make_the_pin(make_environment: object, tmp_path: Path) -> None:
    """Any wheel of the grammar, alone in a folder, whatever its torch."""
    folder = tmp_path / "vendor"
    from dataclasses import replace

    content = replace(make_release_contents(PYTHON)[0], version="2.13.0+cpu.moreh26.11.0")
    write_wheel(content, folder)
    write_wheel(package("unrelated", "1", []), folder)
    made = make_environment("fresh")  # type: ignore[operator]
    made.pip_install("torch==2.13.0")
    outcome = made.restore("--vendor", str(folder))
    assert outcome.status == 0, outcome.err
    document = made.doctor("--deep")
    assert document["status"] == "healthy"
    assert document["environment"]["pin"]["distributions"][0]["version"] == "2.13.0+cpu.moreh26.11.0"


def test_history_is_kept(environment: RealEnvironment) -> None:
    environment.uv_install("wants-newer")
    environment.restore()
    lines = (environment.path / "etc/hac/history.jsonl").read_text().splitlines()
    entry = json.loads(lines[-1])
    assert entry["changes"][0]["before"] == ["2.13.0"]
    assert entry["changes"][0]["after"] == TORCH
    assert (entry["command"], entry["reasons"]) == ("envtool restore", ["torch-replaced"])


def test_a_damaged_pin_file_is_an_error_and_mended_by_naming_a_source(
    environment: RealEnvironment, release: Path
) -> None:
    (environment.path / "etc/hac/pin.toml").write_text("schema = 1\nnonsense")
    outcome = environment.envtool("doctor", "--prefix", str(environment.path))
    assert outcome.status == 7
    assert "--vendor SOURCE" in outcome.err
    assert environment.restore("--vendor", str(release)).status == 0
    assert environment.doctor("--deep")["findings"] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
def test_a_full_disk_leaves_the_old_state(environment: RealEnvironment, tmp_path: Path) -> None:
    """The environment's own file system has no room for the new torch beside the old one."""
    from dataclasses import replace

    content = replace(make_release_contents(PYTHON, "1.7.1+cu110.moreh99.0")[0])
    big = replace(content, files={**content.files, "torch/lib/big.bin": os.urandom(8 << 20)})
    folder = tmp_path / "big"
    write_wheel(big, folder)
    site = environment.site_packages
    saved = tmp_path / "saved"
    shutil.copytree(site, saved, symlinks=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(site)], check=True)
    try:
        shutil.copytree(saved, site, symlinks=True, dirs_exist_ok=True)
        before = snapshot(environment.path)
        outcome = environment.restore("--vendor", str(folder), "--release", "99.0")
        assert outcome.status == 10, outcome.out + outcome.err
        assert "the disk is full" in outcome.err
        assert snapshot(environment.path) == before
    finally:
        subprocess.run(["umount", str(site)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a read-only file system")
def test_a_prefix_that_cannot_keep_its_pin(environment: RealEnvironment, release: Path) -> None:
    """Nothing to restore, but a pin to keep, and no place to keep it."""
    folder = str(environment.path / "etc/hac")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", folder], check=True)
    try:
        outcome = environment.restore("--vendor", str(release))
    finally:
        subprocess.run(["umount", folder], check=True)
    assert outcome.status == 10
    assert "cannot be written" in outcome.err


def test_the_journal_of_another_restore_is_never_cleared_away(environment: RealEnvironment, release: Path) -> None:
    """One that was killed after this one had looked for such a journal and found none."""
    from envtool.doctor.diagnose import diagnose
    from envtool.environment.prefix import read_prefix
    from envtool.environment.reader import read_environment
    from envtool.errors import RestoreError
    from envtool.release.release_filter import ReleaseFilter
    from envtool.release.select import select_from_sources
    from envtool.release.source.folder import FolderSource
    from envtool.restore.apply import apply_plan
    from envtool.restore.plan import PinnedDiagnosis, plan_restore
    from envtool.wheel.contents import read_contents
    from envtool.wheel.store import FileStore

    store = FileStore(Path(environment.variables["HAC_STORE"]))
    choice = select_from_sources(PYTHON, [FolderSource(release)], ReleaseFilter(), store)
    report = diagnose(read_environment(read_prefix(environment.path)), choice.pin)
    plan = plan_restore(PinnedDiagnosis(report, choice.pin, {}), {}, force=True)
    contents = {name: read_contents(wheel) for name, wheel in choice.wheels.items()}
    journal = environment.site_packages / ".hac-restore/journal.json"
    journal.parent.mkdir()
    journal.write_text('{"schema": 1, "steps": []}')
    with pytest.raises(RestoreError):
        apply_plan(plan, contents, command="test", progress=lambda _name, _done, _total: None)
    assert journal.exists()
