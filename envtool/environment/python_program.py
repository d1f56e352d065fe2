"""Whether a program is a Python, by its content."""

from __future__ import annotations

# One of these is in every program that starts a Python, as a name that it calls or a library that it asks for.
_PYTHON_MARKS = (b"Py_BytesMain", b"Py_Main", b"libpython", b"pypy", b"graalpy")


def is_python_program(data: bytes) -> bool:
    """Whether a program's content may be a Python's. What is no ELF file may start one, as a script does."""
    return not data.startswith(b"\x7fELF") or any(mark in data for mark in _PYTHON_MARKS)
