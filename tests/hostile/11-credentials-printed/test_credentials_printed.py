"""No output repeats a credential, whatever the format and wherever it came from: history, addresses, errors, logs."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from envtool.cli.report_format import BlameFormat, Format
from tests.support.environment import TORCH
from tests.support.forked import run_forked
from tests.support.image_layout import Files, Layout

WORD = "p4ssw0rd"
SITE = "opt/conda/envs/pytorch/lib/python3.11/site-packages"
TORCH_FILES: Files = {
    f"{SITE}/torch-2.0.dist-info/METADATA": b"Name: torch\nVersion: 2.0\n",
    f"{SITE}/torch-2.0.dist-info/RECORD": b"torch/__init__.py,,\n",
    f"{SITE}/torch/__init__.py": b"",
}
INSTRUCTIONS = [
    f"RUN /bin/sh -c pip install --index-url https://me:{WORD}@example.com/simple torch # buildkit",
    f"RUN /bin/sh -c PIP_INDEX_URL=https://me:{WORD}@h/ pip install torch # buildkit",
    f"RUN /bin/sh -c TOKEN={WORD} pip install torch # buildkit",
    f"RUN /bin/sh -c curl -H 'Authorization: Bearer {WORD}' h | pip install torch # buildkit",
    f"|1 TOKEN={WORD} /bin/sh -c pip install torch",
]


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess(arguments, *run_forked(arguments, variables))


def image_with(folder: Path, instruction: str) -> str:
    layout = Layout()
    layout.image([TORCH_FILES], [{"created_by": instruction}])
    return str(layout.write(folder / "image"))


@pytest.mark.parametrize("instruction", INSTRUCTIONS, ids=range(len(INSTRUCTIONS)))
@pytest.mark.parametrize("format", BlameFormat)
def test_blame(instruction: str, format: BlameFormat, tmp_path: Path) -> None:
    done = run("blame", image_with(tmp_path, instruction), "--format", format)
    assert done.returncode == 1, done.stderr
    assert "torch" in done.stdout
    assert WORD not in done.stdout + done.stderr


@pytest.mark.parametrize("format", Format)
def test_verify(format: Format, tmp_path: Path) -> None:
    reference = image_with(tmp_path, INSTRUCTIONS[0])
    report = tmp_path / "report"
    done = run("verify", "--static", reference, "--format", format)
    assert done.returncode == 1, done.stderr
    assert WORD not in done.stdout + done.stderr
    run("verify", "--static", reference, "--format", format, "--output", str(report))
    assert report.read_text()
    assert WORD not in report.read_text()


@pytest.mark.parametrize(
    "reference",
    [
        f"docker://u:{WORD}@registry.invalid/team/image:1",
        f"docker://u:{WORD}@registry.invalid:5000/team/image@sha256:{'0' * 64}",
        f"docker://{WORD}@registry.invalid/team/image",
        f"u:{WORD}@registry.invalid/team/image",
    ],
)
@pytest.mark.parametrize("command", [("blame",), ("verify", "--static"), ("sbom",)], ids=lambda words: words[0])
def test_name_of_an_image(command: tuple[str, ...], reference: str) -> None:
    done = run(*command, reference, DOCKER_HOST="unix:///nowhere")
    assert done.returncode > 2
    assert WORD not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("format", ["json", "sarif", "junit", "github", "prometheus", "text"])
def test_name_of_an_image_in_every_format(format: str, tmp_path: Path) -> None:
    references = [f"docker://u:{WORD}@registry.invalid/x:1", str(tmp_path / "none.tar")]
    done = run("verify", "--static", *references, "--format", format, DOCKER_HOST="unix:///nowhere")
    assert WORD not in done.stdout + done.stderr


def test_digest_in_a_name_is_no_password() -> None:
    """The innocent twin."""
    reference = f"docker://127.0.0.1:9/team/image@sha256:{'0' * 64}"
    done = run("blame", reference)
    assert reference.removeprefix("docker://") in done.stderr


@pytest.mark.parametrize("format", ["text", "json", "sarif", "github"])
def test_check(format: str, tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(
        f"--index-url https://me:{WORD}@example.com/simple\ntorch @ https://u:{WORD}@h/torch-2.0-py3-none-any.whl\n"
    )
    done = run("check", "--torch", TORCH, "--python-version", "3.11", "--static", str(path), "--format", format)
    assert done.returncode in {0, 1}, done.stderr
    assert WORD not in done.stdout + done.stderr


def test_error_of_an_index(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(f"--index-url http://me:{WORD}@127.0.0.1:9/simple\naccelerate\n")
    done = run("check", "--torch", TORCH, "--python-version", "3.11", str(path), UV_HTTP_RETRIES="0")
    assert done.returncode > 2
    assert WORD not in done.stdout + done.stderr


def test_vendor_source() -> None:
    done = run("vendor", "add", f"https://me:{WORD}@h/simple/")
    assert done.returncode > 2
    assert WORD not in done.stdout + done.stderr


def test_traceback(tmp_path: Path) -> None:
    """A fault of envtool's own shows what it was about, and no password."""
    program = (
        "from envtool.cli.main import run_command_line\n"
        f"def fail():\n    raise RuntimeError('https://me:{WORD}@h/')\n"
        "run_command_line(fail)\n"
    )
    path = tmp_path / "program.py"
    path.write_text(program.replace(WORD, "' + 'p4ss' + 'w0rd"))
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "RuntimeError: https://****@h/" in done.stderr
    assert WORD not in done.stderr


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o666])
def test_fixed_file_is_as_closed_as_the_one_it_was_made_from(mode: int, tmp_path: Path) -> None:
    from envtool.requirements.write_fixed import _write_new

    source, target = tmp_path / "requirements.txt", tmp_path / "fixed.txt"
    source.write_text("torch\n")
    source.chmod(mode)
    _write_new(target, f"--index-url https://me:{WORD}@h/\n", source)
    assert stat.S_IMODE(target.stat().st_mode) == mode


def test_report_keeps_the_mode_of_the_file_that_it_replaces(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.touch(0o600)
    run("blame", image_with(tmp_path, INSTRUCTIONS[0]), "--format", "json")
    run("verify", "--static", image_with(tmp_path, INSTRUCTIONS[0]), "--format", "json", "--output", str(report))
    assert json.loads(report.read_text())["status"] == "failed"
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
