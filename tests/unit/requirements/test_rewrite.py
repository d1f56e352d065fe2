"""What a rewritten requirements file says beside the lines that are changed in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from envtool.requirements.prediction import LineChange
from envtool.requirements.read_file import read_file
from envtool.requirements.rewrite import Rewrite, rewrite_files


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("torch\ntqdm \\\n\n\n", "tqdm\n\n\n"),
        ("torch\ntqdm \\", "tqdm"),
        ("torch\r\ntqdm>=4 \\\r\n\r\n", "tqdm>=4\r\n\r\n"),
        ("torch\ntqdm \\\n \nsix\n", "tqdm\n \nsix\n"),
        # Innocent twins: what goes on, and what is a comment.
        ("torch\ntqdm \\\n  >=4\n", "tqdm \\\n  >=4\n"),
        ("torch\n# a \\\n\ntqdm\n", "# a \\\n\ntqdm\n"),
    ],
)
def test_a_backslash_after_which_nothing_comes_goes(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "requirements.txt"
    path.write_bytes(old.encode())
    file = read_file(path)
    (torch, *_others) = file.sets[0].entries
    found = rewrite_files(Rewrite(file, (LineChange(torch, "==1.7.1", "why"),), ()), {path: old}, {})
    assert found[path].split("\n", 1)[1] == new
