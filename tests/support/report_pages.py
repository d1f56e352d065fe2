"""Pages of HTML that the real commands make of a real environment, project, requirements file and image; for tests."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.environment import RealEnvironment, environment_in
from tests.support.image_layout import Files, Layout

SITE = "opt/conda/envs/pytorch/lib/python3.11/site-packages"

PROGRAM = """\
import torch
import torch.distributed as dist
from apex import amp

dist.init_process_group("nccl")
model = torch.nn.DataParallel(model)
torch.backends.cudnn.benchmark = True
loader = DataLoader(data, pin_memory=True)
"""
LAUNCHER = """\
#!/bin/bash
nvidia-smi
torchrun --nproc_per_node=4 train.py --local_rank 0
"""


def make_project(folder: Path) -> Path:
    """A program that was written for several GPUs."""
    (folder / "scripts").mkdir(parents=True)
    (folder / "train.py").write_text(PROGRAM)
    (folder / "scripts/run.sh").write_text(LAUNCHER)
    (folder / "broken.ipynb").write_text("{")
    (folder / "Dockerfile").write_text("FROM nvidia/cuda:12.1.0-devel-ubuntu22.04\nRUN pip install flash-attn\n")
    return folder


def read_files(site_packages: Path, prefix: str = SITE) -> dict[str, bytes]:
    """The files of a site-packages, as a layer has them."""
    return {
        f"{prefix}/{path.relative_to(site_packages)}": path.read_bytes()
        for path in sorted(site_packages.rglob("*"))
        if path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts
    }


def make_clobbered_image(environment: RealEnvironment, folder: Path) -> Path:
    """An image with the vendor torch, in which a later instruction installs another; `environment` is used up."""
    before = read_files(environment.site_packages)
    pin = (environment.path / "etc/hac/pin.toml").read_bytes()
    environment.uv_install("wants-newer")
    after = read_files(environment.site_packages)
    packages = (
        "Package: libc6\nStatus: install ok installed\nVersion: 2.36-9\nArchitecture: amd64\n\n"
        "Package: bash\nStatus: install ok installed\nVersion: 5.2.15-2\nArchitecture: amd64\n"
    )
    base: Files = {
        "etc/os-release": b'ID=debian\nVERSION_ID="12"\n',
        "usr/lib/libbig.so": bytes(9_000_000),
        "var/lib/dpkg/status": packages.encode(),
    }
    vendor: Files = {**before, "opt/conda/envs/pytorch/etc/hac/pin.toml": pin, "opt/conda/envs/pytorch/bin/python": b""}
    changed = {path: data for path, data in after.items() if before.get(path) != data}
    gone = [path for path in before if path not in after]
    whiteouts = {f"{path.rpartition('/')[0]}/.wh.{path.rpartition('/')[2]}": b"" for path in gone}
    layers: list[Files] = [
        base,
        vendor,
        {"srv/app/train.py": PROGRAM.encode(), "srv/data": bytes(2_400_000)},
        {**changed, **whiteouts},
        {"srv/app/run.sh": LAUNCHER.encode()},
    ]
    history: list[dict[str, Any]] = [
        {"created_by": "/bin/sh -c #(nop) ADD file:5c1f in / "},
        {"created_by": "COPY /opt /opt # buildkit", "comment": "buildkit.dockerfile.v0"},
        {"created_by": "ENV PATH=/opt/conda/envs/pytorch/bin:/usr/bin", "empty_layer": True},
        {"created_by": "COPY . /srv/app # buildkit"},
        {"created_by": "RUN /bin/sh -c PIP_CONSTRAINT= pip install -r requirements.txt # buildkit"},
        {"created_by": "COPY run.sh /srv/app/ # buildkit"},
    ]
    layout = Layout()
    layout.image(layers, history, {"Env": ["PATH=/opt/conda/envs/pytorch/bin:/usr/bin"], "User": "1000"})
    return layout.write(folder)


def make_pages_once(template: Path, wheels: Path, factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same of a copy of the healthy environment, for all tests of a module or a run."""
    folder = factory.mktemp("pages")
    for name in ("environment", "store"):
        shutil.copytree(template / name, folder / name, symlinks=True)
    return make_pages(environment_in(folder, wheels, factory.getbasetemp()), folder / "pages")


def make_pages(environment: RealEnvironment, folder: Path) -> dict[str, Path]:
    """A page of each command, by its name, and the JSON of the same beside it; `environment` is used up."""
    folder.mkdir(exist_ok=True)
    project = make_project(folder / "project")
    requirements = folder / "requirements.txt"
    requirements.write_text(f"--no-index\n--find-links {environment.wheels}\nharmless\nwants-newer>=1.0\nwants-any\n")
    commands: dict[str, list[str]] = {
        "healthy": ["doctor", "--prefix", str(environment.path)],
        "scan": ["scan", str(project)],
        "check": ["check", "--prefix", str(environment.path), str(requirements)],
    }
    _run_all(environment, folder, commands)
    image = make_clobbered_image(environment, folder / "image")
    whole = Layout()
    whole.image([{"etc/hostname": b"x"}])
    other = whole.write(folder / "other")
    later: dict[str, list[str]] = {
        "doctor": ["doctor", "--deep", "--prefix", str(environment.path)],
        "blame": ["blame", f"oci:{image}"],
        "several": ["blame", f"oci:{image}", f"oci:{other}"],
        "verify": ["verify", "--static", f"oci:{image}"],
        "matrix": ["verify", "--static", f"oci:{image}", f"oci:{other}"],
        "sbom": ["sbom", f"oci:{image}"],
    }
    _run_all(environment, folder, later)
    shutil.rmtree(image)
    return {name: folder / f"{name}.html" for name in (*commands, *later)}


def _run_all(environment: RealEnvironment, folder: Path, commands: Mapping[str, list[str]]) -> None:
    for name, command in commands.items():
        for format in ("html", "json"):
            words = [*command, "--format", format, "-o", str(folder / f"{name}.{format}")]
            done = environment.here(*words)
            assert done.status in {0, 1}, f"{words}: {done.err}"


def read_document(page: Path) -> Any:
    """What the JSON beside a page says: a document, or several, one a line."""
    text = page.with_suffix(".json").read_text()
    try:
        return json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.splitlines()]
