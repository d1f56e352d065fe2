"""What the documents say of the code is so."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from envtool import api

PROJECT = Path(__file__).parents[2]
DOCUMENTS = [*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")]


def test_architecture_names_files_that_exist() -> None:
    text = (PROJECT / "docs/architecture.md").read_text()
    named = set(re.findall(r"`([a-z_/]+\.py)`", text)) - {"cli/commands/X.py"}
    present = {str(path.relative_to(PROJECT / "envtool")) for path in (PROJECT / "envtool").rglob("*.py")}
    # A file may be named alone where the one before it names its room.
    missing = {name for name in named if not any(path == name or path.endswith(f"/{name}") for path in present)}
    assert len(named) > 40
    assert missing == set()


def test_architecture_names_every_room() -> None:
    text = (PROJECT / "docs/architecture.md").read_text()
    rooms = {path.parent.name for path in (PROJECT / "envtool").glob("*/__init__.py")}
    assert {name for name in rooms if f"| `{name}` |" not in text} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_links_lead_to_files(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", document.read_text())
    inside = [target for target in targets if "://" not in target and not target.startswith("mailto:")]
    assert [target for target in inside if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("name", api.__all__)
def test_api_names_are_documented(name: str) -> None:
    assert getattr(api, name).__doc__
    assert f"`{name}" in (PROJECT / "docs/api.md").read_text()


@pytest.mark.parametrize("name", [name for name in api.__all__ if name.endswith("Request")])
def test_requests_are_frozen_and_made_by_keyword(name: str) -> None:
    request = getattr(api, name)
    assert dataclasses.is_dataclass(request)
    assert vars(request)["__dataclass_params__"].frozen
    parameters = list(inspect.signature(vars(request)["__init__"]).parameters.values())[1:]
    kinds = {item.kind for item in parameters}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}


def test_the_notebook_runs(tmp_path: Path) -> None:
    cells = json.loads((PROJECT / "examples/api.ipynb").read_text())["cells"]
    program = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    variables = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "restored",
        "damaged",
        "error:",
        "planned",
        "healthy",
    ]
