"""What shells read as they start, told from files, against what real shells make of their variables.

The system's own files are this machine's, for both. Written after public Dockerfiles: conda's lines in .bashrc behind
Debian's guard for shells that nobody types into, BASH_ENV, `SHELL ["bash", "--login", "-c"]`, `ENV` of sh.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from envtool.environment.file_tree import DiskTree, find_program
from envtool.environment.shell_startup import parse_shell_words
from envtool.environment.start_command import find_command_start
from envtool.environment.torch_starts import StartWay, list_torch_starts
from tests.unit.environment.test_torch_starts import _NAME, make_torch, make_venv

_GUARD = "case $- in\n  *i*) ;;\n  *) return ;;\nesac\n"
_EXPORT = "export PYTHONPATH=@/libs\n"
_BOTH = {".bashrc": "export PYTHONPATH=@/rc\n", ".profile": "export PYTHONPATH=@/profile\n"}

# The shell's words before `@/show`, or before `-c @/show`; the files of the home folder; further variables.
STARTS: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    "login-reads-profile": ("bash -lc", {".profile": _EXPORT}, {}),
    "login-prefers-bash-profile": ("bash --login -c", {**_BOTH, ".bash_profile": _EXPORT}, {}),
    "login-prefers-bash-login": ("bash -l -c", {**_BOTH, ".bash_login": _EXPORT}, {}),
    "login-leaves-bashrc": ("bash -lc", {".bashrc": _EXPORT}, {}),
    "login-without-profile": ("bash --noprofile -lc", {".profile": _EXPORT}, {}),
    "login-by-profile-to-bashrc": ("bash -lc", {".profile": ". ~/.bashrc\n", ".bashrc": _EXPORT}, {}),
    "login-stops-at-the-guard": ("bash -lc", {".profile": ". ~/.bashrc\n", ".bashrc": _GUARD + _EXPORT}, {}),
    "login-stops-at-ps1": (
        "bash -lc", {".profile": ". ~/.bashrc\n", ".bashrc": '[ -z "$PS1" ] && return\n' + _EXPORT}, {},
    ),
    "login-stops-at-double-brackets": (
        "bash -lc", {".bash_profile": "source ~/.bashrc", ".bashrc": "[[ $- != *i* ]] && return\n" + _EXPORT}, {},
    ),
    "debians-profile": (
        "bash -lc",
        {
            ".profile": 'if [ -n "$BASH_VERSION" ]; then\n  if [ -f "$HOME/.bashrc" ]; then\n    . "$HOME/.bashrc"\n'
            '  fi\nfi\nif [ -d "$HOME/bin" ]; then\n  PATH="$HOME/bin:$PATH"\nfi\n',
            ".bashrc": _EXPORT,
            "bin/tool": "",
        },
        {},
    ),
    "plain-reads-nothing": ("bash -c", {**_BOTH, ".bash_profile": _EXPORT}, {}),
    "bash-env": ("bash -c", {"settings": _EXPORT}, {"BASH_ENV": "@/settings"}),
    "bash-env-with-a-variable": ("bash -c", {"settings": _EXPORT}, {"BASH_ENV": "$HOME/settings"}),
    "bash-env-of-a-login-shell": (
        "bash -lc", {".profile": "export PYTHONPATH=@/a\n", "settings": _EXPORT}, {"BASH_ENV": "@/settings"},
    ),
    "bash-env-is-not-for-sh": ("sh -c", {"settings": _EXPORT}, {"BASH_ENV": "@/settings"}),
    "bash-env-is-not-for-posix": ("bash --posix -c", {"settings": _EXPORT}, {"BASH_ENV": "@/settings"}),
    "env-is-not-for-scripts": ("sh -c", {"settings": _EXPORT}, {"ENV": "@/settings"}),
    "env-for-sh-that-is-typed-into": ("sh -ic", {"settings": _EXPORT}, {"ENV": "@/settings"}),
    "typed-bash": ("bash -ic", _BOTH, {}),
    "typed-bash-passes-the-guard": ("bash -ic", {".bashrc": _GUARD + _EXPORT}, {}),
    "typed-bash-without-rc": ("bash --norc -ic", _BOTH, {}),
    "typed-bash-with-its-own-rc": ("bash --rcfile @/mine -ic", {**_BOTH, "mine": _EXPORT}, {}),
    "typed-login-shell": ("bash -lic", _BOTH, {}),
    "sh-as-a-login-shell": ("sh -lc", _BOTH, {}),
    "options-before": ("bash -e -u -o pipefail -lc", {".profile": _EXPORT}, {}),
    "a-path-in-front": ("bash -lc", {".profile": 'PATH="@/venv/bin:$PATH"\n'}, {}),
    "a-loop-over-settings": (
        "bash -lc", {".profile": "for i in ~/d/*.sh; do [ -r $i ] && . $i; done\n", "d/a.sh": _EXPORT}, {},
    ),
    "a-loop-that-finds-nothing": ("bash -lc", {".profile": "for i in ~/none/*.sh; do [ -r $i ] && . $i; done\n"}, {}),
    "only-where-it-is-not-there": (
        "bash -lc", {".profile": 'case ":$PATH:" in *:@/v/bin:*) ;; *) PATH=@/v/bin:$PATH ;; esac\n'}, {},
    ),
    "a-file-that-returns-early": (
        "bash -lc", {".profile": ". ~/one\n", "one": "[ -n \"$NOTHING\" ] || return\nexport PYTHONPATH=@/never\n"}, {},
    ),
    "a-variable-that-is-not-set": ("bash -lc", {".profile": 'if [ -n "$NOTHING" ]; then\n' + _EXPORT + "fi\n"}, {}),
    "beside-the-script": (
        "bash -lc",
        {".profile": 'here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"\nexport PYTHONPATH="$here/libs"\n'},
        {},
    ),
    "an-activation": ("bash -lc", {".profile": ". @/venv/bin/activate\n"}, {}),
    "an-activation-that-was-copied": ("bash -lc", {".profile": ". @/copy/bin/activate\n"}, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", list(STARTS))
def test_files_say_what_a_shell_does(name: str, tmp_path: Path) -> None:
    words, files, more = STARTS[name]

    def fill(text: str) -> str:
        return text.replace("@", str(tmp_path))

    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(fill(text))
    for folder in ("venv", "copy"):
        (tmp_path / folder / "bin").mkdir(parents=True)
        activate = f'VIRTUAL_ENV="{tmp_path}/venv"\nexport VIRTUAL_ENV\nPATH="$VIRTUAL_ENV/bin:$PATH"\nexport PATH\n'
        (tmp_path / folder / "bin/activate").write_text(activate)
    show = tmp_path / "python"
    show.write_text('#!/bin/sh\necho "$PATH|$PYTHONPATH"\n')
    show.chmod(0o755)
    variables = {"PATH": os.defpath, "HOME": str(tmp_path)} | {key: fill(value) for key, value in more.items()}
    command = [*fill(words).split(), str(show)]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    found = find_command_start(DiskTree(), command, variables, "/")
    assert found is not None
    said = f"{found.variables.get('PATH', '')}|{found.variables.get('PYTHONPATH', '')}"
    # Which of the system's folders are behind them is a question of who asks.
    assert select_own(said, tmp_path) == select_own(done.stdout.splitlines()[-1], tmp_path)


def select_own(said: str, folder: Path) -> tuple[list[str], str]:
    path, _, modules = said.partition("|")
    return [entry for entry in path.split(":") if entry.startswith(str(folder))], modules


@pytest.mark.parametrize(
    ("words", "is_login", "is_interactive", "command"),
    [
        ("bash -lc x", True, False, "x"),
        ("/bin/bash -eo pipefail -c x", False, False, "x"),
        ("bash -O extglob -c x", False, False, "x"),
        ("bash script a", False, False, None),
        ("bash", False, True, None),
        ("-bash", True, True, None),
        ("sh -l -- script", True, False, None),
        ("bash --rcfile f -i", False, True, None),
    ],
    ids=lambda value: str(value),
)
def test_options_of_a_shell(words: str, is_login: bool, is_interactive: bool, command: str | None) -> None:
    shell = parse_shell_words(words.split())
    assert (shell.is_login, shell.is_interactive, shell.command) == (is_login, is_interactive, command)


def make_conda(root: Path) -> None:
    """Folders as conda has them, with an environment `two`; a torch in each."""
    for folder in (root / "opt/conda", root / "opt/conda/envs/two"):
        site = make_venv(folder)
        (folder / "pyvenv.cfg").unlink()
        (folder / "bin/python").unlink()
        (folder / "bin/python").write_bytes(b"")
        (folder / "lib" / _NAME / "os.py").write_text("")
        make_torch(site)
    (root / "opt/conda/bin/conda").write_text("#!/opt/conda/bin/python\n")


_HOOK = 'eval "$(/opt/conda/bin/conda shell.bash hook)"\n'
_INIT = """# >>> conda initialize >>>
__conda_setup="$('/opt/conda/bin/conda' 'shell.bash' 'hook' 2> /dev/null)"
if [ $? -eq 0 ]; then
    eval "$__conda_setup"
