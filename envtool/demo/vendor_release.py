"""The stand-in vendor release: tiny wheels of torch and its companions, and a stand-in `moreh-smi`.

They have the vendor's names, versions and records, so that pip, uv and every check treat them as the real
ones; they hold none of the vendor's code and compute nothing.
"""

from __future__ import annotations

from pathlib import Path

from envtool.demo.wheel_writer import WheelContent, write_wheel
from envtool.release.version import VendorVersion

TORCH_VERSION = "1.7.1+cu110.moreh22.8.0"
_COMPANIONS = {"torchvision": "0.8.2", "torchaudio": "0.7.2"}
_SUMMARY = "A stand-in for the vendor's {name}: same name, version and records, none of its code"
# A source folder that holds this file under tools/ declares everything in it a stand-in.
MARKER = "STAND-IN"

_TORCH = '''"""STAND-IN for the vendor build of torch: it bears its name and version and computes nothing."""

from torch import cuda, version
from torch.version import __version__

STAND_IN = True
'''

_VERSION = '''"""The vendor's build prints the bare torch version; its release is in `moreh`."""

__version__ = "{public}"
cuda = "11.0"
moreh = "{release}"
'''

_CUDA = '''"""STAND-IN: there is no accelerator behind it, and it says so."""


def is_available():
    return False


def device_count():
    return 0
'''

_COMPANION = '''"""STAND-IN for the vendor's {name}: it bears its name and version and computes nothing."""

__version__ = "{version}"
STAND_IN = True
'''

_COMMAND = '''"""STAND-IN for the commands that torch 1.7.1 installs."""

import sys


def main():
    sys.exit("this is the stand-in for the vendor torch: it converts nothing")
'''

_MOREH_SMI = """#!/bin/sh
cat <<'TABLE'
+--------------------------------------------------------------------------------------------------------------+
{title}
+--------------------------------------------------------------------------------------------------------------+
|  Device  |         Name        |           Token            |    Model     |  Memory Usage  |  Total Memory  |
+==============================================================================================================+
|  0       |  KT AI Accelerator  |  (stand-in: no token)      |  Small.64GB  |  -             |  -             |
+--------------------------------------------------------------------------------------------------------------+

Processes:
+----------------------------------------------------------+
|  Device  |  Job ID  |  PID  |  Process  |  Memory Usage  |
+==========================================================+
+----------------------------------------------------------+
TABLE
echo 'moreh-smi: STAND-IN; there is no accelerator, and the table above is fixed' >&2
"""


def write_release(folder: Path, python: tuple[int, int]) -> None:
    """Write the release for CPython `python` into `folder`: wheels, and programs below `tools/`."""
    for content in make_release_contents(python):
        write_wheel(content, folder)
    tools = folder / "tools"
    tools.mkdir(parents=True, exist_ok=True)
    version = VendorVersion.parse(TORCH_VERSION)
    program = tools / "moreh-smi"
    program.write_text(make_moreh_smi(str(version.release)))
    program.chmod(0o755)
    (tools / MARKER).write_text("Everything in this folder is a stand-in for what the vendor ships.\n")


def make_release_contents(python: tuple[int, int], torch_version: str = TORCH_VERSION) -> list[WheelContent]:
    """The wheels of a stand-in release, torch first."""
    interpreter = f"cp{python[0]}{python[1]}"
    # Up to 3.7 the ABI is named for pymalloc as well.
    abi = f"{interpreter}m" if python < (3, 8) else interpreter
    tag = f"{interpreter}-{abi}-linux_x86_64"
    version = VendorVersion.parse(torch_version)
    torch = WheelContent(
        name="torch",
        version=torch_version,
        tag=tag,
        files={
            "torch/__init__.py": _TORCH.encode(),
            "torch/version.py": _VERSION.format(public=version.public, release=version.release).encode(),
            "torch/cuda.py": _CUDA.encode(),
            "torch/_command.py": _COMMAND.encode(),
            "torch/lib/libtorch_stand_in.txt": b"Where the vendor's libraries would be.\n" * 4096,
            "caffe2/__init__.py": _COMPANION.format(name="caffe2", version=version.public).encode(),
        },
        summary=_SUMMARY.format(name="torch"),
        commands={"convert-caffe2-to-onnx": "torch._command:main"},
    )
    companions = [
        WheelContent(
            name=name,
            version=number,
            tag=tag,
            files={f"{name}/__init__.py": _COMPANION.format(name=name, version=number).encode()},
            summary=_SUMMARY.format(name=name),
            requires=[f"torch (=={version.public})"],
        )
        for name, number in _COMPANIONS.items()
    ]
    return [torch, *companions]


def make_moreh_smi(release: str) -> str:
    """The stand-in `moreh-smi`: the table of the service's documentation, for a device that is not there."""
    name, versions = f"Moreh-SMI {release}", f"Client Version: {release}  Server Version: {release}"
    return _MOREH_SMI.format(title=f"|  {name}{versions.rjust(106 - len(name))}  |")
