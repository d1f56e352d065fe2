"""What the wheel brings for `man` and for shells, from a wheel that is built and installed."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.cells import cell_len

from docs.generate.command_tree import read_commands
from docs.generate.completion import PLACES

PROJECT = Path(__file__).parents[2]
TOOLS = Path(sys.executable).parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel, whose requirements are those of this one."""
    folder = tmp_path_factory.mktemp("share")
    command: list[str | Path] = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    prefix = folder / "environment"
    uv = TOOLS / "uv"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, prefix], check=True)
    install: list[str | Path] = [uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", prefix, wheel]
    subprocess.run(install, check=True, capture_output=True)
    (packages,) = prefix.glob("lib/python*/site-packages")
    # After the wheel's own files on sys.path, so that it is the wheel's envtool that runs.
    requirements = next(path for path in sys.path if path.endswith("site-packages"))
    (packages / "requirements.pth").write_text(f"{requirements}\n")
    return prefix


def test_every_command_has_a_manual_page(installed: Path) -> None:
    for folder in ("man1", "ko/man1"):
        pages = {path.name for path in (installed / "share/man" / folder).iterdir()}
        assert pages == {f"{command.slug}.1" for command in read_commands()}


@pytest.mark.skipif(shutil.which("lexgrog") is None, reason="man-db is not installed")
def test_man_can_list_the_pages(installed: Path) -> None:
    """`apropos` and `whatis` are made of what lexgrog finds."""
    pages = sorted((installed / "share/man").rglob("*.1"))
    done = subprocess.run(["lexgrog", *pages], capture_output=True, text=True, check=True)
    found = done.stdout.splitlines()
    assert len(found) == len(pages)
    assert any('"envtool-doctor - Tell whether the vendor torch is in place' in line for line in found)
    assert any('"envtool-doctor - 벤더의 torch가 제자리에 있는지' in line for line in found)


@pytest.mark.skipif(shutil.which("man") is None, reason="man is not installed")
def test_man_finds_and_shows_a_page(installed: Path) -> None:
    """By its bin folder on PATH, as in an active environment; also as two words."""
    variables = {
        "PATH": f"{installed}/bin:/usr/bin:/bin",
        "MANWIDTH": "80",
        "LANG": "C.UTF-8",
    }
    done = subprocess.run(
        ["man", "--warnings", "envtool", "doctor"], env=variables, capture_output=True, text=True, check=True
    )
    assert "--probe" in done.stdout
    assert done.stderr == ""
    main = subprocess.run(["man", "--warnings", "envtool"], env=variables, capture_output=True, text=True, check=True)
    for word in ("EXIT STATUS", "HAC_VENDOR", "envtool blame", "97"):
        assert word in main.stdout
    assert main.stderr == ""
    assert max(map(len, main.stdout.splitlines())) <= 80


@pytest.mark.skipif(shutil.which("man") is None, reason="man is not installed")
@pytest.mark.parametrize("page", ["envtool", "envtool-doctor"])
def test_man_shows_a_page_in_the_language_that_is_asked_for(installed: Path, page: str) -> None:
    variables = {"PATH": f"{installed}/bin:/usr/bin:/bin", "MANWIDTH": "80", "LANG": "C.UTF-8"}
    command = ["man", "--warnings", "-L", "ko", page]
    done = subprocess.run(command, env=variables, capture_output=True, encoding="utf-8", check=True)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    heads = [line for line in lines if line and not line.startswith(" ")][1:-1]
    assert heads[:3] == ["이름", "사용법", "설명"]
    # A line of the page speaks Korean, or is nothing but names, commands and what they take.
    assert not [line for line in lines if re.search(r"(?:\b[a-z]{2,} ){4}", line) and not re.search("[가-힣]", line)]
    assert max(map(cell_len, lines)) <= 80


class Terminal:
    """An interactive shell, to type into."""

    def __init__(self, command: list[str], variables: dict[str, str], folder: Path) -> None:
        self._ours, theirs = pty.openpty()
        # fish ends at once where the terminal is not its session's own.
        self._process = subprocess.Popen(
            ["setsid", "--ctty", *command], stdin=theirs, stdout=theirs, stderr=theirs, env=variables, cwd=folder
        )
        os.close(theirs)

    def type(self, text: str, until: str, seconds: float = 20) -> str:
        """Type, and read until a word is there. What was read is the answer, with the word or without."""
        os.write(self._ours, text.encode())
        seen = ""
        end = time.monotonic() + seconds
        while until not in seen and time.monotonic() < end:
            if select.select([self._ours], [], [], 0.1)[0]:
                try:
                    seen += os.read(self._ours, 65536).decode(errors="replace")
                except OSError:
                    # The shell has ended.
                    break
        return seen

    def close(self) -> None:
        """End the shell."""
        self._process.kill()
        self._process.wait()
        os.close(self._ours)


SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
START = {
    "bash": "source {share}/bash-completion/completions/envtool; echo rea''dy\n",
    "zsh": "fpath=({share}/zsh/site-functions $fpath); autoload -Uz compinit; compinit -u -D; echo rea''dy\n",
    "fish": "source {share}/fish/vendor_completions.d/envtool.fish; echo rea''dy\n",
}


@pytest.mark.parametrize("shell", list(SHELLS))
def test_a_shell_completes(installed: Path, shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    variables = {"PATH": f"{installed}/bin:/usr/bin:/bin", "HOME": str(tmp_path), "TERM": "dumb", "LANG": "C.UTF-8"}
    (tmp_path / "requirements.txt").write_text("")
    terminal = Terminal(SHELLS[shell], variables, tmp_path)
    try:
        assert "ready" in terminal.type(START[shell].format(share=installed / "share"), "ready")
        assert "envtool doctor" in terminal.type("envtool doct\t", "doctor")
        assert "--probe" in terminal.type(" --prob\t", "--probe")
        assert "requirements.txt" in terminal.type("\x15envtool check requi\t", "requirements.txt")
    finally:
        terminal.close()


def test_a_script_of_each_shell_is_where_it_looks(installed: Path) -> None:
    for place in PLACES.values():
        assert "envtool" in (installed / "share" / place).read_text()


def test_the_same_program_makes_the_same_wheel(tmp_path: Path) -> None:
    """Manual pages have no date, and temporary folders no name in the archive."""
    digests = set()
    for name in ("one", "other"):
        command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path / name)]
        variables = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
        subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, env=variables)
        digests.add(next((tmp_path / name).glob("*.whl")).read_bytes())
    assert len(digests) == 1
