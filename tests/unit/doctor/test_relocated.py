"""Environments that were moved, and what torch itself requires."""

from __future__ import annotations

from pathlib import Path

import pytest

from envtool.demo.wheel_writer import WheelContent, write_wheel
from tests.support.environment import TORCH, RealEnvironment

COMMAND = "convert-caffe2-to-onnx"


def rewrite(environment: RealEnvironment, first: str, more: str = "") -> None:
    script = environment.path / "bin" / COMMAND
    body = script.read_text().split("\n", 1)[1]
    script.write_text(f"{first}\n{more}{body}")


@pytest.mark.parametrize(
    "first",
    [
        "#!/usr/bin/env python",
        "#!/somewhere/else/that/is/longer/bin/python3.11",
        "#!/bin/sh\n'''exec' python \"$0\"\n' '''",
    ],
    ids=["conda-pack", "copied", "long path"],
)
@pytest.mark.parametrize("deep", [(), ("--deep",)], ids=["quick", "deep"])
def test_another_first_line_is_no_damage(environment: RealEnvironment, first: str, deep: tuple[str, ...]) -> None:
    rewrite(environment, first)
    assert environment.finding_ids(*deep) == set()


@pytest.mark.parametrize(
    "more",
    ["import os\n", "sys.exit(0)\nimport subprocess\n", "def f(): pass\n", "from torch import hub\n"],
)
def test_another_body_is(environment: RealEnvironment, more: str) -> None:
    rewrite(environment, "#!/usr/bin/env python", more)
    assert environment.finding_ids("--deep") == {"torch-files-changed"}


def test_a_module_is_never_taken_for_a_command(environment: RealEnvironment) -> None:
    module = environment.site_packages / "torch/_command.py"
    module.write_text("#!/usr/bin/env python\n" + module.read_text())
    assert environment.finding_ids() == {"torch-files-changed"}


def test_what_torch_requires_and_does_not_find(environment: RealEnvironment, tmp_path: Path) -> None:
    requires = ["present", "absent>=2", "old ; python_version < '3.0'", "more ; extra == 'all'"]
    folder = tmp_path / "more"
    for name, lines in (("torchvision", requires), ("present", [])):
        content = WheelContent(
            name=name, version="0.8.2", tag="py3-none-any", files={f"{name}.py": b""}, summary="x", requires=lines
        )
        write_wheel(content, folder)
    environment.pip("uninstall", "--quiet", "--yes", "torchvision")
    words = ("install", "--quiet", "--no-index", "--no-deps", "--find-links", str(folder), "present", "torchvision")
    environment.pip(*words)
    (environment.path / "etc/hac/pin.toml").unlink()
    text = (environment.site_packages / f"torch-{TORCH}.dist-info/METADATA").read_text()
    head, _blank, rest = text.partition("\n\n")
    (environment.site_packages / f"torch-{TORCH}.dist-info/METADATA").write_text(
        head + "".join(f"\nRequires-Dist: {line}" for line in requires) + "\n\n" + rest
    )
    findings = {item["id"]: item for item in environment.doctor()["findings"]}
    assert findings["requirement-missing"]["title"] == "torch needs absent>=2, which is missing"
    assert "absent>=2" in findings["requirement-missing"]["remedy"]
    settings = environment.path / "pyvenv.cfg"
    settings.write_text(settings.read_text().replace("include-system-site-packages = false", ""))
    with settings.open("a") as file:
        file.write("include-system-site-packages = true\n")
    assert "requirement-missing" not in environment.finding_ids()
