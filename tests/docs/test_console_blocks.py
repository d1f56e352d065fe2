"""A new user follows the pages to the letter: their commands are run as they stand, and do what is said."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs.generate.picture import prepared_folder
from tests.unit.test_documents import PROJECT, console_lines

# What each command of the page ends with, and a word of what it prints. What is not here is not on the page.
LAPTOP: dict[str, tuple[int, str] | str] = {
    "printf 'torch==2.1.0\\n' > requirements.txt": (0, ""),
    "envtool check --static --torch 1.7.1+cu110.moreh22.8.0 requirements.txt": (1, "clobbered"),
    "printf 'accelerate\\n' > requirements.txt": (0, ""),
    "envtool check --torch 1.7.1+cu110.moreh22.8.0 requirements.txt": (1, "accelerate==0.20.3"),
    "mkdir -p project": (0, ""),
    "printf 'torchrun --nproc_per_node=4 train.py\\n' > project/run.sh": (0, ""),
    "envtool scan project": (1, "process-per-device"),
    "envtool explain process-per-device": (0, "One accelerator takes one process"),
    "printf 'AssertionError: Torch not compiled with CUDA enabled\\n' > train.log": (0, ""),
    "envtool explain --from train.log": (1, "cuda-not-available"),
    "make demo": "tests/docker/test_demo.py runs it",
}


def test_the_page_for_a_laptop_does_what_it_says(tmp_path: Path) -> None:
    """The index is a small one, with the package that the page names."""
    lines = list(console_lines((PROJECT / "docs/getting-started/laptop.md").read_text()))
    assert lines == list(LAPTOP)
    with prepared_folder() as (_folder, index):
        variables = {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(tmp_path),
            "LANG": "C.UTF-8",
            "PIP_INDEX_URL": index,
            "UV_DEFAULT_INDEX": index,
            "PIP_CONFIG_FILE": os.devnull,
        }
        for line in lines:
            expected = LAPTOP[line]
            if isinstance(expected, str):
                continue
            done = subprocess.run(
                ["bash", "-c", line], cwd=tmp_path, env=variables, capture_output=True, text=True, check=False
            )
            assert (done.returncode, expected[1] in done.stdout) == (expected[0], True), done.stdout + done.stderr


@pytest.mark.parametrize("name", ["index", "vm", "dockerfile", "pipeline", "laptop"])
def test_commands_are_shell(name: str) -> None:
    """bash can read each of them."""
    lines = list(console_lines((PROJECT / f"docs/getting-started/{name}.md").read_text()))
    assert lines
    for line in lines:
        subprocess.run(["bash", "-n", "-c", re.sub(r"…", "x", line)], check=True, capture_output=True)
