"""Every kind of finding has a page, and doctor and its page agree on how bad it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import envtool.doctor
from envtool.doctor.finding_kind import FindingKind
from envtool.known_errors.error_kind import ErrorKind
from envtool.scan.kinds import ScanKind
from tests.support.environment import RealEnvironment

DOCTOR = Path(envtool.doctor.__file__).parent
KINDS = [pytest.param(kind, id=kind.id) for kind in FindingKind]


def test_every_page_is_of_a_kind() -> None:
    assert {path.stem.partition(".")[0] for path in (DOCTOR / "pages").iterdir()} == {kind.id for kind in FindingKind}


def test_every_kind_is_found_by_a_check() -> None:
    code = "".join(path.read_text() for path in DOCTOR.rglob("*.py") if path.name != "finding_kind.py")
    assert set(re.findall(r"FindingKind\.([A-Z_]+)\b", code)) == {kind.name for kind in FindingKind}


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_has_its_parts(kind: FindingKind) -> None:
    title, severity, meaning, cause, remedy = (
        part.split("\n", 1)[0] for part in re.split(r"\n\n(?=#|Sev)", kind.read_page())
    )
    assert title == f"# {kind.id}: {kind.title}"
    assert severity == f"Severity: {kind.severity.value}"
    assert [meaning, cause, remedy] == ["## What it means", "## How it comes about", "## What to do"]


def test_explain_prints_a_page(environment: RealEnvironment) -> None:
    outcome = environment.here("explain", "torch-replaced")
    assert (outcome.status, outcome.out) == (0, FindingKind.TORCH_REPLACED.read_page())


def test_explain_without_an_id_lists_all_with_severity_and_title(environment: RealEnvironment) -> None:
    rows = [re.split(r"  +", line) for line in environment.here("explain").out.splitlines()]
    kinds: list[FindingKind | ErrorKind | ScanKind] = [*FindingKind, *ErrorKind, *ScanKind]
    assert rows == [[kind.id, kind.severity.value, kind.title] for kind in kinds]


def test_explain_of_an_unknown_id(environment: RealEnvironment) -> None:
    assert environment.here("explain", "no-such").status == 2
