"""Data as part of a line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envtool.printable import escape_controls, join_lines, one_line, spoil_commands


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\u001b[31mred"),
        ("a\x07b", "a\\u0007b"),
        ("a\x9bb", "a\\u009bb"),
        ("a\x7fb", "a\\u007fb"),
        ("a\u202eb", "a\\u202eb"),
        ("a\u2028b", "a\\u2028b"),
        ("a\udcffb", "a\\udcffb"),
        ("a\rb", "a\\u000db"),
        ("a\tb\nc", "a\tb\nc"),
        ("grün → 한국어", "grün → 한국어"),
    ],
)
def test_controls_are_escaped(text: str, shown: str) -> None:
    assert escape_controls(text) == shown


@given(st.text())
def test_json_means_the_same_when_it_is_escaped(text: str) -> None:
    assert json.loads(escape_controls(json.dumps(text, ensure_ascii=False))) == text


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    assert len(escape_controls(one_line(text)).splitlines()) <= 1


def test_lines_stay_as_many_as_they_are() -> None:
    assert join_lines(["a\nb", "c\r\nd"]) == "a\\nb\nc\\r\\nd"


@pytest.mark.parametrize(
    ("text", "spoilt"),
    [
        ("::error::x", "\\u003a:error::x"),
        ("a\n  ::add-mask::x", "a\n  \\u003a:add-mask::x"),
        ("see ##[error]x", "see \\u0023#[error]x"),
        ("##vso[task.setvariable]x", "\\u0023#vso[task.setvariable]x"),
        ("conda-forge::numpy", "conda-forge::numpy"),
        ("## title", "## title"),
    ],
)
def test_commands_to_a_pipeline_are_spoilt(text: str, spoilt: str) -> None:
    assert spoil_commands(text) == spoilt
