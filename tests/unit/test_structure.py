"""The rules of the house that code can state."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "envtool"

# Room -> rooms that it may import. `errors` is open to all.
ALLOWED: dict[str, set[str]] = {
    "vendor": set(),
    "environment": {"vendor"},
    "install": {"vendor"},
    "driver": set(),
    "doctor": {"vendor", "environment", "driver"},
    "restore": {"vendor", "environment", "install", "doctor"},
    "guard": {"vendor"},
    "requirements": {"vendor"},
    "image": {"vendor", "install"},
    "demo": {"vendor", "image"},
    "verify": {"vendor", "environment", "doctor", "image"},
    "guarded": {"vendor", "environment", "install", "doctor", "restore", "requirements"},
    "cli": {
        *("vendor", "environment", "driver", "install", "doctor", "restore"),
        *("guard", "requirements", "guarded", "image", "demo", "verify"),
    },
}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        found |= {name.split(".")[1] for name in names if name.startswith("envtool.")}
    return found - {"errors"}


def test_arrows_point_one_way() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {other}"
        for room, allowed in ALLOWED.items()
        for path in (PACKAGE / room).rglob("*.py")
        for other in imports(path) - allowed - {room}
    ]
    assert wrong == []
    assert {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"} == set(ALLOWED)


def test_only_the_command_line_knows_typer_and_only_main_catches_everything() -> None:
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        if path.parent.name != "cli":
            assert "import typer" not in text, path
        if path != PACKAGE / "cli/main.py":
            assert "except EnvtoolError" not in text, path


def test_modules_and_functions_stay_small() -> None:
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        assert text.count("\n") <= 350, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert (node.end_lineno or 0) - node.lineno < 60, f"{path}: {node.name}"


def test_every_error_has_a_status_of_its_own() -> None:
    from envtool.errors import EnvtoolError

    kinds: list[type[EnvtoolError]] = [EnvtoolError, *EnvtoolError.__subclasses__()]
    statuses = [kind.exit_status for kind in kinds]
    assert len(set(statuses)) == len(statuses)
    assert min(statuses) >= 3
    readme = (PACKAGE.parent / "README.md").read_text()
    for kind in kinds:
        assert f"| {kind.exit_status} |" in readme, f"README does not explain exit status {kind.exit_status}"
