"""What is asked of a base before an image is made on it."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from envtool.errors import BuildError
from envtool.image.inputs.base_layers import read_account_files, read_local_layer, require_glibc
from envtool.image.read.layer import LayerContents

_ACCOUNTS = ("etc/passwd", "etc/group")


def make_base(folder: Path, *paths: str) -> list[LayerContents]:
    """A layer with these files."""
    archive = folder / "base.tar"
    with tarfile.open(archive, "w") as target:
        for path in paths:
            member = tarfile.TarInfo(path)
            member.size = 1
            target.addfile(member, io.BytesIO(b"x"))
    return [read_local_layer(archive)]


@pytest.mark.parametrize(
    "paths",
    [
        ("lib64/ld-linux-x86-64.so.2",),
        ("usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",),
        ("lib/ld-linux-aarch64.so.1",),
        ("lib/ld-musl-x86_64.so.1", "usr/lib64/ld-linux-x86-64.so.2", "usr/lib/x86_64-linux-gnu/libc.so.6"),
        ("lib/ld-musl-x86_64.so.1", "lib/ld-linux-x86-64.so.2", "usr/glibc-compat/lib/libc.so.6"),
        ("opt/tool",),
    ],
)
def test_a_base_with_glibc_is_taken(tmp_path: Path, paths: tuple[str, ...]) -> None:
    require_glibc(make_base(tmp_path, *paths))


@pytest.mark.parametrize(
    "paths",
    [
        ("lib/ld-musl-x86_64.so.1",),
        ("usr/lib/x86_64-linux-musl/ld-musl-x86_64.so.1",),
        # Alpine's gcompat: a stand-in by the name of glibc's loader.
        ("lib/ld-musl-x86_64.so.1", "lib/ld-linux-x86-64.so.2", "lib/libgcompat.so.0"),
    ],
    ids=["alpine", "debian", "gcompat"],
)
def test_a_base_with_musl_alone_is_refused(tmp_path: Path, paths: tuple[str, ...]) -> None:
    with pytest.raises(BuildError, match="musl"):
        require_glibc(make_base(tmp_path, *_ACCOUNTS, *paths))


def test_a_base_without_accounts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="passwd"):
        read_account_files(make_base(tmp_path, "etc/passwd"))
