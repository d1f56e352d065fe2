"""Pipes, devices, folders, sockets and endless files in the place of files: answered in time, never waited for."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from envtool.errors import ImageError, SourceError, UsageError
from envtool.image.read.layer import CAPTURE_NOTHING
from envtool.image.read.reference import read_image
from envtool.regular_file import open_regular_file, read_regular_file
from envtool.scan.files import FileType, ProgramFile, list_files
from envtool.scan.read_file import read_program_file
from envtool.wheel.name import compute_sha256
from tests.support.environment import TORCH, RealEnvironment
from tests.support.forked import run_forked
from tests.support.image_layout import Layout

# Seconds. What is asked takes a fraction of one.
LIMIT = 60


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def link_to_zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


def link_to_pipe(path: Path) -> None:
    os.mkfifo(f"{path}.pipe")
    path.symlink_to(f"{path.name}.pipe")


def make_huge(path: Path) -> None:
    """Without taking room on the disk."""
    with path.open("wb") as stream:
        stream.truncate(1 << 40)


def make_socket(path: Path) -> None:
    # The path of a socket may have some hundred bytes only.
    with socket.socket(socket.AF_UNIX) as listening:
        folder = os.open(path.parent, os.O_PATH)
        listening.bind(f"/proc/self/fd/{folder}/{path.name}")
        os.close(folder)


def make_folder(path: Path) -> None:
    path.mkdir()


Spoil = Callable[[Path], None]
SPOILS = [make_pipe, link_to_zeros, make_huge, make_folder]
PLACES = [
    f"SITE/torch-{TORCH}.dist-info/RECORD",
    f"SITE/torch-{TORCH}.dist-info/METADATA",
    f"SITE/torch-{TORCH}.dist-info/INSTALLER",
    f"SITE/torch-{TORCH}.dist-info/WHEEL",
    "SITE/torch/version.py",
    "SITE/any.pth",
    "SITE/any.egg-link",
    "SITE/any.egg-info",
    "SITE/distutils-precedence.pth",
    "etc/hac/pin.toml",
    "etc/hac/history.jsonl",
    "conda-meta/history",
    "conda-meta/torch-1-0.json",
    "pip.conf",
]


def put(environment: RealEnvironment, place: str, spoil: Spoil) -> Path:
    path = Path(place.replace("SITE", str(environment.site_packages)))
    path = path if path.is_absolute() else environment.path / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    spoil(path)
    return path


def run(environment: RealEnvironment, *words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    status, out, err = run_forked(words, environment.variables, folder=folder, seconds=LIMIT)
    done = subprocess.CompletedProcess(words, status, out, err)
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.mark.parametrize("spoil", SPOILS)
@pytest.mark.parametrize("place", PLACES)
def test_in_an_environment(environment: RealEnvironment, place: str, spoil: Spoil) -> None:
    put(environment, place, spoil)
    for words in (("doctor", "--deep"), ("list",), ("restore", "--dry-run")):
        run(environment, *words, "--prefix", str(environment.path))


@pytest.mark.parametrize("spoil", SPOILS)
def test_pin_is_an_error_that_says_so(environment: RealEnvironment, spoil: Spoil) -> None:
    put(environment, "etc/hac/pin.toml", spoil)
    done = run(environment, "doctor", "--prefix", str(environment.path))
    assert done.returncode > 2
    assert "pin.toml cannot be read" in done.stderr


@pytest.mark.parametrize("spoil", SPOILS)
@pytest.mark.parametrize("name", ["hac.toml", "pyproject.toml"])
def test_settings(environment: RealEnvironment, name: str, spoil: Spoil, tmp_path: Path) -> None:
    spoil(tmp_path / name)
    done = run(environment, "doctor", "--prefix", str(environment.path), folder=tmp_path)
    assert f"{name} cannot be read" in done.stderr


@pytest.mark.parametrize("spoil", SPOILS)
@pytest.mark.parametrize(
    "name",
    [
        *("requirements.txt", "pyproject.toml", "pylock.toml", "uv.lock", "poetry.lock", "Pipfile", "Pipfile.lock"),
        *("setup.cfg", "environment.yml", "Dockerfile"),
    ],
)
def test_dependency_file(environment: RealEnvironment, name: str, spoil: Spoil, tmp_path: Path) -> None:
    spoil(tmp_path / name)
    words = ["check", "--torch", TORCH, "--python-version", "3.11", "--static", str(tmp_path / name)]
    done = run(environment, *words)
    assert done.returncode > 1


@pytest.mark.parametrize("spoil", SPOILS)
def test_included_requirements(environment: RealEnvironment, spoil: Spoil, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("-r other.txt\n")
    spoil(tmp_path / "other.txt")
    words = ["check", "--torch", TORCH, "--python-version", "3.11", "--static", str(tmp_path / "requirements.txt")]
    done = run(environment, *words)
    # There is nothing else in the file that could be judged.
    assert done.returncode == 17
    assert "other.txt" in done.stderr


@pytest.mark.parametrize("spoil", SPOILS)
@pytest.mark.parametrize("name", ["index.json", "oci-layout", "blobs/sha256/" + "0" * 64])
def test_image_layout(environment: RealEnvironment, name: str, spoil: Spoil, tmp_path: Path) -> None:
    descriptor = {"digest": "sha256:" + "0" * 64, "size": 1}
    (tmp_path / "blobs/sha256").mkdir(parents=True)
    (tmp_path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (tmp_path / "index.json").write_text(json.dumps({"manifests": [descriptor]}))
    (tmp_path / name).unlink(missing_ok=True)
    spoil(tmp_path / name)
    done = run(environment, "blame", str(tmp_path))
    assert done.returncode > 2


@pytest.mark.parametrize("spoil", SPOILS)
def test_sources(environment: RealEnvironment, spoil: Spoil) -> None:
    path = Path(environment.variables["XDG_CONFIG_HOME"]) / "hac-envtool/sources.toml"
    path.parent.mkdir(parents=True)
    spoil(path)
    environment.variables.pop("HAC_VENDOR")
    run(environment, "vendor", "list")


@pytest.mark.parametrize("spoil", [*SPOILS, link_to_pipe, make_socket])
def test_reader(spoil: Spoil, tmp_path: Path) -> None:
    spoil(tmp_path / "file")
    with pytest.raises(OSError, match=r"regular|larger|directory"):
        read_regular_file(tmp_path / "file", 1 << 20)


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 200_000])
def test_reader_on_files(size: int, tmp_path: Path) -> None:
    """The innocent twin."""
    data = os.urandom(size)
    (tmp_path / "file").write_bytes(data)
    (tmp_path / "link").symlink_to("file")
    assert read_regular_file(tmp_path / "file", size) == data
    assert read_regular_file(tmp_path / "link", size) == data
    if size:
        with pytest.raises(OSError, match="larger"):
            read_regular_file(tmp_path / "file", size - 1)


def test_reader_on_files_of_the_kernel() -> None:
    """Whose size is said to be 0."""
    assert read_regular_file("/proc/self/status")


def test_handle_is_closed_where_it_is_refused(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")  # noqa: PTH208
    with pytest.raises(OSError, match="directory"):
        open_regular_file(tmp_path)
    assert os.listdir("/proc/self/fd") == before  # noqa: PTH208


def test_a_pipe_in_the_place_of_an_archive(tmp_path: Path) -> None:
    pipe = tmp_path / "a-1-py3-none-any.whl"
    os.mkfifo(pipe)
    for name in (str(pipe), f"oci-archive:{pipe}", f"docker-archive:{pipe}:x", os.devnull, "/dev/zero"):
        with pytest.raises(ImageError, match="cannot be read"):
            read_image(name, CAPTURE_NOTHING, project=tmp_path)
    with pytest.raises(SourceError, match="cannot be read"):
        compute_sha256(pipe)


def test_an_innocent_pipe_of_the_shells(tmp_path: Path) -> None:
    layout = Layout()
    layout.image([{"etc/hostname": b"x"}])
    archive = tmp_path / "image.tar"
    layout.archive(archive)
    with subprocess.Popen(["cat", archive], stdout=subprocess.PIPE) as cat:
        assert cat.stdout is not None
        image = read_image(f"/dev/fd/{cat.stdout.fileno()}", CAPTURE_NOTHING, project=tmp_path)
    assert len(image.layers) == 1


def test_a_program_that_nobody_wrote_by_hand(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text("x = 1\n" * 200_000)
    (tmp_path / "short.py").write_text("x = 1\n")
    for name, count in (("long.py", 1), ("short.py", 0)):
        read = read_program_file(ProgramFile(tmp_path / name, FileType.PYTHON, tmp_path), "1.7.1")
        assert [item.why for item in read.unread] == ["it is larger than 1 MiB"] * count


def test_a_program_that_is_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "train.py")
    with pytest.raises(UsageError, match="cannot be read"):
        list_files([tmp_path / "train.py"], (), None)
    # In a folder it is none of the files that somebody asked for.
    assert list_files([tmp_path], (), None) == []
