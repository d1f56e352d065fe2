"""Whether a program is a Python, by its content."""

from __future__ import annotations

from typing import IO

_ELF = b"\x7fELF"
# One of these is in every program that starts a Python, as a name that it calls or a library that it asks for. Names of
# interpreters alone would be in what looks for them as well, such as uv.
_PYTHON_MARKS = (
    *(b"Py_BytesMain", b"Py_Main", b"Py_RunMain"),
    *(b"libpython2", b"libpython3", b"libpypy", b"libpythonvm"),
)
_BLOCK = 1 << 20
_LONGEST_MARK = max(map(len, _PYTHON_MARKS))


def is_python_program(data: bytes) -> bool:
    """Whether a program's content may be a Python's. What is no ELF file may start one, as a script does."""
    return not data.startswith(_ELF) or any(mark in data for mark in _PYTHON_MARKS)


def condense_program(stream: IO[bytes]) -> bytes:
    """Of a program too large to be kept, what `is_python_program` asks for: its first bytes, and a mark of Python's."""
    block = stream.read(_BLOCK)
    start, end = block[: len(_ELF)], b""
    while block:
        window = end + block
        found = next((mark for mark in _PYTHON_MARKS if mark in window), None)
        if found is not None:
            return start + found
        end, block = window[-_LONGEST_MARK:], stream.read(_BLOCK)
    return start
