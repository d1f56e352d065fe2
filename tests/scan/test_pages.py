"""Each kind of finding has a page, and `envtool explain` prints it."""

from __future__ import annotations

import subprocess
import sys
from importlib import resources

import pytest

from envtool.doctor.finding_kind import FindingKind
from envtool.known_errors.error_kind import ErrorKind
from envtool.scan.kinds import ScanKind


@pytest.mark.parametrize("kind", list(ScanKind), ids=lambda kind: str(kind.id))
def test_every_kind_has_a_page(kind: ScanKind) -> None:
    assert "**What to do**" in kind.read_page()


def test_every_page_has_a_kind() -> None:
    pages = {path.name.partition(".")[0] for path in resources.files("envtool.scan").joinpath("pages").iterdir()}
    assert pages == {kind.id for kind in ScanKind}


def test_no_id_means_two_things() -> None:
    ids = [kind.id for kind in (*FindingKind, *ErrorKind, *ScanKind)]
    assert len(set(ids)) == len(ids)


def test_explain_prints_the_page() -> None:
    command = [sys.executable, "-m", "envtool", "explain"]
    page = subprocess.run([*command, "nccl"], capture_output=True, text=True, check=True, timeout=300)
    assert page.stdout.startswith("# nccl: ")
    ids = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert "\nprocess-per-device " in ids.stdout
