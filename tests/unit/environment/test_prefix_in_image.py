"""Finds the environment in the file system of an image, of which the disk has the records only."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from envtool.environment.context import EnvironmentContext, Location
from envtool.environment.prefix import find_prefix
from envtool.errors import PrefixError
from envtool.image.read.sparse_rootfs import SparseRootfs


@pytest.fixture
def image(tmp_path: Path) -> EnvironmentContext:
    """An image with a virtual environment of Debian's Python, to which nothing but PATH leads."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for path, content in (("usr/bin/python3.9", b"ELF"), ("opt/venv/pyvenv.cfg", b"home = /usr/bin\n")):
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(content), 0o755
            archive.addfile(member, io.BytesIO(content))
        for path, target in (("usr/bin/python3", "python3.9"), ("opt/venv/bin/python3", "/usr/bin/python3")):
            member = tarfile.TarInfo(path)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
        for path in ("usr/lib/python3/dist-packages", "usr/lib/python3.9", "opt/venv/lib/python3.9/site-packages"):
            member = tarfile.TarInfo(path)
            member.type = tarfile.DIRTYPE
            archive.addfile(member)
    stream.seek(0)
    root = tmp_path / "root"
    SparseRootfs(root=root).extract(stream)
    return EnvironmentContext(
        location=Location.IMAGE,
        reference="an-image",
        root=root,
        variables={"PATH": "/opt/venv/bin:/usr/bin"},
        is_explicit=False,
    )


def test_the_python_on_its_path_leads_to_it(image: EnvironmentContext) -> None:
    found = find_prefix(context=image)
    assert (found.path, found.python) == (image.root / "opt/venv", (3, 9))


def test_an_error_names_the_paths_inside(image: EnvironmentContext) -> None:
    with pytest.raises(PrefixError, match=r"^/opt/nowhere is not a folder"):
        find_prefix(Path("/opt/nowhere"), context=image)
