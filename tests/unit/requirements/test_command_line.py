"""The command line as a person meets it: help, statuses and streams."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from tests.support.environment import RealEnvironment

PROJECT = Path(__file__).parents[3]
SCHEMA = json.loads((PROJECT / "docs/doctor.schema.json").read_text())


@pytest.mark.parametrize("damage", [None, "missing", "replaced", "no-pin"])
def test_json_follows_its_published_schema(environment: RealEnvironment, damage: str | None) -> None:
    if damage == "missing":
        environment.pip("uninstall", "--quiet", "--yes", "torch")
    if damage in {"replaced", "no-pin"}:
        environment.uv_install("wants-newer")
    if damage == "no-pin":
        (environment.path / "etc/hac/pin.toml").unlink()
        environment.pip("uninstall", "--quiet", "--yes", "torchvision", "torchaudio")
    document = environment.doctor()
    jsonschema.validate(document, SCHEMA)
    # Without the pin, and with another's torch alone, nothing says that a vendor's was ever there.
    assert document["status"] == {None: "healthy", "no-pin": "absent"}.get(damage, "damaged")


def test_a_report_goes_to_stdout_and_notes_to_stderr(environment: RealEnvironment) -> None:
    loud = environment.envtool("doctor", "--prefix", str(environment.path), "--deep")
    assert "hashing" in loud.err
    assert "hashing" not in loud.out
    quiet = environment.envtool("--quiet", "doctor", "--prefix", str(environment.path), "--deep")
    assert quiet.err == ""
    assert "\x1b[" not in quiet.out


def test_wrong_usage_is_status_2(environment: RealEnvironment) -> None:
    assert environment.envtool("doctor", "--no-such-option").status == 2
    assert environment.envtool("list", "[", "--prefix", str(environment.path)).status == 2


def test_help_has_examples(environment: RealEnvironment) -> None:
    for command in (
        [],
        *([name] for name in ("doctor", "restore", "list", "lock", "build", "verify", "blame", "sbom")),
    ):
        assert "Example" in environment.here(*command, "--help").out, command


def test_completion(environment: RealEnvironment) -> None:
    # Else the shell is looked for among the parent processes, of which a test may have none.
    environment.variables["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"
    outcome = environment.envtool("--show-completion", "bash")
    assert outcome.status == 0
    assert "complete" in outcome.out


def test_update_moreh_says_what_is_installed(environment: RealEnvironment) -> None:
    import os
    import subprocess
    import sys

    command = [str(Path(sys.executable).parent / "update-moreh"), "--prefix", str(environment.path)]
    variables = {**os.environ, **environment.variables}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    assert done.returncode == 0, done.stderr
    assert "Already installed : 1.7.1+cu110.moreh22.8.0" in done.stdout
    forced = subprocess.run([*command, "--force"], capture_output=True, text=True, check=False, env=variables)
    assert "restored: torch, torchvision, torchaudio" in forced.stdout


def test_vendor_commands(environment: RealEnvironment, release: Path) -> None:
    assert "envtool vendor add" in environment.envtool("vendor", "list").out
    assert environment.envtool("vendor", "add", str(release)).status == 0
    assert "torch-1.7.1+cu110.moreh22.8.0" in environment.envtool("vendor", "list").out
    shown = environment.envtool("vendor", "show", "--prefix", str(environment.path)).out
    assert "sha256" in shown
    assert environment.envtool("vendor", "add", "ftp://host/x").status == 6
