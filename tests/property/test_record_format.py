"""RECORD: what is written is read back, and no bytes make the reader fail."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from envtool.wheel.record import RecordRow, digest_content, parse_record, render_record

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), min_size=1, max_size=40)
# What names a folder is malformed.
path = text.filter(lambda text: text.rpartition("/")[2] not in {"", ".", ".."})
row = st.builds(
    RecordRow,
    path=path,
    sha256=st.none() | st.binary(min_size=32, max_size=32).map(bytes.hex),
    size=st.none() | st.integers(0, 10**15),
)


@given(st.lists(row, max_size=20))
def test_written_rows_are_read_back(rows: list[RecordRow]) -> None:
    record = parse_record(render_record(rows))
    assert record.rows == tuple(rows)
    assert record.malformed == ()


@given(st.binary(max_size=400))
def test_any_bytes_are_rows_or_malformed(data: bytes) -> None:
    record = parse_record(data)
    assert all(item.path for item in record.rows)
    assert all(item.size is None or item.size >= 0 for item in record.rows)


@given(st.lists(row, max_size=12), st.randoms())
def test_the_digest_knows_no_order_and_ignores_installers(rows: list[RecordRow], random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    added = [
        RecordRow("torch-1.dist-info/INSTALLER", "00" * 32, 4),
        RecordRow("torch-1.dist-info/REQUESTED", "11" * 32, 0),
        RecordRow("torch/__pycache__/x.cpython-311.pyc", None, None),
        RecordRow("../../../bin/tool", "22" * 32, 9),
    ]
    assert digest_content(rows) == digest_content([*shuffled, *added])


@given(st.lists(row, min_size=1, max_size=8))
def test_the_digest_sees_another_hash(rows: list[RecordRow]) -> None:
    first = RecordRow("torch/first.py", "aa" * 32, 1)
    other = RecordRow("torch/first.py", "bb" * 32, 1)
    assert digest_content([first, *rows]) != digest_content([other, *rows])
