"""Any bytes, any JSON value, any depth: a value, a finding or an error of envtool's, and never another one."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.property.parsers import PARSERS, list_corpus, parse

DEPTH = 100_000
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
every = pytest.mark.parametrize("name", list(PARSERS))
slow = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
DEEP = {
    "lists": b"[" * DEPTH,
    "closed lists": b"[" * DEPTH + b"]" * DEPTH,
    "objects": b'{"a":' * DEPTH,
    "in an object": b'{"x": ' + b"[" * DEPTH + b"]" * DEPTH + b"}",
    "in a table": b"x = " + b"[" * DEPTH + b"]" * DEPTH,
    "inline tables": b"x = " + b"{a=" * DEPTH,
    "dotted keys": b".".join([b"a"] * DEPTH) + b" = 1",
    "headers": b"[" + b".".join([b"a"] * DEPTH) + b"]",
    "in YAML": b"x: " + b"[" * DEPTH + b"]" * DEPTH,
    "indented": b"\n".join(b" " * number + b"a:" for number in range(600)),
    "parentheses": b"torch ; " + b"(" * DEPTH + b"python_version > '3'" + b")" * DEPTH,
    "a long number": b'{"x": ' + b"9" * DEPTH + b"}",
}


@every
@pytest.mark.parametrize("data", DEEP.values(), ids=DEEP)
def test_any_depth(name: str, data: bytes) -> None:
    parse(name, data)


@every
@slow
@given(data=st.binary(max_size=300))
def test_any_bytes(name: str, data: bytes) -> None:
    parse(name, data)


@every
@slow
@given(value=json_values)
def test_any_json(name: str, value: object) -> None:
    parse(name, json.dumps(value).encode())


@every
@slow
@given(data=st.data())
def test_its_own_format_with_other_values(name: str, data: st.DataObject) -> None:
    """A text of its corpus with a part of it replaced, taken out or doubled."""
    texts = list_corpus(name)
    assert texts, f"tests/property/corpus/{name} has no text"
    text = data.draw(st.sampled_from(texts))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    others = json_values.map(lambda value: json.dumps(value).encode())
    part = data.draw(st.binary(max_size=20) | others | st.just(text[start:end] * 2))
    parse(name, text[:start] + part + text[end:])


@every
def test_corpus_is_read_without_an_error(name: str) -> None:
    """Else mutations of it would hardly get anywhere."""
    if name == "image-table":
        pytest.skip("the files that it names are elsewhere")
    for text in list_corpus(name):
        PARSERS[name](text)
