"""The lines of a cell as IPython takes them, without prompts and indentation, and the files that cells write."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_PROMPT = re.compile(r"^\s*(?:>>>|\.\.\.|In \[\d+\]:|\s*\.{3,}:)(?: |$)")
_WRITTEN = re.compile(r"^%%(?:writefile|file)\s+(?:-a\s+|--append\s+)?(\S+)")
# Python and shell are judged together with the cells around them.
_WRITTEN_ELSEWHERE = (".py", ".sh", ".bash", ".slurm", ".sbatch", ".ipynb")
# Commands that IPython takes without a `%` (automagic), where they cannot be Python.
_AUTOMAGIC = re.compile(r"^(?:pip3?|conda|mamba)\s+(?:install|uninstall|download)\s")


@dataclass(frozen=True)
class SourceLine:
    """A line of a cell: its text, its line in the file, and its cell, from 1."""

    text: str
    line: int
    cell: int


@dataclass(frozen=True)
class WrittenFile:
    """A file that a cell writes by `%%writefile`."""

    name: str
    lines: tuple[SourceLine, ...]


def clean_cell(lines: Sequence[SourceLine]) -> list[SourceLine]:
    """The lines as IPython runs them: it takes prompts and the first line's indentation away.

    A comment before the magic of a whole cell is passed over, as Colab does.
    """
    texts = [line.text for line in lines]
    first = next((at for at, text in enumerate(texts) if text.strip()), None)
    if first is None:
        return list(lines)
    if _PROMPT.match(texts[first]):
        texts = list(_strip_prompts(texts))
    indent = re.match(r"[ \t]*", texts[first])
    if indent is not None and indent[0]:
        texts = [text.removeprefix(indent[0]) for text in texts]
    begun = next((text for text in texts if text.strip() and not text.lstrip().startswith("#")), "")
    if begun.startswith("%%"):
        at = texts.index(begun)
        texts[:at] = [""] * at
    texts = [f"%{text}" if _AUTOMAGIC.match(text) else text for text in texts]
    return [SourceLine(text, line.line, line.cell) for text, line in zip(texts, lines, strict=True)]


def _strip_prompts(texts: Sequence[str]) -> Iterator[str]:
    """What stands behind prompts; what has none is the answer."""
    for text in texts:
        match = _PROMPT.match(text)
        yield text[match.end() :] if match is not None else ""


def find_written_file(lines: Sequence[SourceLine]) -> WrittenFile | None:
    """The file that a cell writes, where it is judged by itself."""
    at = next((at for at, line in enumerate(lines) if line.text.strip()), 0)
    match = _WRITTEN.match(lines[at].text) if lines else None
    if match is None or match[1].endswith(_WRITTEN_ELSEWHERE):
        return None
    return WrittenFile(match[1].strip("\"'"), tuple(lines[at + 1 :]))
