"""Root works in somebody's environment as that somebody: what is made there is theirs, and root's is out of reach."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from envtool.errors import HashError, RestoreError
from envtool.transaction.as_owner import run_as_owner
from envtool.transaction.owner import Owner, find_owner
from tests.support.environment import TORCH, RealEnvironment
from tests.support.someone import (
    NUMBER_ONLY,
    SOMEONE,
    as_someone,
    give_to,
    let_everybody_read,
    list_owners,
    make_usable,
    needs_root,
)

pytestmark = needs_root

OWNER = Owner(SOMEONE, SOMEONE, Path("/"))


@pytest.mark.parametrize("uid", [SOMEONE, NUMBER_ONLY], ids=["nobody", "a-number"])
def test_what_a_restore_makes_is_the_owners(environment: RealEnvironment, uid: int) -> None:
    environment.uv_install("wants-newer")
    give_to(uid, environment.path)
    done = environment.restore()
    assert done.status == 0, done.err
    assert list_owners(environment.path) == {uid}
    assert environment.doctor("--deep")["findings"] == []


def test_the_owner_goes_on_alone(environment: RealEnvironment) -> None:
    """The pin, the history and the folder that they are in are not root's."""
    environment.uv_install("wants-newer")
    give_to(SOMEONE, environment.path)
    assert environment.restore().status == 0
    (environment.site_packages / "torch/cuda.py").unlink()
    give_to(SOMEONE, Path(environment.variables["HAC_STORE"]))
    done = as_someone(environment, SOMEONE, "restore", "--prefix", str(environment.path))
    assert done.returncode == 0, done.stderr
    lines = (environment.path / "etc/hac/history.jsonl").read_text().splitlines()
    assert len(lines) == 2


def test_an_environment_that_its_owner_cannot_reach(environment: RealEnvironment) -> None:
    environment.uv_install("wants-newer")
    give_to(SOMEONE, environment.path)
    environment.path.parent.chmod(0o700)
    done = environment.restore()
    assert done.status == 10
    assert f"chmod o+x {environment.path.parent}" in done.err


def test_history_says_that_it_was_root(environment: RealEnvironment) -> None:
    environment.uv_install("wants-newer")
    give_to(SOMEONE, environment.path)
    environment.restore()
    (entry,) = environment.doctor()["history"]
    assert entry["user"].startswith("root")


def test_root_in_its_own_environment_stays_root(environment: RealEnvironment) -> None:
    environment.uv_install("wants-newer")
    assert environment.restore().status == 0
    assert list_owners(environment.path) == {0}


def test_two_owners_are_named_and_nothing_is_changed(environment: RealEnvironment) -> None:
    environment.uv_install("wants-newer")
    give_to(SOMEONE, environment.path)
    subprocess.run(["chown", "-R", str(NUMBER_ONLY), environment.path / "etc/hac"], check=True)
    done = environment.restore()
    assert done.status == 10
    assert str(environment.path / "etc/hac") in done.err
    assert f"{environment.path} is nobody's" in done.err
    assert "chown" in done.err
    assert environment.finding_ids() == {"torch-replaced"}


def test_a_store_that_only_root_may_enter(environment: RealEnvironment) -> None:
    """The wheels are handed over open; the store stays closed, and unpacked copies are not linked to."""
    assert environment.here("vendor", "unpack", "--prefix", str(environment.path)).status == 0
    environment.uv_install("wants-newer")
    give_to(SOMEONE, environment.path)
    store = Path(environment.variables["HAC_STORE"])
    store.chmod(0o700)
    for wheel in store.rglob("*.whl"):
        wheel.chmod(0o600)
    done = environment.restore()
    assert done.status == 0, done.err
    assert list_owners(environment.path) == {SOMEONE}
    assert (environment.site_packages / "torch/version.py").stat().st_nlink == 1
    assert list_owners(store) == {0}


def test_a_repair_of_single_files(environment: RealEnvironment) -> None:
    (environment.site_packages / "torch/cuda.py").unlink()
    give_to(SOMEONE, environment.path)
    done = environment.restore()
    assert done.status == 0, done.err
    assert "repair" in done.out
    assert list_owners(environment.path) == {SOMEONE}


def test_a_pin_is_written_as_the_owner(environment: RealEnvironment, release: Path) -> None:
    (environment.path / "etc/hac/pin.toml").unlink()
    give_to(SOMEONE, environment.path)
    done = environment.restore("--vendor", str(release))
    assert done.status == 0, done.err
    assert list_owners(environment.path) == {SOMEONE}


def test_what_root_installed_there_can_be_replaced(environment: RealEnvironment) -> None:
    """`sudo pip install` in a user's environment leaves root's folders in it, in which the user may remove nothing."""
    give_to(SOMEONE, environment.path)
    environment.uv_install("wants-newer")
    assert (environment.site_packages / "torch").stat().st_uid == 0
    done = environment.restore()
    assert done.status == 0, done.err
    assert list_owners(environment.site_packages / "torch") == {SOMEONE}
    assert environment.doctor("--deep")["findings"] == []


