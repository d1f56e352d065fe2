"""Reads a notebook's code cells, each line with its place in the file; magics are blanked, `!` lines are shell.

The JSON is read by the standard library, since nbformat keeps no line numbers.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]
from typing import Any

from envtool.documents import parse_json
from envtool.language import tell
from envtool.scan.cell_source import SourceLine, WrittenFile, clean_cell, find_written_file

_SHELL_CELLS = re.compile(
    r"^%%(?:bash|sh|shell|script\s+(?:bash|sh)|(?:writefile|file)\s+(?:-a\s+)?\S+\.(?:sh|bash|slurm|sbatch))\b|^%%!"
)
_PYTHON_CELLS = re.compile(
    r"^%%(?:time|timeit|capture|prun|python3?|px|cython|wandb|(?:writefile|file)\s+(?:-a\s+)?\S+\.py)\b"
)
_SHELL_LINE = re.compile(r"^(\s*)(?:[\w.,\s]+=\s*)?!(?!=)(.*)$")
_SHELL_MAGIC = re.compile(r"^(\s*)%(?:(?:sx|system|env|set_env)\s+|(?=pip\s|conda\s))(.*)$")
# What Jupytext writes at the top of a notebook that it keeps as a script, and how it begins a cell of words.
_JUPYTEXT = re.compile(r"\A(?:#.*\n){0,3}# jupyter:\n#\s+jupytext:", re.MULTILINE)
_CELL = re.compile(r"^#\s*%%(.*)$")
_HIDDEN = re.compile(r"^(\s*)# ([!%][\w./~].*)$")
_EXPORTED = re.compile(r"^\s*[!%]\s*[\w./]", re.MULTILINE)
_RUN_MAGIC = re.compile(r"^(\s*)%run\s+(.*)$")


@dataclass(frozen=True)
class Notebook:
    """The Python of all cells as one source, what is shell, cells that cannot be parsed, and files that cells write.

    `lines[n]` is where line `n + 1` of the Python stands.
    """

    python: str
    lines: tuple[SourceLine, ...]
    shell: tuple[SourceLine, ...]
    unread: tuple[tuple[int, str], ...] = ()
    written: tuple[WrittenFile, ...] = ()


def read_notebook(text: str) -> Notebook:
    """Read a notebook. Raises `ValueError` where it is none."""
    document = parse_json(text)
    if not isinstance(document, dict):
        raise ValueError(tell("it is no notebook"))
    worksheets = document.get("worksheets")
    cells = document.get("cells")
    if cells is None and isinstance(worksheets, list):
        # The third version of the format.
        cells = [cell for sheet in worksheets if isinstance(sheet, dict) for cell in sheet.get("cells") or []]
    if not isinstance(cells, list):
        raise ValueError(tell("it is no notebook: it has no cells"))
    python: list[SourceLine] = []
    shell: list[SourceLine] = []
    unread: list[tuple[int, str]] = []
    written: list[WrittenFile] = []
    positions = _LinePositions(text)
    for number, cell in enumerate(cells, 1):
        if not isinstance(cell, dict):
            continue
        lines = positions.take(cell, number)
        if cell.get("cell_type") != "code":
            continue
        lines = clean_cell(lines)
        file = find_written_file(lines)
        if file is not None:
            written.append(file)
            continue
        code, commands = _split_cell(lines)
        shell += commands
        try:
            ast.parse("\n".join(line.text for line in code))
        except (SyntaxError, ValueError, RecursionError) as error:
            unread.append((number, str(error)))
        else:
            python += code
    source = "\n".join(line.text for line in python)
    return Notebook(source, tuple(python), tuple(shell), tuple(unread), tuple(written))


def read_script_notebook(text: str) -> Notebook | None:
    """A notebook that was made into a script; `None` where the text is Python, or nothing that can be parsed.

    Jupytext keeps magics in comments, and Colab leaves them as they are.
    """
    is_kept = _JUPYTEXT.search(text) is not None
    if not is_kept and (not _EXPORTED.search(text) or _is_python(text)):
        return None
    rows = list(_show_hidden(text)) if is_kept else text.split("\n")
    lines = [SourceLine(row, number, 0) for number, row in enumerate(rows, 1)]
    code, commands = _split_cell(lines)
    python = "\n".join(line.text for line in code)
    return Notebook(python, tuple(code), tuple(commands)) if _is_python(python) else None


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


def _show_hidden(text: str) -> Iterator[str]:
    """The lines with the magics that stand in comments, but for those in cells of words."""
    is_code = True
    for row in text.split("\n"):
        cell = _CELL.match(row)
        if cell is not None:
            is_code = not re.search(r"\[(?:markdown|md|raw)\]|language=", cell[1])
        yield _HIDDEN.sub(r"\1\2", row) if is_code else row


class _LinePositions:
    """Finds the lines of each cell's source in the text of the file, cell after cell."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._counted = 0

    def take(self, cell: dict[str, Any], number: int) -> list[SourceLine]:
        source = cell.get("source", cell.get("input", []))
        parts = (
            [source]
            if isinstance(source, str)
            else [part for part in source if isinstance(part, str)]
            if isinstance(source, list)
            else []
        )
        key = re.compile(r'"(?:source|input)"\s*:\s*').search(self._text, self._at)
        if key is not None:
            self._at = key.end()
        lines: list[SourceLine] = []
        rest = ""
        line = self._count(self._at)
        for part in parts:
            line = self._find(part) or line
            pieces = (rest + part).split("\n")
            rest = pieces.pop()
            lines += [SourceLine(piece, line, number) for piece in pieces]
        return [*lines, SourceLine(rest, line, number)] if rest else lines

    def _find(self, part: str) -> int | None:
        at = self._text.find('"', self._at)
        while at != -1:
            try:
                found, end = scanstring(self._text, at + 1, False)
            except JSONDecodeError:
                return None
            if found == part:
                self._at = end
                return self._count(at)
            if found in {"cells", "metadata", "outputs", "cell_type"}:
                return None
            at = self._text.find('"', end)
        return None

    def _count(self, at: int) -> int:
        if at < self._counted:
            return self._line
        self._line += self._text.count("\n", self._counted, at)
        self._counted = at
        return self._line


