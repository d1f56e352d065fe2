"""Debian moves on: the committed lock no longer holds, and the embedded default locks anew instead of failing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from envtool.demo.embedded import EmbeddedSources
from envtool.demo.locking import OWN_FOLDER, find_usable_lock
from envtool.image.inputs.fetch_inputs import is_complete
from envtool.image.lock.lockfile import FOLDER, read_lock
from envtool.image.spec.table import read_table
from envtool.wheel.store import FileStore, get_default_store
from tests.docker.test_image import copy_of_the_project

# Not for the engine, but for what comes with it: mmdebstrap and Debian's packages.
pytestmark = pytest.mark.docker


def test_locked_anew_beside_the_committed_lock(tmp_path: Path) -> None:
    project = copy_of_the_project(tmp_path)
    path = project / FOLDER / "hac-base.lock.toml"
    text = re.sub(r'digest = "sha256:[0-9a-f]+"', f'digest = "sha256:{"0" * 64}"', path.read_text())
    text = re.sub(r'"apt=[^"]+"', '"apt=1.0"', text)
    path.write_text(text)
    for own in (project / OWN_FOLDER).glob("*"):
        own.unlink()

    said: list[str] = []
    spec = read_table(project)["hac-base"]
    store = FileStore(tmp_path / "store", (get_default_store().root,))
    lock = find_usable_lock(spec, None, EmbeddedSources(spec, said.append), store, said.append)
    told = "\n".join(said)
    assert "no longer holds: Debian's packages have moved on" in told
    assert "apt=1.0" in told
    assert f"locking hac-base anew into {OWN_FOLDER}" in told
    assert "base: apt 1.0 -> " in told
    assert is_complete(lock, store)
    assert path.read_text() == text, "the committed lock was written to"
    assert read_lock(spec, project / OWN_FOLDER).checksum() == lock.checksum()

    said.clear()
    again = find_usable_lock(spec, None, EmbeddedSources(spec, said.append), store, said.append)
    assert again.checksum() == lock.checksum()
    assert said == [f"using the lock in {OWN_FOLDER}: the committed one no longer holds"]
