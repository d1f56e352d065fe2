"""Every program of the corpus: all that must be said of it, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scan.programs import Program, collect, list_programs, scan_folder


@pytest.mark.parametrize("program", list_programs(), ids=lambda program: str(program.name))
def test_scan_says_what_the_corpus_says(program: Program, tmp_path: Path) -> None:
    program.write(tmp_path)
    said = collect(scan_folder(tmp_path), tmp_path)
    assert sorted(program.expected - said) == [], "missed"
    assert sorted(said - program.expected) == [], "false alarms"
