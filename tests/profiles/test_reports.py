"""Public reports of a lost torch, made anew in small: what check foretells is what the real pip and uv then do.

Each is told in our own words; names of packages stand for what these require, and nothing else.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.profiles.public_report import PublicReport
from tests.profiles.public_reports import MORE_REPORTS
from tests.support.environment import RealEnvironment, environment_in, make_virtual_environment
from tests.support.local_index import serve_wheels
from tests.support.vendor_wheels import write_stand_in

FIRST_REPORTS = (
    # A package that any torch suffices for, in an NGC container. uv of that time put another in; today's does not.
    PublicReport(
        address="astral-sh/uv#2560",
        profile="ngc",
        vendor={"torch==2.3.0a0+ebedce2": (), "torchvision==0.18.0a0": ("torch",)},
        index={
            "timm==0.9.7": ("torch>=1.7", "torchvision"),
            "torch==2.2.1": (),
            "torchvision==0.17.1": ("torch==2.2.1",),
        },
        lines=("timm==0.9.7",),
    ),
    # The same container, and a package that pins the release: no build of NVIDIA's meets it.
    PublicReport(
        address="astral-sh/uv#6880",
        profile="ngc",
        vendor={"torch==2.5.0a0+b465a5843b.nv24.9": ()},
        index={"vllm==0.6.1": ("torch==2.4.0",), "vllm==0.5.0": ("torch",), "torch==2.4.0": ()},
        lines=("vllm>=0.6",),
        lost="torch",
        culprit="vllm",
        cure=("vllm==0.5.0",),
    ),
    # A nightly for ROCm and an optimizer. Whoever asks for the stable release by name loses it.
    PublicReport(
        address="ROCm/bitsandbytes#37",
        profile="rocm",
        vendor={"torch==2.4.0.dev20240520+rocm6.1": ()},
        index={"lion-pytorch==0.2.2": ("torch>=1.6",), "lion-pytorch==0.2.3": ("torch>=2.4",), "torch==2.4.1": ()},
        lines=("lion-pytorch==0.2.3",),
        lost="torch",
        verdict="blocked",
        culprit="lion-pytorch",
        cure=("lion-pytorch==0.2.2",),
    ),
    # timm wants torchvision; Habana's is there, but pillow is another there, so all of it is resolved anew. An override
    # for torch does not keep pillow out.
    PublicReport(
        address="huggingface/optimum-habana#2366",
        profile="habana",
        vendor={
            "torch==2.10.0a0+git979b46c": (),
            "torchvision==0.25.0+cpu": ("torch==2.10.0", "pillow"),
            "habana-torch-plugin==1.24.0.1007": (),
            "pillow-simd==9.5.0.post20+habana": (),
        },
        index={"timm==1.0.25": ("torch", "torchvision"), "torch==2.10.0": (), "pillow==11.0.0": ()},
        lines=("timm",),
        lost="torch",
        culprit="torchvision",
        cure=("--no-deps timm",),
    ),
    # The release that spelt out its dependencies, to be installed without theirs.
    PublicReport(
        address="huggingface/optimum-habana#2371",
        profile="habana",
        vendor={"torch==2.10.0a0+git979b46c": (), "habana-torch-plugin==1.24.0.1007": ()},
        index={"optimum-habana==1.21": ("torch>=2.10",), "torch==2.11.0": ()},
        lines=("optimum-habana==1.21",),
        lost="torch",
        verdict="blocked",
        culprit="optimum-habana",
        cure=("optimum-habana==1.21",),
        override="torch==2.10.0a0+git979b46c",
    ),
    # Compiled on the board as 2.8.0; the upper bound of the project had uv put the CPU's 2.6.0 over it.
    PublicReport(
        address="roboflow/inference#1765",
        profile="jetson",
        vendor={"torch==2.8.0": (), "torchvision==0.23.0": ("torch==2.8.0",)},
        variables={"L4T_VERSION": "36.4.3"},
        index={"torch==2.6.0": (), "torch==2.9.0": ()},
        lines=("torch<2.7.0,>=2.0.1",),
        lost="torch",
        culprit="requirements.txt",
        cure=("torch<2.9.0,>=2.0.1",),
    ),
    # vLLM names its torch, and the plug-in another one.
    PublicReport(
        address="vllm-project/vllm-ascend#1796",
        profile="ascend",
        vendor={"torch==2.5.1": (), "torch-npu==2.5.1.post1.dev20250619": ("torch==2.5.1",)},
        index={"vllm==0.9.2": ("torch==2.7.1",), "vllm==0.7.3": ("torch==2.5.1",), "torch==2.7.1": ()},
        lines=("vllm==0.9.2",),
        lost="torch",
        culprit="vllm",
        cure=("vllm==0.7.3",),
    ),
    PublicReport(
        address="vllm-project/vllm-ascend#5710",
        profile="ascend",
        vendor={"torch==2.7.1": (), "torch-npu==2.7.1.post4": ("torch==2.7.1",)},
        index={"vllm==0.11.0": ("torch==2.8.0",), "torch==2.8.0": ()},
        lines=("vllm==0.11.0",),
        lost="torch",
        culprit="vllm",
        cure=("vllm==0.11.0",),
        override="torch==2.7.1",
    ),
    # An update of one plug-in asked for an older one of the other.
    PublicReport(
        address="RBLN-SW/vllm-rbln#1087",
        profile="rebellions",
        vendor={"torch==2.8.0+cpu": (), "torch-rbln==0.5.0rc0": ("torch==2.8.0",)},
        index={"torch-rbln==0.4.0": ("torch==2.8.0",), "optimum-rbln==0.11.3a6": ("torch-rbln<0.4.1,>=0.4.0",)},
        lines=("optimum-rbln==0.11.3a6",),
        lost="torch-rbln",
        culprit="optimum-rbln",
        cure=("torch-rbln>=0.5.0rc0,<0.5.1",),
    ),
    # COPY brought the project's file back, without the overrides that had kept NVIDIA's torch.
    PublicReport(
        address="NVIDIA-NeMo/Automodel#1847",
        profile="ngc",
        vendor={"torch==2.10.0a0+b558c986e8.nv25.11": ()},
        index={
            "nemo-automodel==0.3": ("torch<=2.10.0,>=2.9.1",),
            "transformers==5.0": ("torch>=2.10",),
            "torch==2.10.0": (),
        },
        lines=("nemo-automodel==0.3", "transformers==5.0"),
        lost="torch",
        verdict="blocked",
        culprit="transformers",
        cure=("nemo-automodel==0.3", "transformers==5.0"),
        override="torch==2.10.0a0+b558c986e8.nv25.11",
    ),
    # torch stands in requirements.txt without a version, and a conflict lets pip take the index's.
    PublicReport(
        address="flashinfer-ai/flashinfer#4284",
        profile="cuda",
        vendor={"torch==2.13.0+cu132": ()},
        index={"tilelang==0.1": ("torch<2.13",), "tilelang==0.2": ("torch",), "torch==2.12.0": (), "torch==2.13.0": ()},
        lines=("torch", "tilelang<0.2"),
        lost="torch",
        culprit="tilelang",
        cure=("torch", "tilelang"),
        named=True,
    ),
    # "Add torch" from the CPU's index, by the very line that the documentation was to get.
    PublicReport(
        address="vllm-project/vllm-gaudi#330",
        profile="habana",
        vendor={"torch==2.7.1a0+git64af4a1": (), "habana-torch-plugin==1.22.0.740": ()},
        index={"torch==2.8.0+cpu": ()},
        lines=("torch==2.8.0+cpu",),
        lost="torch",
        culprit="requirements.txt",
        cure=("torch",),
    ),
)

REPORTS = (*FIRST_REPORTS, *MORE_REPORTS)


@dataclass(frozen=True)
class Reconstruction:
    """A report's environments, equal to each other, and the index that they install from."""

    environments: tuple[RealEnvironment, ...]
    index: Path


