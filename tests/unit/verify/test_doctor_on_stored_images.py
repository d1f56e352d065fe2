"""`envtool doctor --image` on what no engine has: folders, archives, and a registry's images."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envtool.demo.vendor_release import make_release_contents
from envtool.demo.wheel_writer import write_wheel
from tests.support.forked import run_forked
from tests.support.image_layout import Files, Layout, registry

PREFIX = "opt/conda/envs/pytorch"
SITE = f"{PREFIX}/lib/python3.11/site-packages"


def unpacked(folder: Path) -> Files:
    """The stand-in release in a conda environment."""
    files: dict[str, bytes] = {f"{PREFIX}/conda-meta/history": b"", f"{PREFIX}/bin/python": b"\x7fELF Py_BytesMain"}
    for content in make_release_contents((3, 11)):
        with zipfile.ZipFile(io.BytesIO(write_wheel(content, folder).read_bytes())) as wheel:
            files |= {f"{SITE}/{name}": wheel.read(name) for name in wheel.namelist()}
    return files


@pytest.fixture
def layout(tmp_path: Path) -> Callable[..., Layout]:
    """An image of the release and further layers."""

    def make(*layers: Files) -> Layout:
        made = Layout()
        made.image([unpacked(tmp_path), *layers], settings={"Env": [f"PATH=/{PREFIX}/bin:/usr/bin"]})
        return made

    return make


def diagnose(reference: str) -> tuple[int, dict[str, Any]]:
    status, out, _err = run_forked(["doctor", "--format", "json", "--image", reference], dict(os.environ))
    return status, json.loads(out)


LOST: Files = {f"{SITE}/torch/version.py": b"__version__ = '2.5.0'\n"}


@pytest.mark.parametrize(("layers", "status"), [((), 0), ((LOST,), 1)], ids=["whole", "changed"])
def test_an_image_in_a_folder_and_in_an_archive(
    layout: Callable[..., Layout], tmp_path: Path, layers: tuple[Files, ...], status: int
) -> None:
    image = layout(*layers)
    folder, archive = image.write(tmp_path / "image"), image.archive(tmp_path / "image.tar")
    found = [diagnose(reference) for reference in (str(folder), f"oci:{folder}", f"oci-archive:{archive}")]
    assert [item[0] for item in found] == [status] * 3
    kinds = [[finding["id"] for finding in item[1]["findings"]] for item in found]
    assert kinds == [["torch-files-changed"] if status else []] * 3


def test_an_image_in_a_registry(layout: Callable[..., Layout]) -> None:
    with registry(layout(), "team/app") as address:
        status, document = diagnose(f"docker://{address}:latest")
    assert status == 0
    assert document["status"] == "healthy"


def test_only_an_engine_has_contents_to_hash(layout: Callable[..., Layout], tmp_path: Path) -> None:
    folder = layout().write(tmp_path / "image")
    status, _out, err = run_forked(["doctor", "--deep", "--image", str(folder)], dict(os.environ))
    assert status == 2
    assert "docker load" in err
