"""What envtool keeps for itself is nobody else's to read, and what somebody else wrote there is not believed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from envtool.private_folder import is_private, make_private_folder
from tests.support.environment import RealEnvironment

NOBODY = 65534
# Seconds after which what was installed counts as old enough to be kept.
_SETTLED = 3
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="giving files to somebody else takes root")


@pytest.fixture
def no_umask() -> Iterator[None]:
    """A umask that keeps nobody from anything."""
    before = os.umask(0)
    yield
    os.umask(before)


def _cache(environment: RealEnvironment) -> Path:
    return environment.path.parent / "home/.cache/hac-envtool"


def test_the_cache_is_for_this_user_alone(environment: RealEnvironment, no_umask: None) -> None:
    assert environment.envtool("doctor", "--prefix", str(environment.path)).status == 0
    folders = [_cache(environment), _cache(environment) / "doctor"]
    assert [path.stat().st_mode & 0o777 for path in folders] == [0o700, 0o700]
    assert all(path.stat().st_mode & 0o077 == 0 for path in folders[1].iterdir())


def test_an_older_cache_that_was_open_is_closed(environment: RealEnvironment) -> None:
    _cache(environment).mkdir(parents=True, mode=0o777)
    _cache(environment).chmod(0o777)
    assert environment.envtool("doctor", "--prefix", str(environment.path)).status == 0
    assert _cache(environment).stat().st_mode & 0o777 == 0o700


@as_root
@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_another_user_wrote_is_not_read(environment: RealEnvironment, what: str) -> None:
    """A file of a size that is right, in a folder that has not changed: the cache is what would call it intact."""
    caches = environment.path.parent / "caches"
    environment.variables["XDG_CACHE_HOME"] = str(caches)
    time.sleep(_SETTLED)
    assert environment.envtool("doctor", "--prefix", str(environment.path)).status == 0
    (cache,) = (caches / "hac-envtool/doctor").glob("*.json")
    header = environment.site_packages / "torch/version.py"
    header.write_bytes(bytes(header.stat().st_size))
    assert environment.envtool("doctor", "--deep", "--prefix", str(environment.path)).status == 1
    os.chown(cache if what == "file" else cache.parent, NOBODY, NOBODY)
    cache.write_text('{"version": 2, "entries": "damaged on purpose"}')
    environment.envtool("doctor", "--prefix", str(environment.path))
    if what == "folder":
        assert "on purpose" in cache.read_text(), "nothing is written where another user is at home"
    else:
        assert cache.stat().st_uid == 0, "it is replaced by one of this user's own"


@as_root
def test_root_behind_sudo_does_not_use_the_callers_home(environment: RealEnvironment) -> None:
    home = environment.path.parent / "home"
    os.chown(home, NOBODY, NOBODY)
    assert environment.envtool("doctor", "--prefix", str(environment.path)).status == 0
    assert not (home / ".cache").exists()


def _add_source(environment: RealEnvironment, release: Path) -> Path:
    done = environment.envtool("vendor", "add", str(release))
    assert done.status == 0, done.err
    return environment.path.parent / "home/config/hac-envtool/sources.toml"


def test_the_sources_are_this_users(environment: RealEnvironment, release: Path, no_umask: None) -> None:
    path = _add_source(environment, release)
    assert path.stat().st_mode & 0o777 == 0o600


def test_sources_that_anybody_can_write_are_refused(environment: RealEnvironment, release: Path) -> None:
    path = _add_source(environment, release)
    path.chmod(0o666)
    done = environment.envtool("vendor", "list")
    assert done.status != 0
    assert f"chmod go-w {path}" in done.err
    path.chmod(0o644)
    assert environment.envtool("vendor", "list").status == 0


@as_root
def test_sources_of_another_user_are_refused(environment: RealEnvironment, release: Path) -> None:
    os.chown(_add_source(environment, release), NOBODY, NOBODY)
    done = environment.envtool("vendor", "list")
    assert done.status != 0
    assert "others than this user and root can write it" in done.err


class TestIsPrivate:
    """Whose is a file? The rules by themselves."""

    def test_ones_own(self, tmp_path: Path) -> None:
        (tmp_path / "a").touch()
        assert is_private(tmp_path / "a")

    def test_missing(self, tmp_path: Path) -> None:
        assert not is_private(tmp_path / "a")

    def test_below_a_folder_that_all_can_write(self, tmp_path: Path) -> None:
        (tmp_path / "open/inner").mkdir(parents=True)
        (tmp_path / "open").chmod(0o777)
        assert not is_private(tmp_path / "open/inner")

    def test_below_a_sticky_one_as_tmp_is(self, tmp_path: Path) -> None:
        (tmp_path / "open/inner").mkdir(parents=True)
        (tmp_path / "open").chmod(0o1777)
        assert is_private(tmp_path / "open/inner")

    def test_behind_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "open").mkdir()
        (tmp_path / "open").chmod(0o777)
        (tmp_path / "open/a").touch()
        (tmp_path / "link").symlink_to("open/a")
        assert not is_private(tmp_path / "link")

    def test_below_a_folder_that_only_this_user_enters(self, tmp_path: Path) -> None:
        (tmp_path / "closed/open").mkdir(parents=True, mode=0o777)
        (tmp_path / "closed/open").chmod(0o777)
        (tmp_path / "closed").chmod(0o700)
        # The file itself is still one that all can write; a folder below which nobody comes is what counts.
        assert not is_private(tmp_path / "closed/open")
        assert is_private(tmp_path / "closed")

    @as_root
    def test_of_another_user(self, tmp_path: Path) -> None:
        (tmp_path / "a").touch()
        os.chown(tmp_path / "a", NOBODY, NOBODY)
        assert not is_private(tmp_path / "a")

    @as_root
    def test_of_root_for_another_user(self) -> None:
        """What is root's alone is safe for everybody."""
        child = os.fork()
        if child == 0:
            os.setresuid(NOBODY, NOBODY, NOBODY)
            os._exit(0 if is_private(Path("/usr")) else 1)
        assert os.waitpid(child, 0)[1] == 0

    @as_root
    def test_a_folder_of_another_user_is_not_made_private(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        os.chown(tmp_path / "a", NOBODY, NOBODY)
        assert not make_private_folder(tmp_path / "a")

    def test_nor_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "there").mkdir()
        (tmp_path / "link").symlink_to("there")
        assert not make_private_folder(tmp_path / "link")
