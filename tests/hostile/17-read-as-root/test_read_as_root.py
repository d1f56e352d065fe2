"""What is somebody's in an environment leads root to nothing that this somebody may not read.

Whether a file was read is told by the file system itself: by the time of the last access.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from envtool.environment.pth import read_pth
from envtool.regular_file import read_regular_file
from tests.support.environment import RealEnvironment
from tests.support.someone import NUMBER_ONLY, SOMEONE, give_to, needs_root

pytestmark = needs_root

SECRET = "sentinel-of-root"
# What somebody may have read before, the metadata of another project: each reader takes it for its own format.
CONTENT = f"""Metadata-Version: 2.1
Name: {SECRET}
Version: 9.9+{SECRET}
Requires-Dist: {SECRET}==1
{SECRET}/data,sha256=AAAA,1
"""


def make_secret(folder: Path, content: str = CONTENT) -> Path:
    folder.mkdir(mode=0o700)
    path = folder / "secret"
    path.write_text(content)
    path.chmod(0o600)
    return path


def was_read(path: Path) -> bool:
    """Whether it was read since `forget_reads`."""
    return path.stat().st_atime > 1


def forget_reads(path: Path) -> None:
    # Older than the content: else `relatime` leaves it as it is.
    os.utime(path, (1, path.stat().st_mtime))
    path.read_bytes()
    if not was_read(path):
        pytest.skip("this file system keeps no times of access")
    os.utime(path, (1, path.stat().st_mtime))


def link(path: Path, target: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)


COMMANDS = [
    ("doctor", "--format", "json"),
    ("doctor", "--deep"),
    ("restore", "--dry-run"),
    ("restore", "--dry-run", "--force", "--format", "json"),
    ("install", "--dry-run", "--no-index", "harmless"),
    ("list",),
    ("vendor", "show"),
    ("protect", "--undo"),
    ("protect", "--dry-run"),
    ("protect",),
    ("protect", "--undo"),
]
PLACES = [
    "SITE/torch-*.dist-info/METADATA",
    "SITE/torch-*.dist-info/RECORD",
    "SITE/torch-*.dist-info/INSTALLER",
    "SITE/torch-*.dist-info/entry_points.txt",
    "SITE/torch-*.dist-info/direct_url.json",
    "SITE/torch/version.py",
    "SITE/torch/cuda.py",
    "SITE/extra.pth",
    "SITE/odd.dist-info/METADATA",
    "SITE/odd.egg-info",
    "etc/hac/pin.toml",
    "etc/hac/history.jsonl",
    "pyvenv.cfg",
    "pip.conf",
    "uv.toml",
    "bin/activate",
    "etc/hac/protect.json",
    "etc/hac/constraints.txt",
]


@pytest.mark.parametrize("place", PLACES)
def test_no_command_reads_through_somebodys_link(environment: RealEnvironment, tmp_path: Path, place: str) -> None:
    secret = make_secret(tmp_path / "private")
    named = environment.path / place.replace("SITE", str(environment.site_packages))
    (folder,) = named.parent.parent.glob(named.parent.name) if "*" in place else (named.parent,)
    folder.mkdir(exist_ok=True)
    link(folder / named.name, secret)
    give_to(SOMEONE, environment.path)
    (tmp_path / "private").chmod(0o700)
    forget_reads(secret)
    for command in COMMANDS:
        done = environment.here(command[0], *command[1:2], "--prefix", str(environment.path), *command[2:])
        assert SECRET not in done.out + done.err, command
        assert not was_read(secret), command


@pytest.mark.parametrize("folder", ["torch-1.7.1+cu110.moreh22.8.0.dist-info", "torch"])
def test_folders_that_are_links(environment: RealEnvironment, tmp_path: Path, folder: str) -> None:
    """The file has its own name, but the folder is elsewhere."""
    secret = make_secret(tmp_path / "private")
    for name in ("METADATA", "RECORD", "version.py", "__init__.py"):
        (secret.parent / name).hardlink_to(secret)
    place = environment.site_packages / folder
    place.rename(tmp_path / "before")
    place.symlink_to(secret.parent)
    give_to(SOMEONE, environment.path)
    secret.parent.chmod(0o700)
    forget_reads(secret)
    for command in COMMANDS:
        done = environment.here(command[0], *command[1:2], "--prefix", str(environment.path), *command[2:])
        assert SECRET not in done.out + done.err, command
        assert not was_read(secret), command


def test_words_that_lead_to_roots_folder(environment: RealEnvironment, tmp_path: Path) -> None:
    """An `.egg-link` and a `.pth` file name folders without any link."""
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    record = private / "torch-9.9.dist-info"
    record.mkdir()
    egg = private / "project.egg-info"
    egg.mkdir()
    for path in (record / "METADATA", egg / "PKG-INFO"):
        path.write_text(CONTENT)
    (environment.site_packages / "project.egg-link").write_text(f"{private}\n")
    (environment.site_packages / "project.pth").write_text(f"import sys; sys.path.insert(0, '{private}')\n{private}\n")
    give_to(SOMEONE, environment.path)
    private.chmod(0o700)
    for path in (record / "METADATA", egg / "PKG-INFO"):
        forget_reads(path)
    for command in COMMANDS:
        done = environment.here(command[0], *command[1:2], "--prefix", str(environment.path), *command[2:])
        assert SECRET not in done.out + done.err, command
    assert not was_read(record / "METADATA")
    assert not was_read(egg / "PKG-INFO")


def test_a_chain_of_links_is_as_good_as_its_worst(tmp_path: Path) -> None:
    """Root's own links before and after somebody's; and somebody's link to root's link."""
    secret = make_secret(tmp_path / "private")
    theirs, roots = tmp_path / "theirs", tmp_path / "roots"
    for folder in (theirs, roots):
        folder.mkdir()
    (theirs / "inner").symlink_to(roots / "last")
    (roots / "last").symlink_to(secret)
    (roots / "first").symlink_to(theirs / "inner")
    give_to(SOMEONE, theirs)
    secret.parent.chmod(0o700)
    assert read_regular_file(roots / "last").decode() == CONTENT
    for path in (theirs / "inner", roots / "first", tmp_path / "roots/../theirs/inner"):
        with pytest.raises(PermissionError):
            read_regular_file(path)


def test_roots_link_that_somebody_moved_is_somebodys(tmp_path: Path) -> None:
    secret = make_secret(tmp_path / "private")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "link").symlink_to("../private/secret")
    os.chown(theirs, SOMEONE, SOMEONE)
    assert (theirs / "link").lstat().st_uid == 0
    with pytest.raises(PermissionError):
        read_regular_file(theirs / "link")
    assert secret.stat().st_uid == 0


def test_innocent_links_are_followed(environment: RealEnvironment, tmp_path: Path) -> None:
    """An environment on shared storage: what its owner's links lead to, and root's that all see."""
    shared = tmp_path / "shared"
    shared.mkdir()
    torch = environment.site_packages / "torch"
    torch.rename(shared / "torch")
    torch.symlink_to(shared / "torch")
    (record,) = environment.site_packages.glob("torch-*.dist-info")
    (record / "METADATA").rename(shared / "METADATA")
    (record / "METADATA").symlink_to(shared / "METADATA")
    give_to(SOMEONE, environment.path)
    give_to(SOMEONE, shared / "METADATA")
    (shared / "METADATA").chmod(0o600)
    assert environment.doctor("--deep")["findings"] == []


def test_innocent_links_of_roots_own(tmp_path: Path) -> None:
    """Root's environment behind root's link, a closed one: nobody else had a hand in it."""
    secret = make_secret(tmp_path / "private")
    (tmp_path / "current").symlink_to("private")
    assert read_regular_file(tmp_path / "current/secret").decode() == CONTENT
    assert read_regular_file(f"{tmp_path}/current/../private/./secret").decode() == CONTENT
    assert secret.stat().st_mode & 0o777 == 0o600


def test_innocent_way_up_behind_a_link(tmp_path: Path) -> None:
    """Above a link is not what is above the folder that it leads to."""
    (tmp_path / "a/b/c").mkdir(parents=True)
    (tmp_path / "a/b/file").write_text("beside c")
    (tmp_path / "link").symlink_to("a/b/c")
    assert read_regular_file(f"{tmp_path}/link/../file") == b"beside c"
    os.lchown(tmp_path / "link", SOMEONE, SOMEONE)
    (tmp_path / "a").chmod(0o700)
    with pytest.raises(PermissionError):
        read_regular_file(f"{tmp_path}/link/../file")


def test_innocent_pth_that_names_nothing(tmp_path: Path) -> None:
    (tmp_path / "old.pth").write_text("/srv/that/was/removed\n")
    os.chown(tmp_path / "old.pth", SOMEONE, SOMEONE)
    content = read_pth(tmp_path / "old.pth")
    assert content is not None
    assert content.folders == ("/srv/that/was/removed",)


def test_innocent_groups(tmp_path: Path) -> None:
    """A file that its group may read, for the maker of the link, who is in it as the owner's group only."""
    (tmp_path / "file").write_text("for the group")
    os.chown(tmp_path / "file", 0, NUMBER_ONLY)
    (tmp_path / "file").chmod(0o640)
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "link").symlink_to(tmp_path / "file")
    give_to(SOMEONE, theirs)
    with pytest.raises(PermissionError):
        read_regular_file(theirs / "link")
    os.chown(tmp_path / "file", 0, SOMEONE)
    assert read_regular_file(theirs / "link") == b"for the group"


def test_what_root_left_closed_in_somebodys_environment_is_read(environment: RealEnvironment) -> None:
    """`sudo pip install` under a umask of 077: no link leads there, and the file is the environment's."""
    (record,) = environment.site_packages.glob("torch-*.dist-info")
    give_to(SOMEONE, environment.path)
    for name in ("RECORD", "METADATA"):
        os.chown(record / name, 0, 0)
        (record / name).chmod(0o600)
    done = environment.here("doctor", "--prefix", str(environment.path), "--format", "json")
    assert json.loads(done.out)["findings"] == []
