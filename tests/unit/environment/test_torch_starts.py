"""Which torch a `python` imports, told from files, against what the real interpreter says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from envtool.environment.entry_script import follow_script
from envtool.environment.file_tree import DiskTree, follow_links
from envtool.environment.start_command import find_command_start
from envtool.environment.torch_starts import list_torch_starts

_NAME = f"python{sys.version_info[0]}.{sys.version_info[1]}"
_BASE = Path(sys.base_prefix)


def make_torch(folder: Path) -> Path:
    """A package called torch."""
    (folder / "torch").mkdir(parents=True)
    (folder / "torch/__init__.py").write_text("")
    return folder


def make_venv(folder: Path, *, sees_system: bool = False) -> Path:
    """An environment as `python -m venv --without-pip` makes it; its site-packages."""
    site = folder / "lib" / _NAME / "site-packages"
    site.mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "bin/python").symlink_to(_BASE / "bin" / _NAME)
    settings = f"home = {_BASE}/bin\ninclude-system-site-packages = {str(sees_system).lower()}\n"
    (folder / "pyvenv.cfg").write_text(settings)
    return site


def ask_interpreter(variables: Mapping[str, str]) -> str | None:
    """Where the `python` on PATH finds torch, without the folder that it is started in."""
    code = "import sys; sys.path.pop(0); import importlib.util as u; s = u.find_spec('torch'); print(s and s.origin)"
    done = subprocess.run(["python", "-c", code], env=dict(variables), capture_output=True, text=True, check=False)
    said = done.stdout.strip()
    return said if done.returncode == 0 and said != "None" else None


def ask_files(variables: Mapping[str, str]) -> str | None:
    """The same by reading."""
    start = next(iter(list_torch_starts(DiskTree(), variables)))
    return f"{start.module.path}/__init__.py" if start.module is not None else None


def copy_installation(folder: Path, *, in_archive: bool) -> None:
    """A Python of its own, by links, with a torch in site-packages and another one where the standard library is."""
    library = folder / "lib" / _NAME
    library.mkdir(parents=True)
    (folder / "bin").mkdir()
    shutil.copy(_BASE / "bin" / _NAME, folder / "bin" / _NAME)
    (folder / "bin/python").symlink_to(_NAME)
    for path in (_BASE / "lib").glob("libpython*.so*"):
        (folder / "lib" / path.name).symlink_to(path)
    for path in (_BASE / "lib" / _NAME).iterdir():
        if path.name != "site-packages":
            (library / path.name).symlink_to(path)
    make_torch(library / "site-packages")
    if not in_archive:
        make_torch(library)
        return
    with zipfile.ZipFile(folder / "lib" / f"{_NAME.replace('.', '')}.zip", "w") as archive:
        archive.writestr("torch/__init__.py", "")


CASES = (
    "plain", "nothing", "pythonpath", "pythonpath-empty-entries", "pth-behind", "pth-first", "link-to-venv", "wrapper",
    "wrapper-exports", "user-site", "user-site-seen", "no-user-site", "home-gone", "linked-folder", "second-on-path",
    "namespace", "python3-alone", "standard-library", "standard-library-archive",
)  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_files_say_what_the_interpreter_does(case: str, tmp_path: Path) -> None:
    site = make_venv(tmp_path / "venv", sees_system=case == "user-site-seen")
    other = make_torch(tmp_path / "other")
    variables = {"PATH": f"{tmp_path}/venv/bin:{os.defpath}", "HOME": str(tmp_path / "home")}
    if case not in {"nothing", "pth-behind", "user-site", "user-site-seen", "no-user-site", "namespace"}:
        make_torch(site)
    user_site = tmp_path / "home/.local/lib" / _NAME / "site-packages"
    match case:
        case "pythonpath":
            variables["PYTHONPATH"] = f"{tmp_path}/none:{other}"
        case "pythonpath-empty-entries":
            variables["PYTHONPATH"] = f"{tmp_path}/none:{tmp_path}"
        case "pth-behind":
            (site / "a.pth").write_text(f"# a comment\n{other}\n/nowhere\n")
        case "pth-first":
            (site / "a.pth").write_text(f"import sys; sys.path.insert(0, '{other}')\n")
        case "link-to-venv":
            (tmp_path / "bin").mkdir()
            (tmp_path / "bin/python").symlink_to(tmp_path / "venv/bin/python")
            variables["PATH"] = f"{tmp_path}/bin:{os.defpath}"
        case "wrapper" | "wrapper-exports":
            (tmp_path / "bin").mkdir()
            extra = f"export PYTHONPATH={other}\n" if case == "wrapper-exports" else "# export PYTHONPATH=/nowhere\n"
            script = tmp_path / "bin/python"
            script.write_text(f'#!/bin/sh\n{extra}exec "{tmp_path}/venv/bin/python" "$@"\n')
            script.chmod(0o755)
            variables["PATH"] = f"{tmp_path}/bin:{os.defpath}"
        case "user-site" | "user-site-seen" | "no-user-site":
            make_torch(user_site)
            if case == "no-user-site":
                variables["PYTHONNOUSERSITE"] = "1"
        case "home-gone":
            variables["PYTHONHOME"] = str(tmp_path / "none")
        case "linked-folder":
            (tmp_path / "data").mkdir()
            site.rename(tmp_path / "data/sp")
            site.symlink_to(tmp_path / "data/sp")
        case "second-on-path":
            second = make_venv(tmp_path / "second")
            variables["PATH"] = f"{tmp_path}/second/bin:{variables['PATH']}"
            assert not list(second.iterdir())
        case "standard-library" | "standard-library-archive":
            # An installation of its own, whose standard library is this one's but for what is added.
            shutil.rmtree(tmp_path / "venv")
            copy_installation(tmp_path / "venv", in_archive=case.endswith("archive"))
        case "namespace":
            (site / "torch/plugins").mkdir(parents=True)
        case _:
            pass
    assert ask_files(variables) == (truth := ask_interpreter(variables)), truth


@pytest.mark.parametrize(
    ("command", "program", "path"),
    [
        (["python", "-m", "x"], "python", ""),
        (["/v/bin/python", "x.py"], "/v/bin/python", ""),
        (["tini", "-s", "--", "hac-start", "python", "x.py"], "python", ""),
        (["/bin/sh", "-c", "PYTHONPATH=/a python x.py"], "python", "/a"),
        (["/opt/hac/bin/hac-shell", "bash", "-o", "pipefail", "-c", "PYTHONPATH=/a python x"], "python", "/a"),
        (["env", "-u", "A", "PYTHONPATH=/a", "python"], "python", "/a"),
        (["timeout", "10", "nice", "-n", "5", "python", "x.py"], "python", ""),
        (["/entry", "python", "x.py"], "python", "/b"),
        (["bash", "/entry", "python", "-c", "1"], "python", "/b"),
        (["gosu", "me", "/app/train"], "/v/bin/python", ""),
        (["su", "me", "-c", "PYTHONPATH=/a python x.py"], "python", "/a"),
        (["su", "-", "me", "-s", "/bin/sh", "-c", "python"], "python", "/home"),
        (["runuser", "-u", "me", "--", "/v/bin/python", "x.py"], "/v/bin/python", ""),
        (["sudo", "-E", "-H", "-u", "me", "PYTHONPATH=/a", "python", "x.py"], "python", "/a"),
        (["setpriv", "--reuid=1000", "--clear-groups", "env", "PYTHONPATH=/a", "python"], "python", "/a"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_what_a_command_starts(command: list[str], program: str, path: str, tmp_path: Path) -> None:
    (tmp_path / "entry").write_text('#!/bin/bash\nset -e\nexport PYTHONPATH="/b"\nexec "$@"\n')
    (tmp_path / "app").mkdir()
    (tmp_path / "app/train").write_text("#!/v/bin/python\n")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/root:/bin/bash\nme:x:1000:0::/home/me:/bin/bash\n")
    (tmp_path / "home/me").mkdir(parents=True)
    (tmp_path / "home/me/.profile").write_text("export PYTHONPATH=/home\n")
    found = find_command_start(DiskTree(tmp_path), command, {"PATH": "/bin"}, "/srv")
    assert found is not None
    assert (found.program, found.variables.get("PYTHONPATH", "")) == (program, path)


def test_a_shell_alone_starts_nothing_known() -> None:
    for command in (["bash"], ["tini", "--", "/bin/bash"], ["sleep", "9"], ["sh", "-c", "sleep 9"]):
        assert find_command_start(DiskTree(Path("/nowhere")), command, {}, "/") is None


@pytest.mark.parametrize(
    ("script", "name", "value"),
    [
        ("export PATH=/v/bin:$PATH", "PATH", "/v/bin:/bin"),
        ("export PATH='/v/bin:$PATH'", "PATH", "/v/bin:$PATH"),
        ('export PYTHONPATH="${PYTHONPATH:-/a}:/b"', "PYTHONPATH", "/a:/b"),
        ("export PYTHONPATH=/a${PYTHONPATH:+:$PYTHONPATH}", "PYTHONPATH", "/a"),
        ("# export PYTHONPATH=/a", "PYTHONPATH", None),
        ("MY_PYTHONPATH=/a", "PYTHONPATH", None),
        ("export PYTHONPATH=/a\nunset PYTHONPATH", "PYTHONPATH", None),
        (". /v/bin/activate", "PATH", "/v/bin:/bin"),
        ("conda activate two", "PATH", "/opt/conda/envs/two/bin:/bin"),
    ],
    ids=lambda value: str(value),
)
def test_what_a_script_exports(script: str, name: str, value: str | None) -> None:
    assert follow_script(script, {"PATH": "/bin"}).variables.get(name) == value


def test_links_do_not_lead_out_and_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("../../../../b")
    (tmp_path / "b").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    tree = DiskTree(tmp_path)
    assert follow_links(tree, "/a") == "/b"
    assert follow_links(tree, "/loop") is None
