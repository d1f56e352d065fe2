"""Distributions to install, and files to put in them."""

from __future__ import annotations

import sysconfig
from pathlib import Path

from envtool.demo.vendor_release import make_release_contents
from envtool.demo.wheel_writer import WheelContent, write_wheel
from tests.support.environment import PYTHON


def package(name: str, version: str, requires: list[str]) -> WheelContent:
    """A small distribution of no use but for what it requires."""
    module = name.replace("-", "_")
    return WheelContent(
        name=module,
        version=version,
        tag="py3-none-any",
        files={f"{module}.py": b""},
        summary="for tests",
        requires=requires,
    )


def real_shared_object() -> Path:
    """One of the interpreter's own; which of its modules are built in differs from build to build."""
    return min(Path(sysconfig.get_config_var("DESTSHARED")).glob("*.so"), key=lambda path: path.stat().st_size)


def other_release(folder: Path, version: str) -> Path:
    """The torch wheel of another vendor release, in a folder of its own below `folder`."""
    target = folder / version
    return write_wheel(make_release_contents(PYTHON, version)[0], target)
