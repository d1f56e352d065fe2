"""Where an instruction may have put another torch: from the words that it was written in."""

from __future__ import annotations

from pathlib import Path

import pytest

from envtool.guard.other_torch import find_other_torches


@pytest.mark.parametrize(
    ("command", "place"),
    [
        ("pip install --target libraries torch", "here/libraries"),
        ("pip install --target=libraries torch", "here/libraries"),
        ("pip install -t 'libraries' torch", "here/libraries"),
        ("pip install --target ~/libraries torch", "home/libraries"),
        ('pip install --target "$HOME/libraries" torch', "home/libraries"),
        ("pip install --target ${HOME}/libraries torch; true", "home/libraries"),
        ("cd ~/project && uv sync", "home/project/.venv/lib/python3.11/site-packages"),
        ("cd $HOME/project; uv sync", "home/project/.venv/lib/python3.11/site-packages"),
        ("cd project && uv sync", "here/project/.venv/lib/python3.11/site-packages"),
        ("python -m venv ~/own && ~/own/bin/pip install torch", "home/own/lib/python3.11/site-packages"),
        ("python -m venv --clear own && own/bin/pip install torch", "here/own/lib/python3.11/site-packages"),
    ],
)
@pytest.mark.parametrize(
    ("version", "is_seen"), [("2.13.0", True), ("1.7.1+cu110.moreh22.8.0", False)], ids=["upstream", "vendor"]
)
def test_a_torch_elsewhere(tmp_path: Path, command: str, place: str, version: str, is_seen: bool) -> None:
    site = tmp_path / place
    (site / f"torch-{version}.dist-info").mkdir(parents=True)
    if "lib/python3.11" in place:
        (site.parents[2] / "pyvenv.cfg").touch()
    (tmp_path / "here").mkdir(exist_ok=True)
    found = find_other_torches(command, tmp_path / "here", {"HOME": str(tmp_path / "home")})
    assert [(item.folder.resolve(), item.version) for item in found] == ([(site, version)] if is_seen else [])


def test_a_variable_that_is_not_set_is_left_as_it_is(tmp_path: Path) -> None:
    assert find_other_torches("pip install --target $NOWHERE/x torch", tmp_path, {}) == ()
