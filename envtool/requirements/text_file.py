"""The text of a dependency file, or an error that names the file and the line."""

from __future__ import annotations

import codecs
import errno
import re
from dataclasses import dataclass, field
from pathlib import Path

from envtool.errors import RequirementsError
from envtool.language import tell
from envtool.regular_file import read_regular_file

# Bytes. The largest lock files that are met are a fifth of this.
MAX_BYTES = 8 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# PEP 263, which pip follows for requirements files.
_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+)")


def read_text(path: Path) -> str:
    """The file's text. Raises `RequirementsError` where it is missing, too large, or no text."""
    try:
        data = read_regular_file(path, MAX_BYTES)
    except FileNotFoundError as error:
        raise RequirementsError(tell("{path} does not exist", path=path), remedy=f"ls {path.parent}") from error
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise RequirementsError(
                tell("{path} is larger than {max_bytes} MiB", path=path, max_bytes=MAX_BYTES >> 20),
                why=tell("no dependency file is; it may be an archive or a log"),
                remedy=tell("head -c 300 {path}", path=path),
            ) from error
        raise RequirementsError(
            tell("{path} cannot be read", path=path), why=str(error.strerror), remedy=f"ls -l {path}"
        ) from error
    return decode_text(data, path)


def decode_text(data: bytes, path: Path) -> str:
    """Bytes as text: by their byte order mark, a coding line, or UTF-8. Raises `RequirementsError`."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decode(data[len(mark) :], encoding, path)
    for line in data.split(b"\n", 2)[:2]:
        if match := _CODING.match(line):
            return _decode(data, match[1].decode("ascii"), path)
    return _decode(data, "utf-8", path)


def _decode(data: bytes, encoding: str, path: Path) -> str:
    try:
        text = data.decode(encoding)
        bad = text.find("\0")
    except LookupError as error:
        raise RequirementsError(
            tell("{path}:1: the coding line names no encoding", path=path), why=str(error)
        ) from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RequirementsError(
            tell("{path}:{line}: not a text file", path=path, line=line),
            why=tell("{reason} in {encoding}", reason=error.reason, encoding=encoding),
            remedy=tell("file {path}", path=path),
        ) from error
    if bad >= 0:
        line = text.count("\n", 0, bad) + 1
        raise RequirementsError(
            tell("{path}:{line}: not a text file", path=path, line=line),
            why=tell("a NUL character"),
            remedy=tell("file {path}", path=path),
        )
    return text


@dataclass
class LineFinder:
    """Finds on which line of a text something stands, for formats whose parsers do not tell."""

    text: str
    _rows: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self._rows = self.text.splitlines()

    def find(self, wanted: str, after: int = 1) -> int:
        """The first line from `after` on with `wanted` in it, else the first of all, else `after`."""
        for start in (after, 1):
            for number in range(max(start, 1), len(self._rows) + 1):
                if wanted in self._rows[number - 1]:
                    return number
        return after

    def find_quoted(self, wanted: str, after: int = 1) -> int:
        """The same for a string between quotes, as JSON and TOML write it."""
        import json

        for spelled in (f'"{wanted}"', f"'{wanted}'", json.dumps(wanted)):
            if spelled in self.text:
                return self.find(spelled, after)
        return self.find(wanted, after)

    def find_match(self, pattern: str, after: int = 1) -> int:
        """The first line from `after` on that matches a pattern from its start, else `after`."""
        compiled = re.compile(pattern)
        for number in range(max(after, 1), len(self._rows) + 1):
            if compiled.match(self._rows[number - 1]):
                return number
        return after

    def find_pattern(self, pattern: re.Pattern[str]) -> int | None:
        """The first line that a pattern matches from its start and that is no comment, or `None`."""
        for number, row in enumerate(self._rows, 1):
            if not row.lstrip().startswith("#") and pattern.match(row):
                return number
        return None

    def find_key(self, key: str, after: int = 1) -> int:
        """The first line from `after` on that gives a key of a TOML table its value, else `after`."""
        name = re.escape(key)
        return self.find_match(rf"\s*[\"']?{name}[\"']?\s*=|\s*\[.*\.{name}\]", after)
