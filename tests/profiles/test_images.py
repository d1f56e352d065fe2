"""Images of other vendors: `verify` and `blame` from an archive and from a registry."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from envtool.image.blame.blame_image import BlameRequest, blame_image
from envtool.verify.result import ImageCheck
from envtool.verify.verify_images import VerifyRequest, verify_images
from tests.support.image_layout import Files, Layout, registry

SITE = "usr/local/lib/python3.12/site-packages"
PYTHON: dict[str, bytes | str | None] = {
    "usr/local/bin/python3.12": b"\x7fELF Py_BytesMain",
    "usr/local/bin/python3": "->python3.12",
    "usr/local/bin/python": "->python3.12",
    f"{SITE}/README": b"",
    "bin/sh": b"\x7fELF",
    "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n",
}
SETTINGS = {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"], "Cmd": ["/bin/sh"]}


def distribution(
    name: str, version: str, requires: Sequence[str] = (), site: str = SITE
) -> dict[str, bytes | str | None]:
    """A distribution's files, with a RECORD that is right."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {line}\n" for line in requires)
    files = {f"{name}/__init__.py": f"__version__ = {version!r}\n".encode(), f"{info}/METADATA": metadata.encode()}
    rows = []
    for path, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        rows.append(f"{path},sha256={digest},{len(data)}\n")
    files[f"{info}/RECORD"] = "".join([*rows, f"{info}/RECORD,,\n"]).encode()
    files[f"{info}/INSTALLER"] = b"pip\n"
    return {f"{site}/{path}": data for path, data in files.items()}


def removal(name: str, version: str) -> dict[str, bytes | str | None]:
    """What a later layer has where it uninstalls that."""
    return {f"{SITE}/.wh.{name}": b"", f"{SITE}/.wh.{name}-{version}.dist-info": b""}


NGC = "2.8.0a0+5228986c39.nv25.5"
BASE = {**PYTHON, **distribution("torch", NGC), **distribution("torchvision", "0.22.0a0", ["torch"])}
HISTORY = [{"created_by": "FROM ngc"}, {"created_by": "RUN pip install vllm"}]
REPLACED = {
    **removal("torch", NGC),
    **distribution("torch", "2.7.0"),
    **distribution("vllm", "0.9.0", ["torch==2.7.0"]),
}


def layout_of(layers: Sequence[Files]) -> Layout:
    layout = Layout()
    layout.image(layers, HISTORY[: len(layers)], SETTINGS)
    return layout


def verify(reference: str, folder: Path, *, static: bool = False) -> dict[str, ImageCheck]:
    (result,) = verify_images(VerifyRequest(references=(reference,), project=folder, static=static))
    return {check.name: check for check in result.checks}


@pytest.mark.parametrize("named", ["", "ngc"])
def test_a_whole_image_passes_and_says_what_was_left_out(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HAC_PROFILE", named)
    with registry(layout_of([BASE]), "nvidia/pytorch") as name:
        checks = verify(f"docker://{name}:latest", tmp_path)
    assert {check.name for check in checks.values() if not check.passed} == set()
    assert "NVIDIA's build for NGC" in checks["profile"].title
    assert "guard" in checks["profile"].title
    assert "guard" not in checks


@pytest.mark.parametrize("named", ["", "ngc"])
def test_the_layer_that_replaced_torch_is_blamed(named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """astral-sh/uv#2560 and #6880 as an image."""
    monkeypatch.setenv("HAC_PROFILE", named)
    reference = str(layout_of([BASE, REPLACED]).write(tmp_path / "image"))
    report = blame_image(BlameRequest(reference=reference, project=tmp_path))
    assert report.pin is not None
    assert report.pin.profile_id == "ngc"
    assert {item.name for item in report.pin.distributions} == {"torch", "torchvision"}
    (culprit,) = report.culprits
    assert culprit.step.instruction == "RUN pip install vllm"
    assert next(str(item) for item in culprit.requirements).startswith("vllm 0.9.0")
    checks = verify(reference, tmp_path, static=True)
    assert not checks["torch"].passed
    assert "[torch-replaced]" in checks["doctor"].output
    assert "2.7.0" in checks["doctor"].output


def test_a_torch_that_shadows_is_found(tmp_path: Path) -> None:
    shadow = distribution("torch", "2.7.0", site="opt/extra")
    layers = [BASE, {**shadow, f"{SITE}/extra.pth": b"import sys; sys.path.insert(0, '/opt/extra')\n"}]
    layout = Layout()
    layout.image(layers, HISTORY, {**SETTINGS, "Env": [*SETTINGS["Env"], "PYTHONPATH=/opt/extra"]})
    checks = verify(str(layout.write(tmp_path / "image")), tmp_path, static=True)
    assert not checks["torch"].passed
    assert "opt/extra" in checks["torch"].output


def test_upstreams_own_build_must_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = str(layout_of([{**PYTHON, **distribution("torch", "2.8.0+cpu")}]).write(tmp_path / "image"))
    assert "profile" not in verify(reference, tmp_path, static=True)
    monkeypatch.setenv("HAC_PROFILE", "cpu")
    checks = verify(reference, tmp_path, static=True)
    assert checks["torch"].passed
    assert checks["doctor"].passed, checks["doctor"].output


def test_a_named_vendor_whose_torch_never_came_is_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """runpod/containers#115: a label says one torch, and another is there."""
    monkeypatch.setenv("HAC_PROFILE", "rocm")
    reference = str(layout_of([{**PYTHON, **distribution("torch", "2.8.0+cu128")}]).write(tmp_path / "image"))
    checks = verify(reference, tmp_path, static=True)
    assert not checks["torch"].passed
    assert not checks["doctor"].passed
    assert json.dumps(checks["doctor"].output).count("AMD") >= 1
