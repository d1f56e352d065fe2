"""Commands in their plain forms are read without Typer, and to the same request as with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner

from envtool.cli import run_doctor as examine
from envtool.cli.application import app
from envtool.cli.plain import plain_doctor

DOCTOR = [
    [],
    ["--deep"],
    ["--prefix", "/opt/x", "--format", "json"],
    ["-p", "relative", "--strict", "--no-driver"],
    ["--python", "/opt/x/bin/python", "--driver", "--format", "sarif"],
]
FOR_TYPER = [
    ["--help"],
    ["--prefix"],
    ["--prefix", "--deep"],
    ["--prefix=/opt/x"],
    ["--format", "yaml"],
    ["--fix"],
    ["--vendor", "/mnt/wheels"],
    ["extra"],
]
QUIET: list[list[str]] = [[], ["--quiet"], ["-q"]]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The requests that commands would have carried out."""
    found: list[Any] = []

    def kept(answer: object) -> Callable[..., object]:
        def keep(request: object, *_rest: object) -> object:
            found.append(request)
            return answer

        return keep

    monkeypatch.setattr(examine, "run_doctor", kept(0))
    return found


def _run(application: Typer, words: list[str]) -> None:
    result = CliRunner().invoke(application, words)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("arguments", DOCTOR)
@pytest.mark.parametrize("before", QUIET)
def test_doctor(arguments: list[str], before: list[str], seen: list[Any]) -> None:
    words = [*before, "doctor", *arguments]
    _run(app, words)
    assert [plain_doctor(words)] == seen


@pytest.mark.parametrize("arguments", FOR_TYPER)
def test_everything_else_is_left_to_typer(arguments: list[str]) -> None:
    assert plain_doctor(["doctor", *arguments]) is None


def test_other_commands_are_left_to_typer() -> None:
    for words in ([], ["-q"], ["list"], ["--version"]):
        assert plain_doctor(words) is None
    assert plain_doctor(["restore"]) is None
