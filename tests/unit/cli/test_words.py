"""What a person reads: lines that fit the terminal, columns that align, messages that end where a part of them ends."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from envtool.cli.render.jobs import render_table
from envtool.cli.wrap import wrap_lines
from envtool.printable import display_width, pad, shorten_end, shorten_start
from tests.support.environment import RealEnvironment


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("short", ["short"]),
        ("  cause  one two three four five six", ["  cause  one two three four", "         five six"]),
        ("error [id] one two three four five six", ["error [id] one two three four", "  five six"]),
        ("  run    pip install one two three four five", ["  run    pip install one two three four five"]),
        ("  next: pip install one two three four five", ["  next: pip install one two three four five"]),
        ("/a/path/that/is/longer/than/the/line/is", ["/a/path/that/is/longer/than/the/line/is"]),
        ("  cause  가나다라 마바사아 자차카타", ["  cause  가나다라 마바사아", "         자차카타"]),
        ("\x1b[31;1mabc\x1b[0m def ghi jkl mno pqr stu v", ["\x1b[31;1mabc\x1b[0m def ghi jkl mno pqr stu v"]),
        ("", [""]),
    ],
)
def test_lines_break_between_words_and_go_on_below(line: str, expected: list[str]) -> None:
    assert wrap_lines(line, 31).split("\n") == expected


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("한국어", 6), ("e\u0301", 1), ("ｱ", 1), ("全", 2), ("a\u200db", 2)]
)
def test_columns(text: str, width: int) -> None:
    assert display_width(text) == width
    assert display_width(pad(text, 8)) == 8


def test_a_table_with_korean_names_aligns() -> None:
    rows = render_table([("NAME", "ID"), ("학습", "1"), ("train", "2")])
    assert {display_width(row[: row.rindex(row.split()[-1])]) for row in rows} == {7}


SENTENCES = "Because one was not found, two fails. And because three needs two; three fails. So all of it fails."


@pytest.mark.parametrize("longest", range(20, 101, 5))
def test_no_message_is_cut_in_a_word(longest: int) -> None:
    head, tail = shorten_end(SENTENCES, longest), shorten_start(SENTENCES, longest)
    words = {*SENTENCES.split(), "…"}
    assert set(head.split()) | set(tail.split()) <= words
    assert SENTENCES.startswith(head.removesuffix(" …"))
    assert SENTENCES.endswith(tail.removeprefix("… "))
    assert len(head) <= longest + 2


def test_a_long_message_ends_with_a_sentence() -> None:
    assert shorten_end(SENTENCES, 60) == "Because one was not found, two fails. …"
    assert shorten_start(SENTENCES, 30) == "… So all of it fails."


def run_in_terminal(command: list[str], environment: dict[str, str], columns: int) -> str:
    """What a program prints on a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(command, env=environment, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL)
    os.close(theirs)
    said = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:
            break
        if not chunk:
            break
        said += chunk
    process.wait(timeout=120)
    os.close(ours)
    return said.decode().replace("\r\n", "\n")


def test_doctor_fits_the_terminal_and_a_pipe_gets_whole_lines(environment: RealEnvironment) -> None:
    environment.pip_install("--upgrade", "torch>=2")
    variables = {**os.environ, **environment.variables, "TERM": "xterm"}
    variables.pop("COLUMNS", None)
    command = [sys.executable, "-m", "envtool", "doctor", "--prefix", str(environment.path)]
    lines = run_in_terminal(command, variables, 80).split("\n")
    long = [line for line in lines if display_width(line) > 80]
    # Commands and paths stay whole.
    assert [line for line in long if not line.lstrip().startswith(("run", "seen", "environment", "/"))] == []
    assert len(lines) > len(environment.envtool("doctor", "--prefix", str(environment.path)).out.splitlines())


def test_the_same_trouble_in_five_extras_is_told_once(environment: RealEnvironment, tmp_path: Path) -> None:
    extras = "\n".join(f'{name} = ["harmless-{name}"]' for name in ("one", "two", "three", "four", "five"))
    project = '[project]\nname = "a"\nversion = "1"\ndependencies = ["torch==2.5.0"]\n[project.optional-dependencies]\n'
    (tmp_path / "pyproject.toml").write_text(project + extras + "\n")
    done = environment.envtool("check", "--static", "--prefix", str(environment.path), str(tmp_path / "pyproject.toml"))
    assert done.status == 1
    assert done.out.count("clobbered") == 1
    assert "(itself; extras one, two, three, four, five)" in done.out, done.out
