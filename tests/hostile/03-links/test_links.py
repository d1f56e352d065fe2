"""Links in an environment: nothing is read through them that others may not see, and nothing is written to them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.environment import RealEnvironment
from tests.support.injection import can_inject, without
from tests.support.someone import NUMBER_ONLY, SOMEONE, give_to, needs_root

SECRET = "the secret of root"


def secret_in(folder: Path) -> Path:
    """A file that only root may read."""
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / "secret"
    path.write_text(SECRET + "\n")
    path.chmod(0o600)
    return path


def holds_no_secret(environment: RealEnvironment) -> None:
    for path in environment.path.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert SECRET.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("owner", [0, SOMEONE], ids=["own", "somebodys"])
def test_a_history_that_is_a_link(environment: RealEnvironment, tmp_path: Path, owner: int) -> None:
    if owner and os.geteuid() != 0:
        pytest.skip("only root can give files away")
    secret = secret_in(tmp_path / "private")
    environment.uv_install("wants-newer")
    history = environment.path / "etc/hac/history.jsonl"
    history.symlink_to(secret)
    if owner:
        give_to(owner, environment.path)
    done = environment.restore()
    assert done.status == 0, done.err
    assert not history.is_symlink()
    holds_no_secret(environment)
    assert secret.read_text() == SECRET + "\n"


@pytest.mark.parametrize("name", ["pin.toml", "pin.toml.incoming", "pin.incoming", "history.jsonl"])
def test_nothing_is_written_through_a_link(
    environment: RealEnvironment, release: Path, tmp_path: Path, name: str
) -> None:
    secret = secret_in(tmp_path / "private")
    environment.uv_install("wants-newer")
    (environment.path / "etc/hac/pin.toml").unlink()
    (environment.path / "etc/hac" / name).symlink_to(secret)
    environment.restore("--vendor", str(release))
    assert secret.read_text() == SECRET + "\n"
    holds_no_secret(environment)


def test_a_pin_alone_is_written_through_no_link(environment: RealEnvironment, release: Path, tmp_path: Path) -> None:
    secret = secret_in(tmp_path / "private")
    pin = environment.path / "etc/hac/pin.toml"
    pin.unlink()
    pin.with_name("pin.toml.incoming").symlink_to(secret)
    done = environment.restore("--vendor", str(release))
    assert done.status == 0, done.err
    assert secret.read_text() == SECRET + "\n"
    assert environment.doctor()["findings"] == []


@pytest.mark.parametrize("part", ["etc", "etc/hac"])
def test_a_folder_for_the_pin_that_leads_out(
    environment: RealEnvironment, release: Path, tmp_path: Path, part: str
) -> None:
    (environment.path / part).rename(tmp_path / "elsewhere")
    (environment.path / part).symlink_to(tmp_path / "elsewhere")
    before = {path.name for path in (tmp_path / "elsewhere").rglob("*")}
    for path in (tmp_path / "elsewhere").rglob("pin.toml"):
        path.unlink()
    done = environment.restore("--vendor", str(release))
    assert done.status == 10, done.out
    assert "is outside the environment" in done.err
    assert {path.name for path in (tmp_path / "elsewhere").rglob("*")} <= before


def foreign_record(environment: RealEnvironment, *rows: str) -> None:
    """A distribution that says it has files in torch's folder."""
    record = environment.site_packages / "friend-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: friend\nVersion: 1.0\n")
    (record / "RECORD").write_text("".join(f"{row},,\n" for row in rows))


@pytest.mark.parametrize("owner", [0, SOMEONE], ids=["own", "somebodys"])
def test_a_folder_in_torch_that_leads_to_roots_home(environment: RealEnvironment, tmp_path: Path, owner: int) -> None:
    if owner and os.geteuid() != 0:
        pytest.skip("only root can give files away")
    secret_in(tmp_path / "private")
    (environment.site_packages / "torch/friends").symlink_to(tmp_path / "private")
    foreign_record(environment, "torch/friends/secret", "torch/../torch/friends/secret", "torch/friends")
    if owner:
        give_to(owner, environment.path)
    done = environment.restore("--force")
    assert done.status == 0, done.err
    holds_no_secret(environment)


@pytest.mark.skipif(not can_inject(), reason="strace is not installed or may not trace here")
@pytest.mark.parametrize("error", ["ENOSYS", "EPERM"])
@pytest.mark.parametrize("owner", [0, SOMEONE], ids=["own", "somebodys"])
def test_a_kernel_without_openat2(environment: RealEnvironment, tmp_path: Path, owner: int, error: str) -> None:
    """A kernel before 5.6, and a container whose filter does not know the call."""
    if owner and os.geteuid() != 0:
        pytest.skip("only root can give files away")
    secret = secret_in(tmp_path / "private")
    (environment.site_packages / "torch/friends").symlink_to(tmp_path / "private")
    foreign_record(environment, "torch/friends/secret", "torch/friends")
    (environment.path / "etc/hac/history.jsonl").symlink_to(secret)
    if owner:
        give_to(owner, environment.path)
    done = without("openat2", error, environment, "restore", "--force", "--prefix", str(environment.path))
    assert done.returncode == 0, done.stderr
    holds_no_secret(environment)
    assert secret.read_text() == SECRET + "\n"
    assert environment.doctor("--deep")["findings"] == []


def test_a_pipe_in_the_place_of_a_friends_file(environment: RealEnvironment) -> None:
    os.mkfifo(environment.site_packages / "torch/pipe")
    foreign_record(environment, "torch/pipe")
    assert environment.restore("--force").status == 0
    assert environment.doctor("--deep")["findings"] == []