def _split_cell(lines: list[SourceLine]) -> tuple[list[SourceLine], list[SourceLine]]:
    """The Python and the shell of a cell; lines of the Python that are none are empty, or `pass`."""
    first = next((line.text for line in lines if line.text.strip()), "")
    if first.startswith("%%"):
        if _SHELL_CELLS.match(first):
            return [], [line for line in lines if not line.text.startswith("%%")]
        if not _PYTHON_CELLS.match(first):
            return [], []
    return list(_blank_magics(lines)), list(_list_commands(lines))


def _blank_magics(lines: list[SourceLine]) -> Iterator[SourceLine]:
    continues = False
    for line in lines:
        stripped = line.text.lstrip()
        indent = line.text[: len(line.text) - len(stripped)]
        if (
            continues
            or stripped.startswith(("%", "!", "?"))
            or _SHELL_LINE.match(line.text)
            or re.match(r"^\s*[\w.]+\?\??\s*$", line.text)
        ):
            yield SourceLine(f"{indent}pass" if stripped and not continues else "", line.line, line.cell)
            continues = line.text.rstrip().endswith("\\")
        elif re.match(r"^\s*\w+\s*=\s*%", line.text):
            yield SourceLine(f"{indent}pass", line.line, line.cell)
        else:
            yield line


def _list_commands(lines: list[SourceLine]) -> Iterator[SourceLine]:
    continues = False
    for line in lines:
        if continues:
            yield line
            continues = line.text.rstrip().endswith("\\")
            continue
        match = _SHELL_LINE.match(line.text) or _SHELL_MAGIC.match(line.text)
        if match is None and (run := _RUN_MAGIC.match(line.text)):
            yield SourceLine(f"python {run[2]}", line.line, line.cell)
            continue
        if match is not None:
            text = match[2].strip()
            yield SourceLine(text, line.line, line.cell)
            continues = text.endswith("\\")
