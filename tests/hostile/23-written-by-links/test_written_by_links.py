"""Where root writes what it was asked to, no link of somebody else's leads it to another place."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from envtool.allowed_folder import open_allowed_folder, open_for_append
from envtool.atomic_file import write_atomic
from envtool.cli.output import write_output
from envtool.errors import EnvtoolError, ModelError, StoreError
from envtool.models.catalog import SAMPLES, copy_sample
from envtool.requirements.write_fixed import take_back
from envtool.wheel.store import FileStore
from tests.support.environment import RealEnvironment
from tests.support.someone import SOMEONE, needs_root


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder as /tmp is, with root's own folder beside it, which is everybody's to enter."""
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        top.chmod(0o755)
        (top / "shared").mkdir()
        (top / "shared").chmod(0o1777)
        (top / "roots").mkdir(mode=0o755)
        (top / "roots/file").write_text("before\n")
        yield top / "shared"


def link_as_someone(link: Path, target: Path) -> None:
    link.symlink_to(target)
    os.lchown(link, SOMEONE, SOMEONE)


@needs_root
def test_a_report_goes_by_no_link_of_somebodys(shared: Path) -> None:
    roots = shared.parent / "roots"
    link_as_someone(shared / "folder", roots)
    with pytest.raises(EnvtoolError) as error:
        write_output(shared / "folder/report.json", "{}")
    assert "may not write" in str(error.value.why)
    assert [path.name for path in roots.iterdir()] == ["file"]
    # In the place of the report itself a link is replaced.
    link_as_someone(shared / "report.json", roots / "file")
    write_output(shared / "report.json", "{}")
    assert (roots / "file").read_text() == "before\n"
    assert not (shared / "report.json").is_symlink()


@needs_root
def test_innocent_links_are_followed(shared: Path) -> None:
    mine = shared / "theirs"
    mine.mkdir()
    os.chown(mine, SOMEONE, SOMEONE)
    link_as_someone(shared / "folder", mine)
    (shared / "own").symlink_to(shared.parent / "roots")
    for folder in ("folder", "own"):
        write_output(shared / folder / "report.json", "{}")
        assert (shared / folder / "report.json").read_text() == "{}"
    os.close(open_for_append(shared / "own/log"))
    (shared / "link").symlink_to(shared.parent / "roots/file")
    os.close(open_for_append(shared / "link"))


@needs_root
@pytest.mark.parametrize("target", ["roots/file", "roots/new"])
def test_a_log_goes_by_no_link_of_somebodys(shared: Path, target: str) -> None:
    link_as_someone(shared / "log.jsonl", shared.parent / target)
    with pytest.raises(OSError, match=r"may not write|symbolic links|Permission denied"):
        open_for_append(shared / "log.jsonl")
    link_as_someone(shared / "folder", shared.parent / "roots")
    with pytest.raises(OSError, match="may not write"):
        open_for_append(shared / "folder/log.jsonl")
    assert [path.name for path in (shared.parent / "roots").iterdir()] == ["file"]
    assert (shared.parent / "roots/file").read_text() == "before\n"


def test_a_log_is_no_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")
    with pytest.raises(OSError, match="no regular file"):
        open_for_append(tmp_path / "log")


@needs_root
@pytest.mark.parametrize("planted", ["sha256", "sha256/XX", "unpacked"])
def test_a_store_is_filled_by_no_link_of_somebodys(shared: Path, planted: str) -> None:
    store = shared / "store"
    store.mkdir()
    store.chmod(0o777)
    wheel = shared.parent / "roots/a-1-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    sha256 = hashlib.sha256(b"wheel").hexdigest()
    place = store / planted.replace("XX", sha256[:2])
    place.parent.mkdir(exist_ok=True)
    before = sorted((shared.parent / "roots").iterdir())
    link_as_someone(place, shared.parent / "roots")
    own = shared.parent / "own"
    files = FileStore(store, own=own)
    if planted == "unpacked":
        with pytest.raises(OSError, match="may not write"), open_allowed_folder(store / "unpacked/x", make=True):
            pass
    else:
        with pytest.raises(StoreError, match="cannot be written"):
            files.add(wheel)
    assert sorted((shared.parent / "roots").iterdir()) == before
    assert files.partial.is_relative_to(own)
    # The twin: a store that a group shares.
    place.unlink()
    assert files.add(wheel).read_bytes() == b"wheel"


