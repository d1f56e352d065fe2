"""A program of megabytes in an interpreter's place: what is kept of it, and what is said of the image."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from envtool.environment.import_files import condense_interpreter
from envtool.environment.python_program import condense_program, is_python_program
from envtool.image.blame.installed import select_for_blame
from envtool.image.read.layer import FileSelector, read_layer
from tests.support.image_layout import layer

_ELF = b"\x7fELF\x02\x01\x01" + bytes(57)
_MIB = 1 << 20


@pytest.mark.parametrize("at", [0, 5, _MIB - 70, _MIB - 64, _MIB, 9 * _MIB - 3, 9 * _MIB])
def test_a_mark_is_found_wherever_it_is(at: int) -> None:
    content = _ELF + bytes(at) + b"Py_BytesMain" + bytes(9 * _MIB - at)
    assert is_python_program(condense_program(io.BytesIO(content)))
    assert not is_python_program(condense_program(io.BytesIO(content.replace(b"Py_Bytes", b"Go_Bytes"))))


def test_of_a_large_interpreter_the_layer_keeps_what_it_is() -> None:
    contents = {
        "opt/a/bin/python3.11": _ELF + bytes(9 * _MIB),
        "opt/b/bin/python": _ELF + bytes(9 * _MIB) + b"libpython3.11.so.1.0",
        "opt/c/bin/python3": b"#!/bin/sh\n" + b"#" * 9 * _MIB,
        "opt/d/bin/another": _ELF + bytes(9 * _MIB),
    }
    selector = FileSelector(select_for_blame, condense=condense_interpreter)
    entries = read_layer(io.BytesIO(layer(contents)), selector, name="it").entries
    kept = {Path(path).parts[1]: entry.data for path, entry in entries.items()}
    assert all(len(data) < 100 for data in kept.values() if data is not None)
    assert {name: is_python_program(data) for name, data in kept.items() if data} == {"a": False, "b": True, "c": True}
