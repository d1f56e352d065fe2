"""Case 7: files changed or corrupt against RECORD, and a RECORD that cannot be trusted."""

from __future__ import annotations

import py_compile

from tests.support.environment import TORCH, RealEnvironment
from tests.support.verdict import Verdict


def test_size_changed(environment: RealEnvironment, verdict: Verdict) -> None:
    with open(environment.site_packages / "torch/version.py", "a") as stream:
        stream.write("cuda = None\n")
    assert environment.finding_ids() == {"torch-files-changed"}
    verdict.finds(environment, "torch-files-changed", cause="edited")
    environment.restore()
    assert environment.doctor("--deep")["findings"] == []


def test_one_bit_changed_is_seen_by_deep(environment: RealEnvironment, verdict: Verdict) -> None:
    path = environment.site_packages / "torch/lib/libtorch_stand_in.txt"
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(data)
    assert environment.finding_ids() == set()
    document = environment.doctor("--deep")
    assert [item["id"] for item in document["findings"]] == ["torch-files-changed"]
    assert document["findings"][0]["evidence"][0]["file"] == str(path)
    verdict.finds(environment, "torch-files-changed", "--deep", cause="are corrupt")
    environment.restore("--force")
    assert environment.doctor("--deep")["findings"] == []


def test_record_that_names_files_outside(environment: RealEnvironment, verdict: Verdict) -> None:
    victim = environment.path.parent / "precious.txt"
    victim.write_text("keep me")
    record = environment.site_packages / f"torch-{TORCH}.dist-info/RECORD"
    with open(record, "a") as stream:
        stream.write("../../../../precious.txt,,\n/etc/hostname,,\n")
    verdict.finds(environment, "torch-record-untrusted", cause="RECORD was edited")
    outcome = environment.restore()
    assert outcome.status == 0, outcome.err
    assert "leave     ../../../../precious.txt" in outcome.out
    assert victim.read_text() == "keep me"
    assert environment.doctor("--deep")["findings"] == []


def test_healthy_twin_with_bytecode(environment: RealEnvironment, verdict: Verdict) -> None:
    py_compile.compile(str(environment.site_packages / "torch/__init__.py"))
    verdict.silent(environment, "--deep")
