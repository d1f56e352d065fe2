"""The picture of a terminal in the README: made of a real run, by `make picture`.

An environment of stand-ins is made, a real pip installs another torch over it, and what `envtool` prints on a terminal
of so many columns is drawn by Rich. Nothing in it is written by hand; a test compares the words with another run's.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from docs.generate.tables import DOCS

PICTURE = DOCS / "assets/terminal.svg"
_COLUMNS = 100
# Bars that move: what lies between hiding and showing the cursor is not there any more at the end.
_BARS = re.compile(r"\x1b\[\?25l.*?\x1b\[\?25h", re.DOTALL)
# What a person types, in the order of the story.
COMMANDS = (
    "envtool check requirements.txt",
    "pip install -q -r requirements.txt",
    "envtool doctor",
    "envtool restore",
)


def main() -> None:
    """Draw the picture anew."""
    PICTURE.write_text(draw(run_story()), encoding="utf-8")


def run_story() -> str:
    """Everything that a terminal shows of the commands, with the colours' sequences in it."""
    with prepared_folder() as (folder, index):
        return "".join(f"\x1b[1;32m$\x1b[0m {command}\n{_run(command, folder, index)}" for command in COMMANDS)


def draw(text: str) -> str:
    """The terminal's text as SVG, the same for the same text."""
    from rich.console import Console
    from rich.terminal_theme import DIMMED_MONOKAI
    from rich.text import Text

    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=_COLUMNS, file=nowhere, force_terminal=True, legacy_windows=False)
        console.print(Text.from_ansi(text), overflow="fold", no_wrap=False)
    return console.export_svg(title="envtool", theme=DIMMED_MONOKAI, unique_id="terminal", code_format=_format())


def _format() -> str:
    """Rich's drawing, without the fonts that a reader's browser would fetch."""
    from rich._export_format import CONSOLE_SVG_FORMAT

    return re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


@contextmanager
def prepared_folder() -> Iterator[tuple[Path, str]]:
    """A folder with a healthy environment and a requirements file, and the address of an index with another torch."""
    from envtool.demo.python_index import add_to_index, index_server, make_upstream_torch
    from envtool.demo.vendor_release import write_release
    from envtool.demo.wheel_writer import WheelContent, write_wheel

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_release(folder / "vendor", (sys.version_info.major, sys.version_info.minor))
        releases = [
            WheelContent(
                name="accelerate",
                version=version,
                tag="py3-none-any",
                files={"accelerate.py": b""},
                summary="A stand-in: same name, version and requirement",
                requires=[required],
            )
            for version, required in (("0.20.3", "torch>=1.6.0"), ("1.15.0", "torch>=2.0.0"))
        ]
        for content in (make_upstream_torch(), *releases):
            add_to_index(folder / "index", write_wheel(content, folder / "made"))
        (folder / "requirements.txt").write_text("accelerate\n")
        uv = str(Path(sys.executable).parent / "uv")
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder / "pytorch"], check=True)
        with index_server(folder / "index") as index:
            _run(f"envtool restore --vendor {folder / 'vendor'}", folder, index)
            yield folder, index


def _run(command: str, folder: Path, index: str) -> str:
    """What a command prints on a terminal, with its folder left out of the words."""
    words = command.split()
    words[:1] = {"pip": [sys.executable, "-m", "pip", "--python", str(folder / "pytorch/bin/python")]}.get(
        words[0], [str(Path(sys.executable).parent / words[0])]
    )
    output = _BARS.sub("", _read_terminal(words, folder, index))
    return output.replace("\r\n", "\n").replace(f"{folder}/", "").replace(str(folder), ".")


def _read_terminal(words: Sequence[str], folder: Path, index: str) -> str:
    """Run a program with a terminal of its own, and return all that it writes there."""
    variables = {
        "PATH": f"{folder}/pytorch/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "VIRTUAL_ENV": str(folder / "pytorch"),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "PIP_INDEX_URL": index,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_CONFIG_FILE": os.devnull,
        "UV_DEFAULT_INDEX": index,
        "UV_CACHE_DIR": str(folder / "cache"),
    }
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, _COLUMNS, 0, 0))
    with subprocess.Popen(words, cwd=folder, env=variables, stdin=theirs, stdout=theirs, stderr=theirs) as program:
        os.close(theirs)
        pieces = []
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:
                # Linux's word for the end of a terminal whose other side is closed.
                break
            if not piece:
                break
            pieces.append(piece)
        program.wait()
    os.close(ours)
    return b"".join(pieces).decode("utf-8", "replace")


if __name__ == "__main__":
    main()