def test_a_friends_files_stay(environment: RealEnvironment) -> None:
    """The innocent twin: a file, one in a folder of its own, and a link beside it."""
    torch = environment.site_packages / "torch"
    (torch / "friends").mkdir()
    (torch / "friends/plain.py").write_text("a = 1\n")
    (torch / "friends/linked.py").symlink_to("plain.py")
    (torch / "single.py").write_text("b = 1\n")
    (torch / "single.py").chmod(0o755)
    foreign_record(environment, "torch/friends/plain.py", "torch/friends/linked.py", "torch/single.py", "torch/gone.py")
    assert environment.restore("--force").status == 0
    assert (torch / "friends/plain.py").read_text() == "a = 1\n"
    assert (torch / "friends/linked.py").readlink() == Path("plain.py")
    assert (torch / "single.py").stat().st_mode & 0o777 == 0o755


def commands_elsewhere(environment: RealEnvironment, folder: Path) -> None:
    """Have the environment's commands in a folder somewhere else."""
    (environment.path / "bin").rename(folder)
    (environment.path / "bin").symlink_to(folder)


def test_commands_of_others_are_not_replaced(environment: RealEnvironment, tmp_path: Path) -> None:
    environment.uv_install("wants-newer")
    commands_elsewhere(environment, tmp_path / "commands")
    theirs = tmp_path / "commands/convert-caffe2-to-onnx"
    theirs.unlink(missing_ok=True)
    theirs.write_text("#!/bin/sh\necho mine\n")
    done = environment.restore()
    assert done.status == 10, done.out
    assert "not a command of this environment" in done.err
    assert theirs.read_text() == "#!/bin/sh\necho mine\n"
    assert environment.finding_ids() == {"torch-replaced"}


def test_own_commands_behind_a_link_are_replaced(environment: RealEnvironment, tmp_path: Path) -> None:
    """The innocent twin."""
    assert environment.restore("--force").status == 0
    commands_elsewhere(environment, tmp_path / "commands")
    (environment.site_packages / "torch/cuda.py").unlink()
    done = environment.restore("--force")
    assert done.status == 0, done.err
    assert environment.doctor("--deep")["status"] == "healthy"


@needs_root
@pytest.mark.parametrize("made_by", [SOMEONE, NUMBER_ONLY], ids=["the-owner", "another"])
def test_roots_commands_behind_somebodys_link(environment: RealEnvironment, tmp_path: Path, made_by: int) -> None:
    environment.uv_install("wants-newer")
    commands_elsewhere(environment, tmp_path / "commands")
    give_to(SOMEONE, environment.path)
    os.lchown(environment.path / "bin", made_by, made_by)
    command = tmp_path / "commands/convert-caffe2-to-onnx"
    command.unlink(missing_ok=True)
    done = environment.restore()
    assert done.status == 10, done.out
    assert not command.exists()


@needs_root
def test_a_link_that_another_made_in_a_group_s_environment(environment: RealEnvironment, tmp_path: Path) -> None:
    """In an environment that a group writes to: who changes it does not follow what somebody else made."""
    environment.uv_install("wants-newer")
    commands_elsewhere(environment, tmp_path / "commands")
    os.lchown(environment.path / "bin", SOMEONE, SOMEONE)
    subprocess.run(["chown", "-hR", str(SOMEONE), environment.path / "bin"], check=True)
    subprocess.run(["chown", "-R", str(NUMBER_ONLY), environment.site_packages], check=True)
    done = environment.restore()
    assert done.status == 10
    assert "belongs to two users" in done.err


def test_an_environment_reached_through_links(environment: RealEnvironment, tmp_path: Path) -> None:
    """Shared storage: the prefix, and a folder above it, are links; and so are lib and lib64 inside of it."""
    environment.uv_install("wants-newer")
    (environment.path / "lib").rename(environment.path / "libraries")
    (environment.path / "lib").symlink_to("libraries")
    (tmp_path / "storage").symlink_to(tmp_path)
    (tmp_path / "named").symlink_to(tmp_path / "storage/environment")
    done = environment.envtool("restore", "--prefix", str(tmp_path / "named"))
    assert done.status == 0, done.err
    assert environment.doctor("--deep")["findings"] == []


def test_a_torch_that_is_a_link_is_replaced_and_its_target_stays(environment: RealEnvironment, tmp_path: Path) -> None:
    torch = environment.site_packages / "torch"
    torch.rename(tmp_path / "torch")
    torch.symlink_to(tmp_path / "torch")
    (tmp_path / "torch/cuda.py").write_text("mine")
    assert environment.restore("--force").status == 0
    assert not torch.is_symlink()
    assert (tmp_path / "torch/cuda.py").read_text() == "mine"
    assert environment.doctor("--deep")["findings"] == []


def test_bytecode_behind_a_link(environment: RealEnvironment, tmp_path: Path) -> None:
    """A repair takes stale bytecode away, but not where `__pycache__` leads elsewhere."""
    (tmp_path / "cache").mkdir()
    theirs = tmp_path / "cache/cuda.cpython-311.pyc"
    theirs.write_text("mine")
    torch = environment.site_packages / "torch"
    if (torch / "__pycache__").exists():
        (torch / "__pycache__").rename(tmp_path / "old")
    (torch / "__pycache__").symlink_to(tmp_path / "cache")
    (torch / "cuda.py").unlink()
    done = environment.restore()
    assert done.status == 0, done.err
    assert theirs.read_text() == "mine"
