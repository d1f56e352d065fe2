"""Whatever bytes a file or a program gives: it parses, or it is a finding; it never fails in another way."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envtool.doctor.diagnose import diagnose
from envtool.driver.table import parse_table
from envtool.environment.conda_records import parse_conda_record, parse_history
from envtool.environment.elf import SharedObjectError, can_need, content_can_need, read_needed_libraries
from envtool.environment.prefix import read_prefix
from envtool.environment.pth import parse_pth
from envtool.environment.reader import Environment, read_environment
from tests.support.distributions import real_shared_object

TORCH = "1.7.1+cu110.moreh22.8.0"
REAL_OBJECT = real_shared_object().read_bytes()
slow = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.binary(max_size=300))
def test_pth(data: bytes) -> None:
    content = parse_pth(data)
    assert all(folder and "\0" not in folder for folder in (*content.folders, *content.first))


# A line's text, without line ends and null characters; half of them made into a comment or into code.
words = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=30)
pth_lines = words | words.map("# {}".format) | words.map("import {}".format) | words.map("  #{}".format)


@given(st.lists(pth_lines, max_size=8))
def test_pth_lines_that_are_neither_comments_nor_code_are_folders(lines: list[str]) -> None:
    text = "\n".join(lines)
    content = parse_pth(text.encode())
    stripped = [line.strip() for line in text.removeprefix("\ufeff").split("\n")]
    assert content.folders == tuple(line for line in stripped if line and not line.startswith(("#", "import ")))
    assert content.is_utf8


@given(st.binary(max_size=300))
def test_conda_record_of_any_bytes(data: bytes) -> None:
    parse_conda_record(data, Path("x.json"))


@given(json_values, json_values, json_values)
def test_conda_record_of_any_json(value: object, files: object, paths: object) -> None:
    parse_conda_record(json.dumps(value).encode(), Path("x.json"))
    row = {"name": "torch", "version": "1", "build": "0", "files": files, "paths_data": {"paths": paths}}
    parse_conda_record(json.dumps(row).encode(), Path("x.json"))
    parse_conda_record(json.dumps({**row, "paths_data": paths}).encode(), Path("x.json"))


def test_conda_record_that_is_nested_too_deeply() -> None:
    assert parse_conda_record(b"[" * 100_000, Path("x.json")) is None


@given(st.binary(max_size=300))
def test_conda_history(data: bytes) -> None:
    assert all(item.time for item in parse_history(data))


@given(st.text(max_size=400))
def test_driver_table_of_any_text(text: str) -> None:
    parse_table(text)


@given(st.lists(st.lists(st.text("0*- |abKT.", max_size=9), min_size=1, max_size=7), max_size=8))
def test_driver_table_of_any_cells_keeps_no_token(rows: list[list[str]]) -> None:
    head = "|  Device  |  Name  |  Token  |  Model  |  Memory Usage  |\n"
    body = "".join("|" + "|".join(cells) + "|\n" for cells in [*rows, ["0", "name", "SECRET", "model", "-"]])
    table = parse_table(head + body)
    assert table is not None
    assert any(device.model == "model" for device in table.devices)
    assert "SECRET" not in repr(table)


@slow
@given(st.binary(max_size=600))
def test_shared_object_of_any_bytes(data: bytes) -> None:
    _read_object(data)
    _read_object(b"\x7fELF\x02\x01\x01" + data)


@slow
@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=12), st.integers(0, len(REAL_OBJECT)))
def test_shared_object_with_bytes_changed_or_cut_off(changes: list[tuple[int, int]], end: int) -> None:
    data = bytearray(REAL_OBJECT)
    for position, value in changes:
        data[position] = value
    _read_object(bytes(data))
    _read_object(bytes(data[:end]))


def _read_object(data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        quick = can_need(file.name, (b"libc.so",))
        assert content_can_need(data, (b"libc.so",)) is quick
        try:
            libraries = read_needed_libraries(Path(file.name))
        except SharedObjectError:
            return
    # The quick look may send too much to the library, and never too little.
    assert quick or not any("libc.so" in name for name in libraries)


def _environment(folder: Path, metadata: bytes, record: bytes, wheel: bytes, pth: bytes) -> Environment:
    site = folder / "lib/python3.8/site-packages"
    for name in (f"torch-{TORCH}.dist-info", "other-1.0.dist-info"):
        (site / name).mkdir(parents=True)
        for file, data in (("METADATA", metadata), ("RECORD", record), ("WHEEL", wheel), ("direct_url.json", wheel)):
            (site / name / file).write_bytes(data)
    (site / "any.pth").write_bytes(pth)
    (folder / "bin").mkdir()
    (folder / "bin/python3.8").touch()
    return read_environment(read_prefix(folder))


@slow
@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=60), st.binary(max_size=60))
def test_an_environment_whose_records_are_any_bytes(metadata: bytes, record: bytes, wheel: bytes, pth: bytes) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        environment = _environment(folder, metadata, record, wheel, pth)
        report = diagnose(environment, deep=True)
        assert report.pin is not None
        # Any bytes in these places are damage: there is no Version in them, or no files.
        assert report.findings
        for item in environment.distributions:
            assert isinstance(item.requires(), tuple)
            assert isinstance(item.source, str | None)
    finally:
        shutil.rmtree(folder)
        assert not os.path.lexists(folder)