def test_roots_folder_below_a_link_is_not_given_away(environment: RealEnvironment, tmp_path: Path) -> None:
    private = tmp_path / "private"
    (private / "inner").mkdir(parents=True)
    environment.uv_install("wants-newer")
    torch = environment.site_packages / "torch"
    (torch / "link").symlink_to(private)
    torch.rename(tmp_path / "torch")
    torch.symlink_to(tmp_path / "torch")
    subprocess.run(["chown", "-h", str(SOMEONE), torch, environment.site_packages, environment.path], check=True)
    environment.restore()
    assert list_owners(private) == {0}
    assert list_owners(tmp_path / "torch") == {0}


def test_a_prefix_that_is_a_link_to_roots_environment(environment: RealEnvironment, tmp_path: Path) -> None:
    """Whoever made the link does not get root's environment changed, nor its folders given away."""
    environment.uv_install("wants-newer")
    give_to(0, environment.path)
    link = tmp_path / "mine"
    link.symlink_to(environment.path)
    os.lchown(link, SOMEONE, SOMEONE)
    done = environment.envtool("restore", "--prefix", str(link))
    assert done.status == 10, done.out
    assert list_owners(environment.path) == {0}
    assert environment.finding_ids() == {"torch-replaced"}


@pytest.mark.parametrize("part", ["lib", "etc"])
def test_a_part_that_is_a_link_to_roots_own(environment: RealEnvironment, tmp_path: Path, part: str) -> None:
    environment.uv_install("wants-newer")
    give_to(SOMEONE, environment.path)
    real = tmp_path / "real"
    (environment.path / part).rename(real)
    subprocess.run(["chown", "-hR", "root", real], check=True)
    (environment.path / part).symlink_to(real)
    os.lchown(environment.path / part, SOMEONE, SOMEONE)
    done = environment.restore()
    assert done.status == 10, done.out
    assert "next:" in done.err
    assert list_owners(real) == {0}


