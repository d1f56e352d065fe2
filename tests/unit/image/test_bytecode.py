"""Modules are compiled to bytes that depend on their source only, wherever it lies."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

import pytest

from envtool.demo.wheel_writer import write_wheel
from envtool.image.layers import compile_modules
from envtool.image.layers.bytecode import compile_tree
from envtool.image.layers.layer_archive import write_layer
from envtool.image.layers.staged_tree import StagedTree
from envtool.image.layers.staged_wheels import install_wheels
from envtool.wheel.layout import Layout
from envtool.wheel.name import StoredWheel, WheelName, compute_sha256
from tests.support.distributions import package
from tests.support.environment import PYTHON

# What the first of these makes of Python's strings, the next ones would show.
MODULES = ("_collections_abc", "_markupbase", "_pydecimal", "abc", "argparse", "typing")
STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib"))


def bytecode(folder: Path, *names: str, before: str = "") -> dict[str, bytes]:
    """The bytecode of modules of the standard library, compiled in that order."""
    folder.mkdir()
    rows = [[f"/opt/lib/{name}.py", str(STANDARD_LIBRARY / f"{name}.py")] for name in names]
    (folder / "modules").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    program = folder / "program.py"
    program.write_text(f"{before}\n{Path(compile_modules.__file__).read_text()}")
    subprocess.run([sys.executable, "-B", program, folder / "modules", folder], check=True)
    found = {}
    for index in folder.glob("*.index"):
        with open(index.with_suffix(""), "rb") as stream:
            for line in index.read_text().splitlines():
                path, size = json.loads(line)
                found[path] = stream.read(size)
    return found


def test_neither_the_order_nor_what_is_imported_matters(tmp_path: Path) -> None:
    first = bytecode(tmp_path / "first", *MODULES)
    assert len(first) == len(MODULES)
    assert bytecode(tmp_path / "second", *reversed(MODULES)) == first
    assert bytecode(tmp_path / "third", *MODULES, before="import asyncio, email.message, unittest") == first
    for number, name in enumerate(MODULES):
        alone = bytecode(tmp_path / str(number), name)
        assert alone.items() <= first.items(), name


def test_a_module_that_cannot_be_compiled_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("def (:\n")
    (tmp_path / "modules").write_text(json.dumps(["/opt/lib/bad.py", str(tmp_path / "bad.py")]) + "\n")
    command: list[str | Path] = [sys.executable, str(compile_modules.__file__), tmp_path / "modules", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "/opt/lib/bad.py: invalid syntax" in done.stderr


@pytest.mark.parametrize("stale", [False, True])
def test_a_wheels_modules_come_from_the_wheel(tmp_path: Path, stale: bool) -> None:
    path = write_wheel(package("harmless", "1.0", []), tmp_path)
    wheel = StoredWheel(WheelName.parse(path.name), path, compute_sha256(path))
    prefix, root, beside = Path("/opt/env"), tmp_path / "work/root", tmp_path / "work/beside"
    root.mkdir(parents=True)
    beside.mkdir()
    layout = Layout.below(prefix, PYTHON)
    if stale:
        old = root / layout.site_packages.relative_to("/") / "harmless.py"
        old.parent.mkdir(parents=True)
        old.write_text("raise SystemExit('what the wheel replaces')\n")
    packed = install_wheels([wheel], layout, root)
    parts = compile_tree(StagedTree(root, packed), prefix, PYTHON, beside, Path(sys.executable))
    write_layer(StagedTree(root, {**packed, **parts}), tmp_path / "layer.tar", 0)
    target = tmp_path / "there"
    with tarfile.open(tmp_path / "layer.tar") as layer:
        names = layer.getnames()
        layer.extraction_filter = getattr(tarfile, "tar_filter", None)
        layer.extractall(target)
    assert len(names) == len(set(names))
    site_packages = target / layout.site_packages.relative_to("/")
    assert (site_packages / "harmless-1.0.dist-info/INSTALLER").read_text() == "envtool\n"
    (site_packages / "harmless.py").write_text("raise SystemExit('not compiled')\n")
    code = f"import sys; sys.path[:0] = [{str(site_packages)!r}]; import harmless; print(harmless.__cached__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith(f"cpython-{PYTHON[0]}{PYTHON[1]}.pyc")