@pytest.fixture
def rebuild(tmp_path: Path) -> Callable[[PublicReport], Reconstruction]:
    """Makes the environments of a report: one to look at, one for pip and one for uv, and two for the cure."""

    def make(report: PublicReport) -> Reconstruction:
        vendor, index = tmp_path / "vendor", tmp_path / "index"
        for folder, wheels in ((vendor, report.vendor), (index, report.index)):
            for line, requires in wheels.items():
                name, _, version = line.partition("==")
                # Compiled on the machine, a wheel is for Linux as it is there.
                is_compiled = report.profile == "jetson" and folder is vendor and name == "torch"
                tag = f"py3-none-linux_{platform.machine()}" if is_compiled else "py3-none-any"
                write_stand_in(folder, name, version, requires, tag)
        first = environment_in(tmp_path, index, tmp_path, "0")
        first.variables["HAC_PROFILE"] = report.profile if report.named else ""
        first.variables.update(report.variables)
        if report.own:
            profiles = Path(first.variables["XDG_CONFIG_HOME"]) / "hac-envtool/profiles"
            profiles.mkdir(parents=True)
            (profiles / f"{report.profile}.toml").write_text(report.own)
        make_virtual_environment(first.path)
        # By `===`: the index may have another build of a version without a label.
        exact = [line.replace("==", "===") for line in report.vendor]
        first.uv_install("--no-deps", "--find-links", str(vendor), *exact)
        others = []
        for number in range(1, 5):
            shutil.copytree(first.path, tmp_path / str(number), symlinks=True)
            others.append(replace(first, path=tmp_path / str(number)))
        return Reconstruction((first, *others), index)

    return make