def test_what_is_no_file_is_not_replaced(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(EnvtoolError) as error:
            write_output(tmp_path / name, "text")
        assert "no regular file" in str(error.value.why)
    write_output(Path(os.devnull), "text")
    assert Path(os.devnull).is_char_device()
    write_output(Path("/dev/stdout"), "report\n")
    assert "report" in capfd.readouterr().out
    assert Path("/dev/stdout").is_symlink()


def test_the_modes_of_reports(tmp_path: Path) -> None:
    report = tmp_path / "report"
    write_atomic(report, "1")
    assert report.stat().st_mode & 0o777 == 0o644
    report.chmod(0o600)
    write_atomic(report, "2")
    assert report.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["report"]
    with pytest.raises(OSError, match=os.strerror(errno.ENOENT)):
        write_atomic(tmp_path / "nowhere/report", "3")


@needs_root
def test_a_folder_that_is_exchanged_meanwhile(shared: Path) -> None:
    """What was opened stays the folder that is written to."""
    mine = shared / "theirs"
    mine.mkdir()
    with open_allowed_folder(mine) as folder:
        mine.rename(shared / "away")
        link_as_someone(mine, shared.parent / "roots")
        (folder / "new").touch()
    assert (shared / "away/new").exists()
    assert not (shared.parent / "roots/new").exists()


def get_model(folder: Path) -> None:
    copy_sample(SAMPLES[0], folder)


@needs_root
def test_a_model_goes_by_no_link_of_somebodys(shared: Path) -> None:
    link_as_someone(shared / "folder", shared.parent / "roots")
    for place in ("folder/model", "folder/new/model"):
        with pytest.raises(ModelError):
            get_model(shared / place)
    assert [path.name for path in (shared.parent / "roots").iterdir()] == ["file"]


@needs_root
def test_a_model_s_folder_that_is_exchanged(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By one with a link in it, between the making and the opening."""
    make, names = Path.mkdir, [path.name for path in SAMPLES[0].folder.iterdir() if path.is_file()]

    def make_and_exchange(path: Path, *words: object, **more: object) -> None:
        make(path, *words, **more)  # type: ignore[arg-type]
        if path.name == "model":
            path.rmdir()
            make(path)
            for name in names:
                link_as_someone(path / name, shared.parent / "roots/file")
            os.chown(path, SOMEONE, SOMEONE)

    monkeypatch.setattr(Path, "mkdir", make_and_exchange)
    with pytest.raises(ModelError):
        get_model(shared / "model")
    assert (shared.parent / "roots/file").read_text() == "before\n"


@needs_root
def test_an_innocent_model(shared: Path) -> None:
    (shared / "own").symlink_to(shared.parent / "roots")
    get_model(shared / "own/new/model")
    assert (shared.parent / "roots/new/model/train.py").is_file()


@needs_root
def test_what_fixed_files_take_back_is_their_own(environment: RealEnvironment, shared: Path) -> None:
    """While they are proven, their folder may be exchanged for a link."""
    roots = shared.parent / "roots"
    for name in ("requirements.txt", "own"):
        (roots / name).write_text("before")
    link_as_someone(shared / "folder", roots)
    (shared / "own").symlink_to(roots)
    take_back(shared / "folder/requirements.txt")
    take_back(shared / "own/own")
    assert sorted(path.name for path in roots.iterdir()) == ["file", "requirements.txt"]
    # Not even a folder is made by a link.
    (shared / "requirements.txt").write_text("torch==2.0\n")
    out = str(shared / "folder/new/deep")
    words = ("check", "--prefix", str(environment.path), str(shared / "requirements.txt"), "--write-fixed", out)
    assert environment.here(*words).status not in {0, 1}
    assert not (roots / "new").exists()


@needs_root
def test_completion_is_not_written_into_somebodys_home(environment: RealEnvironment, shared: Path) -> None:
    home = shared / "home"
    home.mkdir()
    link_as_someone(home / ".bashrc", shared.parent / "roots/file")
    os.chown(home, SOMEONE, SOMEONE)
    environment.variables.update(HOME=str(home), _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    done = environment.envtool("--install-completion", "bash")
    assert done.status == 3
    assert "next: envtool --show-completion" in done.err
    assert (shared.parent / "roots/file").read_text() == "before\n"
    own = shared.parent / "own"
    own.mkdir()
    environment.variables["HOME"] = str(own)
    assert environment.envtool("--install-completion", "bash").status == 0
    assert "envtool" in (own / ".bashrc").read_text()
