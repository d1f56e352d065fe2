"""Layers depend on contents only."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

from envtool.image.context.context import render_dockerfile
from envtool.image.layers.layer_archive import write_layer
from envtool.image.layers.staged_tree import StagedTree

PROJECT = Path(__file__).parents[3]


def tree(root: Path, mask: int) -> Path:
    before = os.umask(mask)
    try:
        (root / "opt/b").mkdir(parents=True)
        (root / "opt/a.txt").write_text("a")
        (root / "opt/b/run").write_text("#!/bin/sh\n")
        (root / "opt/b/run").chmod(0o755 & ~mask | 0o100)
        (root / "opt/link").symlink_to("a.txt")
        os.link(root / "opt/a.txt", root / "opt/same.txt")
    finally:
        os.umask(before)
    return root


def test_same_tree_same_bytes(tmp_path: Path) -> None:
    write_layer(StagedTree(tree(tmp_path / "one", 0o022)), tmp_path / "one.tar", 1_661_990_400)
    write_layer(StagedTree(tree(tmp_path / "two", 0o077)), tmp_path / "two.tar", 1_661_990_400)
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    with tarfile.open(tmp_path / "one.tar") as archive:
        members = {member.name: member for member in archive}
    assert {member.mtime for member in members.values()} == {1_661_990_400}
    assert (members["opt/b/run"].mode, members["opt/a.txt"].mode) == (0o755, 0o644)
    assert members["opt/same.txt"].isreg()


def test_dockerfile_needs_no_argument() -> None:
    text = render_dockerfile((PROJECT / "Dockerfile").read_text(), "hac-bootstrap:abc", {"a.b": 'say "hi"', "c": "d"})
    assert "ARG HAC_BASE=hac-bootstrap:abc\n" in text
    assert text.endswith('LABEL a.b="say \\"hi\\"" \\\n      c="d"\n')
    assert "# syntax" not in text
    assert "\nRUN" not in text
