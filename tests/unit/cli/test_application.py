"""The command line: what it lists, and what it imports to read one command."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from envtool.cli.application import CommandGroup, app

VISIBLE = [name for name, lazy in CommandGroup.lazy_commands.items() if not lazy.is_hidden]


def list_modules(*arguments: str) -> set[str]:
    """The modules that are imported once `envtool ARGUMENTS` has run, in an interpreter of its own."""
    code = (
        "import sys; sys.argv[0] = 'envtool'\nfrom envtool.cli.main import main\ntry:\n  main()\nexcept SystemExit:\n"
    )
    code += "  print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("name", VISIBLE)
def test_help_lists_a_command_with_its_line(name: str) -> None:
    result = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "300"})
    assert result.exit_code == 0
    line = next(line for line in result.output.splitlines() if line.strip("│| ").startswith(f"{name} "))
    assert len(line.strip("│| ").split()) > 3, line


def test_help_does_not_list_a_hidden_command() -> None:
    assert "stand-ins, and say whether" not in CliRunner().invoke(app, ["--help"], env={"COLUMNS": "300"}).output


@pytest.mark.parametrize("name", list(CommandGroup.lazy_commands))
def test_a_command_has_help(name: str) -> None:
    result = CliRunner().invoke(app, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert f"envtool {name}" in result.output


def test_a_command_that_does_not_exist() -> None:
    result = CliRunner().invoke(app, ["docter"])
    assert result.exit_code == 2


def test_only_the_module_of_the_command_is_imported() -> None:
    commands = {name for name in list_modules("explain") if name.startswith("envtool.cli.commands.")}
    assert commands == {"envtool.cli.commands.explain"}


@pytest.mark.parametrize("module", ["rich", "packaging", "requests", "pydantic"])
def test_a_short_command_imports_nothing_heavy(module: str) -> None:
    assert module not in list_modules("explain", "torch-replaced")
    assert module not in list_modules("explain", "--from", os.devnull + "/no-such-file")
    assert module not in list_modules("explain", "--from", __file__)


@pytest.mark.parametrize(
    ("words", "expected"), [("envtool re", {"restore"}), ("envtool vendor f", {"fetch"})], ids=["command", "group"]
)
def test_completion_knows_the_commands(words: str, expected: set[str]) -> None:
    environment = {"_ENVTOOL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    result = CliRunner().invoke(app, [], env=environment, prog_name="envtool")
    assert set(result.output.split()) == expected
