"""Names, versions, files and images that would take over a terminal or a pipeline are shown, and do nothing."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from envtool.cli.report_format import BlameFormat, Format
from tests.support.environment import TORCH, RealEnvironment
from tests.support.harmless import NASTY, assert_harmless
from tests.support.image_layout import Files, Layout

SITE = "opt/conda/envs/pytorch/lib/python3.11/site-packages"


def spoil(environment: RealEnvironment) -> None:
    """Put the nasty text wherever an environment has text."""
    site = environment.site_packages
    (site / f"torch-{TORCH}.dist-info").rename(site / "torch-2.0.dist-info")
    (site / "torch-2.0.dist-info/INSTALLER").write_text(NASTY)
    (site / "torch-2.0.dist-info/direct_url.json").write_text(json.dumps({"url": NASTY}))
    metadata = f"Name: other\nVersion: 1\nRequires-Dist: torch==2.0; extra == '{NASTY.splitlines()[0]}'\n"
    for name in (f"other-{NASTY.split('/')[0][:30]}.dist-info", "asks-1.dist-info"):
        folder = site / name.replace("/", "_")
        folder.mkdir()
        (folder / "METADATA").write_text(metadata)
        (folder / "RECORD").write_text(f'"{NASTY}",,\n')
    (site / "~orch\x1b[31m-1.dist-info").mkdir()
    (site / f"{NASTY[:20]}.pth".replace("/", "_")).write_text(f"/nowhere{NASTY}\n")
    history = environment.path / "etc/hac/history.jsonl"
    history.parent.mkdir(parents=True, exist_ok=True)
    row = {"schema": 1, "time": NASTY, "user": NASTY, "command": NASTY, "reasons": [NASTY], "pin": None}
    changes = [{"distribution": NASTY, "before": [NASTY], "after": NASTY}]
    history.write_text(json.dumps({**row, "changes": changes}) + "\n")


@pytest.fixture
def spoilt(environment: RealEnvironment) -> RealEnvironment:
    spoil(environment)
    return environment


@pytest.mark.parametrize("format", Format)
def test_doctor(spoilt: RealEnvironment, format: Format) -> None:
    done = spoilt.envtool("doctor", "--prefix", str(spoilt.path), "--format", format, "--no-driver")
    assert done.status == 1, done.err
    assert "2.0" in done.out
    told = json.loads(spoilt.envtool("doctor", "--prefix", str(spoilt.path), "--format", "json").out)
    assert_harmless(done.out, commands=len(told["findings"]) if format is Format.GITHUB else 0)
    assert_harmless(done.err)
    if format in {Format.JSON, Format.SARIF}:
        json.loads(done.out)
    if format is Format.JUNIT:
        ElementTree.fromstring(done.out)


@pytest.mark.parametrize(
    "words",
    [("list",), ("restore", "--dry-run"), ("restore", "--dry-run", "--format", "json"), ("vendor", "show")],
    ids=lambda words: "-".join(words),
)
def test_other_commands(spoilt: RealEnvironment, words: tuple[str, ...]) -> None:
    done = spoilt.envtool(*words, "--prefix", str(spoilt.path))
    assert_harmless(done.out)
    assert_harmless(done.err)


def test_history_is_still_told(spoilt: RealEnvironment) -> None:
    """Shown as it is, escaped: what is left out cannot be complained of."""
    done = spoilt.envtool("doctor", "--prefix", str(spoilt.path), "--no-driver")
    assert "\\u001b]0;owned\\u0007" in done.out


def test_json_has_the_text_itself(spoilt: RealEnvironment) -> None:
    document = json.loads(spoilt.envtool("doctor", "--prefix", str(spoilt.path), "--format", "json").out)
    assert document["history"][0]["command"] == NASTY


def test_driver_program(environment: RealEnvironment) -> None:
    program = environment.path / "bin/moreh-smi"
    program.write_text(
        f"#!{sys.executable}\nprint({NASTY!r})\nprint({'|  Device  |  Name  |  Model  |'!r})\n"
        f"print('|  * 0  |  ' + {NASTY.splitlines()[0]!r} + '  |  m  |')\nraise SystemExit({0})\n"
    )
    program.chmod(0o755)
    environment.variables["PATH"] = f"{environment.path}/bin:{os.environ['PATH']}"
    for words in ((), ("--format", "json")):
        done = environment.envtool("doctor", "--prefix", str(environment.path), "--driver", *words)
        assert_harmless(done.out)


def test_failing_driver_program(environment: RealEnvironment) -> None:
    program = environment.path / "bin/moreh-smi"
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.exit({NASTY!r} + {NASTY.splitlines()[0]!r})\n")
    program.chmod(0o755)
    environment.variables["PATH"] = f"{environment.path}/bin:{os.environ['PATH']}"
    done = environment.envtool("doctor", "--prefix", str(environment.path), "--driver")
    assert "driver-failed" in done.out
    assert_harmless(done.out)


TORCH_FILES: Files = {
    f"{SITE}/torch-{NASTY.splitlines()[0].replace('/', '_')}.dist-info/RECORD": b"torch/__init__.py,,\n",
    f"{SITE}/torch/__init__.py": b"",
}


def image(folder: Path) -> str:
    layout = Layout()
    history = [{"created_by": f"RUN {NASTY}", "comment": NASTY}]
    layout.image([TORCH_FILES], history, {"Env": [f"A={NASTY}"], "User": NASTY})
    return str(layout.write(folder / "image"))


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "envtool", *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("format", BlameFormat)
def test_blame(format: BlameFormat, tmp_path: Path) -> None:
    done = run("blame", image(tmp_path), "--format", format)
    assert done.returncode == 1, done.stderr
    assert_harmless(done.stdout + done.stderr)


@pytest.mark.parametrize("format", Format)
def test_verify(format: Format, tmp_path: Path) -> None:
    done = run("verify", "--static", image(tmp_path), "--format", format)
    failed = len(
        [
            row
            for row in json.loads(run("verify", "--static", image(tmp_path), "--format", "json").stdout)["images"][0][
                "checks"
            ]
            if not row["passed"]
        ]
    )
    assert_harmless(done.stdout + done.stderr, commands=failed if format is Format.GITHUB else 0)


def test_name_on_the_command_line() -> None:
    done = run("blame", f"/nowhere/{NASTY}")
    assert done.returncode > 2
    assert_harmless(done.stdout + done.stderr)


@pytest.mark.parametrize("format", ["text", "json", "sarif", "github"])
def test_requirements(format: str, tmp_path: Path) -> None:
    path = tmp_path / f"requirements{NASTY[:12]}.txt".replace("/", "_")
    path.write_text("torch==2.0\n")
    words = ["check", "--torch", TORCH, "--python-version", "3.11", "--static", str(path), "--format", format]
    done = run(*words)
    assert done.returncode == 1, done.stderr
    assert_harmless(done.stdout + done.stderr, commands=int(format == "github"))


def test_markup_of_a_progress_bar() -> None:
    """On a terminal, which is where bars are: a name with markup and escapes is a name."""
    name = f"[red]a[/nothing]{NASTY.splitlines()[0]}"
    shown = on_a_terminal(
        "from envtool.cli.progress import progress_bars\n"
        f"with progress_bars('making') as advance:\n    advance({name!r}, 1, 2)\n"
    )
    assert "[red]a[/nothing]" in shown
    assert "\x1b]0;" not in shown
    assert "\x07" not in shown


def test_colours_of_our_own_on_a_terminal(spoilt: RealEnvironment) -> None:
    """The innocent twin: what is ours still has its colour."""
    program = (
        "import sys\nfrom envtool.cli.main import main\n"
        f"sys.argv = ['envtool', 'doctor', '--prefix', {str(spoilt.path)!r}, '--no-driver']\nmain()\n"
    )
    shown = on_a_terminal(program)
    assert "\x1b[31;1m" in shown
    assert "\x1b]0;" not in shown
    assert "\x07" not in shown


def on_a_terminal(program: str) -> str:
    """What a program prints on a terminal of its own."""
    leader, follower = pty.openpty()
    variables = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**variables, "TERM": "xterm", "COLUMNS": "200"},
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            block = os.read(leader, 4096)
        except OSError:
            break
        if not block:
            break
        shown += block
    os.close(leader)
    process.wait()
    return shown.decode("utf-8", "replace")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize(
    "words",
    [("--help",), ("doctor",), ("doctor", "--help"), ("list",), ("explain",), ("restore", "--dry-run")],
    ids=str,
)
def test_encoding_of_the_terminal(spoilt: RealEnvironment, words: tuple[str, ...], encoding: str) -> None:
    spoilt.variables.update(PYTHONIOENCODING=encoding, CONDA_PREFIX=str(spoilt.path))
    command = [sys.executable, "-m", "envtool", *words]
    done = subprocess.run(command, env={**os.environ, **spoilt.variables}, capture_output=True, check=False)
    assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")
    (done.stdout + done.stderr).decode(encoding)


@pytest.mark.parametrize("format", [*Format])
@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_a_prefix_that_is_not_utf_8(environment: RealEnvironment, format: Format, encoding: str) -> None:
    path = os.fsencode(environment.path) + b"-\xff\xfe"
    environment.path.rename(os.fsdecode(path))
    command: list[str | bytes] = [
        sys.executable,
        "-m",
        "envtool",
        "doctor",
        "--no-driver",
        "--format",
        format,
        "--prefix",
        path,
    ]
    variables = {**os.environ, **environment.variables, "PYTHONIOENCODING": encoding}
    done = subprocess.run(command, env=variables, capture_output=True, check=False)
    assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")
    assert done.returncode in {0, 1}, done.stderr
    text = done.stdout.decode(encoding)
    if format in {Format.JSON, Format.SARIF}:
        json.loads(text)


@pytest.mark.parametrize(
    "words",
    [
        ("restore", "--dry-run"),
        ("restore", "--force"),
        ("list",),
        ("vendor", "show"),
        ("install", "--no-index", "--dry-run", "x"),
        ("doctor", "--deep"),
        ("doctor", "--fix"),
        ("check", "--static", "requirements.txt"),
        ("check", "requirements.txt"),
    ],
    ids=lambda words: "-".join(words),
)
def test_other_commands_on_a_prefix_that_is_not_utf_8(
    environment: RealEnvironment, words: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "requirements.txt").write_text("torch\n")
    path = os.fsencode(environment.path) + b"-\xff\xfe"
    environment.path.rename(os.fsdecode(path))
    command: list[str | bytes] = [sys.executable, "-m", "envtool", words[0], "--prefix", path, *words[1:]]
    variables = {**os.environ, **environment.variables, "HAC_VENDOR": str(environment.wheels)}
    done = subprocess.run(command, env=variables, cwd=tmp_path, capture_output=True, check=False)
    assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")
    if words == ("restore", "--force"):
        # Python reads the first line of a command as UTF-8, so that none can be made there.
        assert b"its path is not UTF-8" in done.stderr
