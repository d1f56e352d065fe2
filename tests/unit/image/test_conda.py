"""conda-lock through our solver program, a channel over HTTP, and packages linked into a tree: all real, all small."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from envtool.errors import HashError, LockError, SourceError
from envtool.image.inputs.fetch_inputs import _make_conda_package
from envtool.image.layers.conda_prefix import link_packages
from envtool.image.lock.conda_lock import LockedPackage, lock_environment, read_packages
from envtool.wheel.store import FileStore
from tests.support.conda_channel import index_channel, write_package
from tests.support.http_server import serve_folder

CHANNEL = "https://channel.invalid/test"
PREFIX = Path("/opt/conda/envs/pytorch")


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("channel")
    write_package(folder, "library", "1.0", [], {"lib/old.txt": "1.0"})
    write_package(folder, "library", "1.6", [], {"lib/library.txt": "1.6"})
    write_package(folder, "library", "2.0", [], {"lib/library.txt": "2.0"})
    write_package(folder, "program", "3.0", ["library >=1.5"], {"bin/program": "#!/placeholder/bin/python\n"})
    index_channel(folder)
    return folder


@pytest.fixture
def served_channel(channel: Path) -> Iterator[str]:
    with serve_folder(channel) as address:
        yield address


def environment_file(folder: Path, *specs: str) -> Path:
    path = folder / "environment.yml"
    lines = ["channels:", f"  - {CHANNEL}", "platforms:", "  - linux-64", "dependencies:", *(f"  - {s}" for s in specs)]
    path.write_text("\n".join([*lines, ""]))
    return path


def test_locked_fetched_over_http_and_linked(channel: Path, served_channel: str, tmp_path: Path) -> None:
    text = lock_environment(environment_file(tmp_path, "program"), {CHANNEL: served_channel})
    packages = {package.name: package for package in read_packages(text)}
    assert {name: package.version for name, package in packages.items()} == {"library": "2.0", "program": "3.0"}
    assert packages["program"].url == f"{CHANNEL}/linux-64/program-3.0-0.tar.bz2"
    assert "127.0.0.1" not in text
    assert str(tmp_path) not in text

    store = FileStore(tmp_path / "store")
    files = {item: _make_conda_package(item, {CHANNEL: served_channel}, store) for item in packages.values()}
    root = tmp_path / "root"
    link_packages(files, root, PREFIX, tmp_path / "cache")
    linked = root / PREFIX.relative_to("/")
    assert (linked / "bin/program").read_text() == f"#!{PREFIX}/bin/python\n"
    assert (linked / "lib/library.txt").read_text() == "2.0"
    records = "".join(path.read_text() for path in (linked / "conda-meta").glob("*.json"))
    assert str(tmp_path) not in records
    assert "hac-rattler" not in records


def test_packages_that_are_kept_stay_at_their_versions(channel: Path, tmp_path: Path) -> None:
    path = environment_file(tmp_path, "program")

    def versions(*keep: LockedPackage) -> dict[str, str]:
        text = lock_environment(path, {CHANNEL: channel.as_uri()}, keep=keep)
        return {package.name: package.version for package in read_packages(text)}

    assert versions(LockedPackage(name="library", version="1.6", url="", sha256="", md5="")) == {
        "library": "1.6",
        "program": "3.0",
    }
    # What is not needed is not asked for either.
    unneeded = LockedPackage(name="other", version="1.0", url="", sha256="", md5="")
    assert versions(unneeded) == {"library": "2.0", "program": "3.0"}
    with pytest.raises(LockError):
        versions(LockedPackage(name="library", version="1.0", url="", sha256="", md5=""))


def test_no_solution_is_said_in_the_solvers_words(channel: Path, tmp_path: Path) -> None:
    path = environment_file(tmp_path, "program", "library <1.5")
    with pytest.raises(LockError, match=r"could not lock environment\.yml") as caught:
        lock_environment(path, {CHANNEL: channel.as_uri()})
    assert "library" in caught.value.why
    assert "Traceback" not in caught.value.render()


def test_a_channel_that_is_down(tmp_path: Path) -> None:
    with pytest.raises(LockError, match="a channel cannot be reached") as caught:
        lock_environment(environment_file(tmp_path, "program"), {CHANNEL: "http://127.0.0.1:9"})
    assert "where the channel can be reached" in caught.value.remedy


def test_a_package_that_is_not_the_locked_one(channel: Path, served_channel: str, tmp_path: Path) -> None:
    wrong = LockedPackage(
        name="library", version="2.0", url=f"{CHANNEL}/linux-64/library-2.0-0.tar.bz2", sha256="00" * 32, md5="00" * 16
    )
    store = FileStore(tmp_path / "store")
    with pytest.raises(HashError):
        _make_conda_package(wrong, {CHANNEL: served_channel}, store)
    gone = LockedPackage(
        name="library", version="9", url=f"{CHANNEL}/linux-64/library-9-0.tar.bz2", sha256="00" * 32, md5="00" * 16
    )
    with pytest.raises(SourceError, match="cannot be fetched"):
        _make_conda_package(gone, {CHANNEL: served_channel}, store)
    with pytest.raises(LockError, match="no longer has"):
        _make_conda_package(gone, {CHANNEL: channel.as_uri()}, store)
    assert [path for path in store.root.rglob("*") if path.is_file()] == []
