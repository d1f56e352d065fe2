"""Each kind of finding has a page, and `envtool explain` prints it."""

from __future__ import annotations

import subprocess
import sys
from importlib import resources

import pytest

from envtool.doctor.explanation import list_finding_ids
from envtool.scan.explanation import find_scan_kind, read_scan_page
from envtool.scan.kinds import ScanKind


@pytest.mark.parametrize("kind", list(ScanKind), ids=lambda kind: str(kind.id))
def test_every_kind_has_a_page(kind: ScanKind) -> None:
    assert find_scan_kind(kind.id) is kind
    assert "**What to do**" in read_scan_page(kind)


def test_every_page_has_a_kind() -> None:
    pages = {path.name.removesuffix(".md") for path in resources.files("envtool.scan").joinpath("pages").iterdir()}
    assert pages == {kind.id for kind in ScanKind}


def test_ids_are_none_of_doctors() -> None:
    assert {kind.id for kind in ScanKind} & set(list_finding_ids()) == set()


def test_explain_prints_the_page() -> None:
    command = [sys.executable, "-m", "envtool", "explain"]
    page = subprocess.run([*command, "nccl"], capture_output=True, text=True, check=True, timeout=300)
    assert page.stdout.startswith("# nccl: ")
    ids = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert "\nprocess-per-device " in ids.stdout