def test_without_the_right_to_change_user(environment: RealEnvironment) -> None:
    """As in a container without CAP_SETUID: an error that says what to run, and nothing is changed."""
    environment.uv_install("wants-newer")
    give_to(SOMEONE, environment.path)
    words = ["capsh", "--drop=cap_setuid", "--", "-c", '"$@"', "sh", sys.executable, "-m", "envtool", "restore"]
    variables = {**os.environ, **environment.variables}
    done = subprocess.run(
        [*words, "--prefix", str(environment.path)], env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 10, done.stderr
    assert "SETUID" in done.stderr
    assert f"--reuid={SOMEONE}" in done.stderr
    assert environment.finding_ids() == {"torch-replaced"}


def note_users(environment: RealEnvironment, tmp_path: Path) -> Path:
    """Have the environment's interpreter note as whom it runs; the folder of the notes."""
    seen = tmp_path / "seen"
    seen.mkdir()
    # Python runs it at every start.
    hook = f"import os; open(f'{seen}/{{os.getpid()}}', 'w').write(str(os.geteuid()))\n"
    (environment.site_packages / "hook.pth").write_text(hook)
    return seen


def test_install_runs_nothing_of_the_owners_as_root(environment: RealEnvironment, tmp_path: Path) -> None:
    """uv runs the environment's interpreter, and that a build back end; both are the owner's to write."""
    make_usable(environment)
    seen = note_users(environment, tmp_path)
    give_to(SOMEONE, environment.path)
    give_to(SOMEONE, seen)
    let_everybody_read(environment.wheels)
    words = ["--no-index", "--find-links", str(environment.wheels)]
    done = environment.envtool("install", "--prefix", str(environment.path), *words, "harmless")
    assert done.status == 0, done.err
    assert "added    harmless 1.0" in done.out
    assert {path.read_text() for path in seen.iterdir()} == {str(SOMEONE)}
    assert list_owners(environment.path) == {SOMEONE}
    assert environment.doctor()["findings"] == []


def test_check_runs_nothing_of_the_owners_as_root(environment: RealEnvironment, tmp_path: Path) -> None:
    make_usable(environment)
    seen = note_users(environment, tmp_path)
    give_to(SOMEONE, environment.path)
    give_to(SOMEONE, seen)
    let_everybody_read(environment.wheels)
    (tmp_path / "requirements.txt").write_text(f"--no-index\n--find-links {environment.wheels}\nwants-any\n")
    done = environment.envtool("check", "--prefix", str(environment.path), str(tmp_path / "requirements.txt"))
    assert done.status == 0, done.out + done.err
    users = {path.read_text() for path in seen.iterdir()}
    assert users == {str(SOMEONE)}


def test_a_probe_runs_as_the_owner(environment: RealEnvironment, tmp_path: Path) -> None:
    make_usable(environment)
    seen = note_users(environment, tmp_path)
    give_to(SOMEONE, environment.path)
    give_to(SOMEONE, seen)
    environment.envtool("doctor", "--probe", "--prefix", str(environment.path))
    assert {path.read_text() for path in seen.iterdir()} == {str(SOMEONE)}


def test_a_model_runs_as_the_owner(environment: RealEnvironment, tmp_path: Path) -> None:
    make_usable(environment)
    seen = note_users(environment, tmp_path)
    give_to(SOMEONE, environment.path)
    give_to(SOMEONE, seen)
    done = environment.envtool("models", "run", "resnet", "--prefix", str(environment.path))
    assert {path.read_text() for path in seen.iterdir()} == {str(SOMEONE)}, done.err
    assert "ermission denied" not in done.out + done.err


def test_the_child_has_given_everything_up() -> None:
    def work(_report: object) -> bool:
        assert os.getresuid() == (SOMEONE,) * 3
        assert os.getresgid() == (SOMEONE,) * 3
        assert os.getgroups() == [SOMEONE]
        with pytest.raises(PermissionError):
            os.setresuid(0, 0, 0)
        with pytest.raises(PermissionError):
            Path("/etc/shadow").read_bytes()
        assert not os.environ["HOME"].startswith("/root")
        return True

    assert run_as_owner(OWNER, work)
    assert os.geteuid() == 0


def test_secrets_of_roots_stay_roots(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HAC_VENDOR_PASSWORD", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "XDG_CACHE_HOME", "UV_CACHE_DIR"):
        monkeypatch.setenv(name, "/root/x")
    monkeypatch.setenv("UV_INDEX_CORP_PASSWORD", "for uv")
    monkeypatch.setenv("TORCH_CUDA_ARCH_LIST", "8.0")
    kept = OWNER.adapt_variables(os.environ)
    assert "/root/x" not in kept.values()
    assert (kept["UV_INDEX_CORP_PASSWORD"], kept["TORCH_CUDA_ARCH_LIST"]) == ("for uv", "8.0")


def test_errors_come_out_as_themselves() -> None:
    def work(_report: object) -> None:
        raise HashError("the wheel is another", why="its sha256", remedy="fetch it")

    with pytest.raises(HashError) as caught:
        run_as_owner(OWNER, work)
    assert (caught.value.what, caught.value.why, caught.value.remedy) == (
        "the wheel is another",
        "its sha256",
        "fetch it",
    )


def test_progress_comes_through() -> None:
    seen: list[tuple[str, int, int]] = []

    def work(report: object) -> None:
        for number in range(3):
            report("torch", number, 3)  # type: ignore[operator]

    run_as_owner(OWNER, work, lambda name, done, total: seen.append((name, done, total)))
    assert seen == [("torch", 0, 3), ("torch", 1, 3), ("torch", 2, 3)]


def test_a_killed_child_is_an_error_that_says_so() -> None:
    with pytest.raises(RestoreError, match="ended before its work was done"):
        run_as_owner(OWNER, lambda _report: os.kill(os.getpid(), signal.SIGKILL))


def test_the_child_dies_with_its_parent(tmp_path: Path) -> None:
    code = (
        "import os, time; from pathlib import Path; from envtool.transaction.as_owner import run_as_owner\n"
        "from envtool.transaction.owner import Owner\n"
        f"owner = Owner({SOMEONE}, {SOMEONE}, Path('/'))\n"
        "run_as_owner(owner, lambda _report: (print(os.getpid(), flush=True), time.sleep(60)))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.kill()
        # Its end of the pipe closes with it.
        assert process.stdout.read() == ""
    deadline = time.monotonic() + 10
    while _is_running(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _is_running(child)


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def test_an_interrupt_is_handed_to_the_child(environment: RealEnvironment, tmp_path: Path) -> None:
    """The child takes its staging folder away before it ends."""
    marker = tmp_path / "cleaned"
    tmp_path.chmod(0o777)
    give_to(SOMEONE, tmp_path)
    code = (
        "import signal, time; from pathlib import Path; from envtool.transaction.as_owner import run_as_owner\n"
        # A run of tests in the background ignores it, which its programs inherit.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from envtool.transaction.owner import Owner\n"
        "def work(_report):\n"
        "    try:\n"
        "        print('ready', flush=True)\n"
        # In short pieces: a signal that comes as a sleep begins is noticed when it is over.
        "        for _ in range(600): time.sleep(0.1)\n"
        f"    finally: Path({str(marker)!r}).touch()\n"
        f"run_as_owner(Owner({SOMEONE}, {SOMEONE}, Path('/')), work)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.wait(60)
    assert marker.stat().st_uid == SOMEONE
    assert TORCH in environment.doctor()["environment"]["pin"]["distributions"][0]["version"]


def test_who_owns_it(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
    assert find_owner([*folders, tmp_path / "absent"]) is None
    os.chown(folders[1], SOMEONE, 0)
    found = find_owner(folders)
    assert found is not None
    assert (found.uid, found.gid, found.folder) == (SOMEONE, SOMEONE, folders[1])
    assert found.name == "nobody"


def test_a_user_without_a_name_gets_no_group_of_anybodys(tmp_path: Path) -> None:
    """A folder's group may be one that its owner is not in."""
    os.chown(tmp_path, NUMBER_ONLY, 42)
    found = find_owner([tmp_path])
    assert found is not None
    assert (found.gid, found.list_groups(), found.name) == (SOMEONE, [SOMEONE], str(NUMBER_ONLY))
