"""Finding the environment a person means, and reading its layout without running it."""

from __future__ import annotations

import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from envtool.environment.context import EnvironmentContext, Location
from envtool.environment.prefix import PrefixKind, find_prefix, find_python_on_path, read_prefix
from envtool.environment.reader import read_environment
from envtool.errors import PrefixError


def layout(root: Path, *versions: str, marker: str | None = None, link: str | None = None) -> Path:
    """A prefix with the files that tell its layout; its interpreters are empty files, and must not be run."""
    for version in versions:
        (root / f"lib/python{version}/site-packages").mkdir(parents=True)
        (root / "bin").mkdir(exist_ok=True)
        (root / f"bin/python{version}").touch(0o755)
    if link:
        (root / "bin/python").symlink_to(f"python{link}")
    if marker == "conda":
        (root / "conda-meta").mkdir()
    elif marker:
        (root / marker).touch()
    return root


def test_conda_prefix(tmp_path: Path) -> None:
    prefix = read_prefix(layout(tmp_path / "p", "3.8", marker="conda"))
    assert (prefix.kind, prefix.python) == (PrefixKind.CONDA, (3, 8))


def test_an_upgraded_interpreter_leaves_the_old_library(tmp_path: Path) -> None:
    root = layout(tmp_path / "p", "3.9", "3.10", marker="conda", link="3.9")
    assert read_prefix(root).python == (3, 9)


def test_debian_system(tmp_path: Path) -> None:
    root = tmp_path / "usr"
    (root / "lib/python3/dist-packages").mkdir(parents=True)
    (root / "lib/python3.11").mkdir()
    (root / "bin").mkdir()
    (root / "bin/python3.11").touch()
    prefix = read_prefix(root)
    assert prefix.kind is PrefixKind.SYSTEM
    assert prefix.site_packages == root / "lib/python3/dist-packages"


def test_order_of_what_a_person_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named, conda, venv, on_path = (
        layout(tmp_path / name, "3.11", marker="pyvenv.cfg", link="3.11") for name in ("a", "b", "c", "d")
    )
    monkeypatch.setenv("CONDA_PREFIX", str(conda))
    monkeypatch.setenv("VIRTUAL_ENV", str(venv))
    monkeypatch.setenv("PATH", str(on_path / "bin"))
    assert find_prefix(named).path == named
    assert find_prefix(None, named / "bin/python").path == named
    assert find_prefix().path == conda
    monkeypatch.delenv("CONDA_PREFIX")
    assert find_prefix().path == venv
    monkeypatch.delenv("VIRTUAL_ENV")
    (on_path / "bin/python").unlink()
    (on_path / "bin/python").write_text("#!/bin/sh\n")
    (on_path / "bin/python").chmod(0o755)
    assert find_prefix().path == on_path
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PrefixError, match="no environment"):
        find_prefix()


def test_a_dist_info_that_is_a_file_or_has_no_name(tmp_path: Path) -> None:
    root = layout(tmp_path / "p", "3.11", marker="pyvenv.cfg")
    site = root / "lib/python3.11/site-packages"
    (site / "torch-1.dist-info").write_text("a file")
    (site / "odd.dist-info").mkdir()
    (site / "good-1.0.dist-info").mkdir()
    environment = read_environment(read_prefix(root))
    assert [item.name for item in environment.distributions] == ["good"]
    assert {trouble.path.name for trouble in environment.problems} == {"odd.dist-info", "torch-1.dist-info"}


def write_shim(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def on_path(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    def put(folder: Path) -> None:
        monkeypatch.delenv("CONDA_PREFIX", raising=False)
        monkeypatch.delenv("VIRTUAL_ENV", raising=False)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    return put


# What version managers put on PATH: a script with the version in a file, one that hands on, one in another folder.
SHIMS = {
    "version-file": '#!/bin/sh\nexec "{root}/versions/$(cat {root}/version)/bin/python" "$@"\n',
    "hands-on": '#!/usr/bin/env bash\nset -e\nexport CHOSEN=1\nexec env "{root}/versions/own/bin/${{0##*/}}" "$@"\n',
    "says-something": '#!/bin/sh\necho "choosing a version" >&2\nexec "{root}/versions/own/bin/python" "$@"\n',
}


@pytest.mark.parametrize("text", SHIMS.values(), ids=SHIMS)
def test_a_shim_on_path_is_asked_whose_it_is(tmp_path: Path, on_path: Callable[[Path], None], text: str) -> None:
    own = tmp_path / "versions/own"
    venv.create(own, symlinks=True)
    (tmp_path / "version").write_text("own\n")
    shim = write_shim(tmp_path / "shims/python", text.format(root=tmp_path))
    on_path(shim.parent)
    assert find_prefix().path == own
    assert find_prefix(None, shim).path == own
    assert find_python_on_path(EnvironmentContext()) == own / "bin/python"
    # A link to the tool itself, which tells by the name that it was started with.
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/python").symlink_to(shim.rename(tmp_path / "shims/manager"))
    on_path(tmp_path / "linked")
    assert find_prefix().path == own


def test_a_shim_that_starts_nothing_says_why(tmp_path: Path, on_path: Callable[[Path], None]) -> None:
    shim = write_shim(
        tmp_path / "shims/python", "#!/bin/sh\necho 'manager: version 3.99 is not installed' >&2\nexit 1\n"
    )
    on_path(shim.parent)
    with pytest.raises(PrefixError, match="starts no Python") as caught:
        find_prefix()
    assert caught.value.why == "manager: version 3.99 is not installed"
    assert find_python_on_path(EnvironmentContext()) == shim


def test_a_program_of_an_image_is_not_started(tmp_path: Path) -> None:
    mark = tmp_path / "started"
    shim = write_shim(tmp_path / "image/shims/python", f"#!/bin/sh\ntouch {mark}\n")
    context = EnvironmentContext(location=Location.IMAGE, root=tmp_path / "image", variables={"PATH": "/shims"})
    with pytest.raises(PrefixError):
        find_prefix(context=context)
    assert find_python_on_path(context) == shim
    assert not mark.exists()
