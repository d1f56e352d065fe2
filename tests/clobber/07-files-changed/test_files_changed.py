"""Case 7: files changed or corrupt against RECORD, and a RECORD that cannot be trusted."""

from __future__ import annotations

import py_compile

from tests.conftest import TORCH, RealEnvironment


def test_size_changed(environment: RealEnvironment) -> None:
    with open(environment.site_packages / "torch/version.py", "a") as stream:
        stream.write("cuda = None\n")
    assert environment.finding_ids() == {"torch-files-changed"}
    environment.restore()
    assert environment.doctor("--deep")["findings"] == []


def test_one_bit_changed_is_seen_by_deep(environment: RealEnvironment) -> None:
    path = environment.site_packages / "torch/lib/libtorch_stand_in.txt"
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(data)
    assert environment.finding_ids() == set()
    document = environment.doctor("--deep")
    assert [item["id"] for item in document["findings"]] == ["torch-files-changed"]
    assert document["findings"][0]["evidence"][0]["file"] == str(path)
    environment.restore("--force")
    assert environment.doctor("--deep")["findings"] == []


def test_record_that_names_files_outside(environment: RealEnvironment) -> None:
    victim = environment.path.parent / "precious.txt"
    victim.write_text("keep me")
    record = environment.site_packages / f"torch-{TORCH}.dist-info/RECORD"
    with open(record, "a") as stream:
        stream.write("../../../../precious.txt,,\n/etc/hostname,,\n")
    document = environment.doctor()
    assert "torch-record-untrusted" in {item["id"] for item in document["findings"]}
    outcome = environment.restore()
    assert outcome.status == 0, outcome.err
    assert "leave     ../../../../precious.txt" in outcome.out
    assert victim.read_text() == "keep me"
    assert environment.doctor("--deep")["findings"] == []


def test_healthy_twin_with_bytecode(environment: RealEnvironment) -> None:
    py_compile.compile(str(environment.site_packages / "torch/__init__.py"))
    assert environment.doctor("--deep")["findings"] == []
