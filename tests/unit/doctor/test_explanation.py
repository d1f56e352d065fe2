"""Every finding has a page, and every page a finding."""

from __future__ import annotations

import ast
from pathlib import Path

from envtool.doctor.explanation import list_finding_ids, read_page
from tests.conftest import RealEnvironment

DOCTOR = Path(__file__).parents[3] / "envtool/doctor"


# Texts of that form which are something else: a command, a key of uv's settings.
OTHER_TEXTS = {"update-moreh", "moreh-switch-model", "conda-meta", "override-dependencies"}


def ids_in_the_code() -> set[str]:
    """All texts of the checks that are of an id's form: those given to `Finding`, and those chosen among."""
    found = set()
    for path in [*DOCTOR.glob("checks/*.py"), DOCTOR / "diagnose.py", DOCTOR / "probe.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                words = node.value.split("-")
                if len(words) > 1 and all(word.isalpha() and word.islower() for word in words):
                    found.add(node.value)
    return found - OTHER_TEXTS


def test_each_finding_has_its_page() -> None:
    assert ids_in_the_code() == set(list_finding_ids())


def test_pages_have_the_same_parts() -> None:
    for identity in list_finding_ids():
        page = read_page(identity) or ""
        assert page.startswith(f"# {identity}: ")
        for part in ("Severity: ", "## What it means", "## How it comes about", "## What to do"):
            assert part in page, identity


def test_the_command(environment: RealEnvironment) -> None:
    shown = environment.envtool("explain", "torch-replaced")
    assert shown.status == 0
    assert "What to do" in shown.out
    assert "torch-replaced" in environment.envtool("explain").out.split()
    assert environment.envtool("explain", "no-such").status == 2