def read_installed(environment: RealEnvironment) -> dict[str, str]:
    found = [
        path.name.removesuffix(".dist-info").partition("-") for path in environment.site_packages.glob("*.dist-info")
    ]
    return {name.replace("_", "-"): version for name, _, version in found}


def install(environment: RealEnvironment, by: str, lines: Sequence[str], override: str = "") -> dict[str, str]:
    """What is installed after a real install; the same as before where it failed."""
    words = [word for line in lines for word in ([*line.split()] if line.startswith("--") else [line])]
    if by == "pip":
        environment.pip(
            "install", "--quiet", "--no-index", "--find-links", str(environment.wheels), *words, check=False
        )
    else:
        if override:
            file = environment.path / "overrides.txt"
            file.write_text(f"{override}\n")
            environment.variables["UV_OVERRIDE"] = str(file)
        command = [str(Path(sys.executable).parent / "uv"), "pip", "install", "--python", str(environment.python)]
        variables = {**os.environ, **environment.variables}
        words = ["--no-index", "--find-links", str(environment.wheels), *words]
        subprocess.run([*command, *words], env=variables, capture_output=True, check=False)
        environment.variables.pop("UV_OVERRIDE", None)
    return read_installed(environment)


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.address)
def test_the_report(report: PublicReport, rebuild: Callable[[PublicReport], Reconstruction], tmp_path: Path) -> None:
    made = rebuild(report)
    look, by_pip, by_uv, cured_pip, cured_uv = made.environments
    pinned = {line.partition("==")[0]: line.partition("==")[2] for line in report.vendor}
    document = look.doctor()
    assert document["status"] == "healthy", document["findings"]
    assert document["environment"]["pin"]["profile"] == report.profile
    assert {row["name"] for row in document["environment"]["pin"]["distributions"]} == set(pinned)

    file = tmp_path / "requirements.txt"
    file.write_text("".join(f"{line}\n" for line in report.lines))
    with serve_wheels(made.index) as address:
        look.variables.update(PIP_INDEX_URL=address, UV_DEFAULT_INDEX=address)
        outcome = look.here("check", "--prefix", str(look.path), str(file), "--format", "json")
    answers = json.loads(outcome.out)["answers"]
    for by, environment in (("pip", by_pip), ("uv", by_uv)):
        (answer,) = [item for item in answers if item["installer"] in {by, None}]
        after = install(environment, by, report.lines)
        changed = {name for name, version in pinned.items() if after.get(name) != version}
        assert bool(answer["clobbers"]) == bool(changed), (by, answer, after)
        assert answer["verdict"] == (report.verdict if changed else "safe")
        if report.lost:
            assert report.lost in changed, (by, after)
            assert report.lost in {item["name"] for item in answer["clobbers"]}
            told = json.dumps(answer["clobbers"]) + json.dumps(answer["remarks"])
            assert report.culprit in told

    for by, environment in (("pip", cured_pip), ("uv", cured_uv)):
        if not report.cure or (report.override and by == "pip"):
            continue
        after = install(environment, by, report.cure, report.override)
        assert after["torch"] == pinned["torch"], (by, after)
        assert all(after[name] == version for name, version in pinned.items()), (by, after)
        assert len(after) >= len(pinned)


@pytest.mark.parametrize("report", [item for item in REPORTS if item.lost], ids=lambda report: report.address)
def test_protected_it_does_not_happen(report: PublicReport, rebuild: Callable[[PublicReport], Reconstruction]) -> None:
    """The cure that those threads ask for, by pip, which reads the environment's own pip.conf."""
    environment = rebuild(report).environments[0]
    before = read_installed(environment)
    assert environment.here("protect", "--prefix", str(environment.path)).status == 0
    del environment.variables["PIP_CONFIG_FILE"]
    environment.variables["PIP_CONSTRAINT"] = ""
    del environment.variables["PIP_CONSTRAINT"]
    after = install(environment, "pip", report.lines)
    assert {name: after.get(name) for name in before} == before
