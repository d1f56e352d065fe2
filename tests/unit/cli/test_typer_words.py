"""What Typer says of its own, in Korean. Typer itself says it here, so a release with other words is noticed."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

from envtool.cli.typer_words import TEMPLATES, WORDS, translate_error


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


application = typer.Typer()


@application.command()
def first(
    name: str,
    colour: Annotated[Colour, typer.Option()] = Colour.RED,
    number: Annotated[int, typer.Option(min=1, max=3)] = 1,
    part: Annotated[float, typer.Option()] = 1,
    pair: Annotated[tuple[int, int], typer.Option()] = (1, 2),
    file: Annotated[Path | None, typer.Option(exists=True, dir_okay=False)] = None,
    folder: Annotated[Path | None, typer.Option(exists=True, file_okay=False)] = None,
    path: Annotated[Path | None, typer.Option(exists=True)] = None,
    flag: Annotated[bool, typer.Option("--flag")] = False,
) -> None:
    """A command with a parameter of each kind."""


@application.command()
def second(needed: Annotated[str, typer.Option()], choice: Annotated[Colour, typer.Argument()]) -> None:
    """A command that needs an option."""


WRONG = {
    "no argument": "first",
    "no option": "second red",
    "no choice": "second --needed x",
    "one too many": "first a b",
    "several too many": "first a b c",
    "unknown option": "first a --nope",
    "option like another": "first a --fla",
    "unknown command": "third",
    "command like another": "secnd",
    "no value": "first a --part",
    "a value of two": "first a --pair 1",
    "a value to a flag": "first a --flag=1",
    "no choice of these": "first a --colour green",
    "no number": "first a --part x",
    "out of range": "first a --number 9",
    "no such file": "first a --file /nowhere",
    "a folder for a file": "first a --file /tmp",
    "no such folder": "first a --folder /nowhere",
    "a file for a folder": "first a --folder /etc/passwd",
    "no such path": "first a --path /nowhere",
}
_ENGLISH = re.compile(r"(?<![\w'/<-])[a-z]{2,} [a-z]{2,}")


def find_errors(line: str) -> str:
    """What Typer says of a command line."""
    command: Any = typer.main.get_command(application)
    # Typer's, or Click's, by the release.
    with pytest.raises(Exception) as caught:  # noqa: PT011
        command(line.split(), standalone_mode=False)
    said: Any = caught.value
    return str(said.format_message())


@pytest.mark.parametrize("line", WRONG.values(), ids=list(WRONG))
def test_an_error_is_told_in_korean(line: str) -> None:
    english = find_errors(line)
    told = translate_error(english, "ko")
    assert re.search("[가-힣]", told), english
    quoted = set(re.findall(r"'[^']*'|--[\w-]+|/\w+", english))
    assert {word for word in quoted if word not in told} == set()
    assert _ENGLISH.findall(re.sub(r"'[^']*'|(float|int|integer) range", "", told)) == []
    assert translate_error(english, "en") == " ".join(english.split()) or "\n" in english


def test_a_text_that_is_not_known_stays() -> None:
    assert translate_error("something else is wrong", "ko") == "something else is wrong"
    assert translate_error("Invalid value: something else", "ko") == "값이 잘못되었습니다: something else"


def list_asked_words() -> Iterator[str]:
    """Every text that Typer asks gettext for."""
    found = importlib.util.find_spec("typer")
    assert found is not None
    assert found.origin is not None
    for path in Path(found.origin).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="_" | "gettext"), args=[ast.Constant(value=str(text))]):
                    yield text
                case _:
                    pass


def test_every_text_that_typer_asks_for_has_its_place() -> None:
    # For a default that a function computes; no option here has one.
    assert set(list_asked_words()) - {*WORDS, "(dynamic)"} == set(), "add it to envtool/cli/typer_words.py"
    assert len(set(TEMPLATES)) == len(TEMPLATES)


def test_usage_and_errors_are_korean_with_their_colour() -> None:
    variables = {**os.environ, "HAC_LANG": "ko", "PYTHONUTF8": "1", "FORCE_COLOR": "1", "TERM": "xterm"}
    variables.pop("NO_COLOR", None)
    command = [sys.executable, "-m", "envtool", "jobs", "--nope"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert re.search("\x1b\\[[\\d;]*m사용법: \x1b", done.stderr)
    assert "--nope 옵션이 없습니다." in re.sub("\x1b\\[[\\d;]*m", "", done.stderr)