else
    if [ -f "/opt/conda/etc/profile.d/conda.sh" ]; then
        . "/opt/conda/etc/profile.d/conda.sh"
    else
        export PATH="/opt/conda/bin:$PATH"
    fi
fi
unset __conda_setup
# <<< conda initialize <<<
"""

_BASE, _TWO = "/opt/conda", "/opt/conda/envs/two"
_TYPED, _ENTRY, _CONDA = ["bash", "-ic", "python"], ["/entry", "python"], "/opt/conda/bin/conda"
_MICROMAMBA = 'eval "$(micromamba shell hook --shell bash)"\nmicromamba activate "${ENV_NAME:-two}"\n'

# What is in a file, the command, and the environment that its python is of.
CONDAS = {
    "init-activates-base": ({"root/.bashrc": _INIT}, _TYPED, _BASE),
    "init-and-another": ({"root/.bashrc": f"{_INIT}conda activate two\n"}, _TYPED, _TWO),
    "init-is-not-read": ({"root/.bashrc": f"{_INIT}conda activate two\n"}, ["bash", "-c", "python"], None),
    "hook-in-an-entry": ({"entry": f'#!/bin/bash\n{_HOOK}conda activate two\nexec "$@"\n'}, _ENTRY, _TWO),
    "base-left-alone": ({"root/.bashrc": _INIT, "root/.condarc": "auto_activate_base: false\n"}, _TYPED, None),
    "without-a-hook-it-only-complains": (
        {"entry": '#!/bin/bash\nconda activate two\nexec "$@"\n'}, ["/entry", "/opt/conda/bin/python"], _BASE,
    ),
    "profile-script": (
        {"root/.profile": ". /opt/conda/etc/profile.d/conda.sh\nconda activate\n"}, ["bash", "-lc", "python"], _BASE,
    ),
    "source-activate": ({}, ["bash", "-c", "source /opt/conda/bin/activate two && python"], _TWO),
    "source-activate-by-name": ({}, ["bash", "-c", "PATH=/opt/conda/bin:$PATH; . activate two; exec python"], _TWO),
    "conda-run": ({}, [_CONDA, "run", "--no-capture-output", "-n", "two", "python"], _TWO),
    "conda-run-with-an-equals-sign": ({}, [_CONDA, "run", "--name=two", "--cwd", "/", "python"], _TWO),
    "by-its-variable": ({"root/.bashrc": _INIT + "conda activate $CONDA_DEFAULT_ENV\n"}, _TYPED, _TWO),
    "micromamba": ({"entry": f'#!/bin/bash\n{_MICROMAMBA}exec "$@"\n'}, _ENTRY, _TWO),
}  # fmt: skip


@pytest.mark.parametrize("name", list(CONDAS))
def test_what_conda_activates(name: str, tmp_path: Path) -> None:
    files, command, expected = CONDAS[name]
    make_conda(tmp_path)
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    variables = {"PATH": "/usr/bin:/bin", "HOME": "/root", "MAMBA_ROOT_PREFIX": "/opt/conda"}
    variables["CONDA_DEFAULT_ENV"] = "two"
    if name == "by-its-variable":
        # Where the hook activates base first, that sets the variable anew.
        variables["CONDA_AUTO_ACTIVATE_BASE"] = "false"
    starts = list(list_torch_starts(DiskTree(tmp_path), variables, command))
    prefixes = [start.python.prefix for start in starts if start.is_command and start.python is not None]
    assert prefixes == ([expected] if expected else [])


def test_an_environments_own_scripts_and_variables_count(tmp_path: Path) -> None:
    make_conda(tmp_path)
    folder = tmp_path / "opt/conda/envs/two"
    (folder / "etc/conda/activate.d").mkdir(parents=True)
    (folder / "etc/conda/activate.d/a.sh").write_text("export PYTHONPATH=/srv/libs\n")
    (folder / "conda-meta").mkdir()
    (folder / "conda-meta/state").write_text('{"env_vars": {"PYTHONNOUSERSITE": "1"}}')
    command = ["/opt/conda/bin/conda", "run", "-n", "two", "python", "x.py"]
    found = find_command_start(DiskTree(tmp_path), command, {"PATH": "/bin"}, "/")
    assert found is not None
    assert (found.variables["PYTHONPATH"], found.variables["PYTHONNOUSERSITE"]) == ("/srv/libs", "1")


def test_shells_are_answered_apart_where_they_differ(tmp_path: Path) -> None:
    make_conda(tmp_path)
    shutil.copytree(tmp_path / "opt/conda/envs/two", tmp_path / "opt/conda/envs/three")
    (tmp_path / "root").mkdir()
    variables = {"PATH": "/opt/conda/bin:/bin", "HOME": "/root"}

    def ask() -> dict[StartWay, str]:
        starts = list_torch_starts(DiskTree(tmp_path), variables, with_shells=True)
        return {start.way: start.python.prefix for start in starts if start.python is not None}

    assert ask() == {StartWay.PYTHON: "/opt/conda"}
    (tmp_path / "root/.profile").write_text("PATH=/opt/conda/envs/two/bin:$PATH\n")
    assert ask() == {StartWay.PYTHON: "/opt/conda", StartWay.LOGIN_SHELL: "/opt/conda/envs/two"}
    (tmp_path / "root/.bashrc").write_text("PATH=/opt/conda/envs/three/bin:$PATH\n")
    assert ask()[StartWay.TYPED_SHELL] == "/opt/conda/envs/three"


def test_a_path_with_a_nul_leads_nowhere(tmp_path: Path) -> None:
    tree = DiskTree(tmp_path)
    assert find_program(tree, "/bin/\0sh", {}) is None
    assert (tree.link_target("/a\0"), tree.read("/a\0"), list(tree.list_names("/a\0"))) == (None, None, [])
