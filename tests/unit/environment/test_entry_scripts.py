"""What entry scripts make of `python`, read from their text, against what a real shell does with them.

Written after the entry points that public images have: virtual environments, conda's activation, heredocs, functions,
loops over folders, settings files, programs that change the user.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from envtool.environment.file_tree import DiskTree
from envtool.environment.start_command import find_command_start

# @ is the test's folder: @/venv has an environment, @/python is first on PATH. Each is started with `python train.py`.
SCRIPTS = {
    "activates": '. @/venv/bin/activate\nexec "$@"\n',
    "activates-by-variable": 'export VENV_PATH=@/venv\nsource "$VENV_PATH/bin/activate"\nexec "$@"\n',
    "activates-if-there": 'if [ -f "@/venv/bin/activate" ]; then\n  source @/venv/bin/activate\nfi\nexec "$@"\n',
    "activates-with-a-default": 'VENV="${VENV:-@/venv}"\n. "${VENV}/bin/activate"\nexec "$@"\n',
    "only-says-so": 'echo "run: . @/venv/bin/activate"\necho \'export PYTHONPATH=@/libs\'\nexec "$@"\n',
    "writes-a-profile": 'cat >@/profile <<END\nexport PYTHONPATH=@/libs\nEND\nexec "$@"\n',
    "writes-a-quoted-profile": "cat <<'END' >@/profile\n. @/venv/bin/activate\nEND\nexec \"$@\"\n",
    "writes-an-indented-profile": 'cat <<-END >@/profile\n\tPYTHONPATH=@/libs\n\tEND\nexec "$@"\n',
    "appends-to-the-path": 'export PATH="$PATH:@/venv/bin"\nexec "$@"\n',
    "puts-first": 'PATH=@/venv/bin${PATH:+:$PATH}\nexec "$@"\n',
    "appends-by-plus": 'PYTHONPATH=@/first\nPYTHONPATH+=:@/libs\nexport PYTHONPATH\nexec "$@"\n',
    "sets-all": 'set -a\nPYTHONPATH=@/libs\nset +a\nexec "$@"\n',
    "keeps-to-itself": 'PYTHONPATH=@/libs\necho "$PYTHONPATH" >/dev/null\nexec "$@"\n',
    "several-in-a-line": 'export A=1 PYTHONPATH=@/libs B="x y"; exec "$@"\n',
    "for-one-command": 'PYTHONPATH=@/libs true\nexec "$@"\n',
    "for-the-command": 'PYTHONPATH=@/libs exec "$@"\n',
    "by-env": 'exec env PYTHONPATH="@/libs" "$@"\n',
    "in-a-function": 'main() {\n  export PYTHONPATH=@/libs\n  exec "$@"\n}\nmain "$@"\n',
    "in-a-function-that-is-not-called": 'never() {\n  export PYTHONPATH=@/libs\n}\nexec "$@"\n',
    "in-a-subshell": '(export PYTHONPATH=@/libs; true)\nexec "$@"\n',
    "says-usage": 'usage="call it so:\nexport PYTHONPATH=@/libs\n"\nexec "$@"\n',
    "unset": 'export PYTHONPATH=@/libs\nunset PYTHONPATH\nexec "$@"\n',
    "deactivates": '. @/venv/bin/activate\ndeactivate\nexec "$@"\n',
    "its-own-program": "export PYTHONPATH=@/libs\nexec @/venv/bin/python -u train.py\n",
    "own-program-by-variable": 'PYTHON=${PYTHON:-@/venv/bin/python}\nexec "$PYTHON" train.py "$@"\n',
    "trailing-comment": 'export PYTHONPATH=@/libs # where it is\nexec "$@" # go\n',
    "hash-in-a-value": 'export PYTHONPATH="@/libs" OTHER="a #b"\nexec "$@"\n',
    "continued": 'export \\\n  PYTHONPATH=@/libs\nexec \\\n  "$@"\n',
    "case": 'case "$1" in\n  serve) export PYTHONPATH=@/wrong ;;\n  *) export PYTHONPATH=@/libs ;;\nesac\nexec "$@"\n',
    "quoted-tilde": 'HOME=@\nexport PYTHONPATH=~/libs\nexec "$@"\n',
    "sources-a-file": '. @/settings\nexec "$@"\n',
    "all-words": "export PYTHONPATH=@/libs\nexec $@\n",
    "and-list": '[ -d @/venv ] && . @/venv/bin/activate && exec "$@"\n',
    "array": 'cmd=( "$@" )\nexport PYTHONPATH=@/libs\nexec "${cmd[@]}"\n',
    "own-words": 'if [ "$1" = python ]; then shift; set -- python -u "$@"; fi\nexport PYTHONPATH=@/libs\nexec "$@"\n',
    "loop-before": 'for try in 1 2 3; do true; done\n. @/venv/bin/activate\nexec "$@"\n',
    "piped": 'export PYTHONPATH=@/libs\n"$@" 2>&1 | tee @/log\n',
    "shell-in-a-shell": 'exec bash -c \'. @/venv/bin/activate && exec "$@"\' bash "$@"\n',
    "trap-and-no-exec": 'trap "true" EXIT\nexport PYTHONPATH=@/libs\n"$@"\n',
    "function-with-words": 'run() {\n  exec "$@"\n}\nexport PYTHONPATH=@/libs\nrun python -u train.py\n',
    "or-exit": '. @/venv/bin/activate || exit 1\nexec "$@"\n',
    "eval": 'eval "export PYTHONPATH=@/libs"\nexec "$@"\n',
    "export-later": 'PYTHONPATH=@/libs\necho go >/dev/null\nexport PYTHONPATH\nexec "$@"\n',
    "logs-to-a-file": '{\n  export PYTHONPATH=@/libs\n  echo hi\n} >@/log\nexec "$@"\n',
    "nice": 'export PYTHONPATH=@/libs\nexec nice -n 5 "$@"\n',
    "folder-and-relative": "cd @/venv/bin\nexec ./python train.py\n",
    "dirname": 'export PYTHONPATH="$(dirname "$0")/libs"\nunset PYTHONPATH\nexec "$@"\n',
    "here-string": 'cat <<<"export PYTHONPATH=@/libs" >/dev/null\nexec "$@"\n',
    "default-command": 'if [ $# -eq 0 ]; then set -- python serve.py; fi\nexport PYTHONPATH=@/libs\nexec "$@"\n',
}


@pytest.mark.parametrize("name", list(SCRIPTS))
def test_what_is_read_is_what_a_shell_does(name: str, tmp_path: Path) -> None:
    make_program(tmp_path / "bin/python", "system")
    make_program(tmp_path / "venv/bin/python", "venv")
    activate = tmp_path / "venv/bin/activate"
    activate.write_text(
        f'deactivate() {{ PATH="$_OLD"; export PATH; }}\n_OLD="$PATH"\nPATH="{tmp_path}/venv/bin:$PATH"\nexport PATH\n'
    )
    (tmp_path / "settings").write_text(f"export PYTHONPATH={tmp_path}/libs\n")
    script = tmp_path / "entry.sh"
    script.write_text("#!/bin/bash\n" + SCRIPTS[name].replace("@/", f"{tmp_path}/").replace("=@\n", f"={tmp_path}\n"))
    script.chmod(0o755)
    variables = {"PATH": f"{tmp_path}/bin:{os.defpath}", "HOME": str(tmp_path)}
    command = [str(script), "python", "train.py"]
    done = subprocess.run(command, env=variables, cwd=tmp_path, capture_output=True, text=True, check=False)
    truth = done.stdout.splitlines()[-1]
    found = find_command_start(DiskTree(), command, variables, str(tmp_path))
    assert found is not None
    path = found.variables.get("PATH", "").split(":")
    program = found.program if "/" in found.program else next(f"{folder}/python" for folder in path if is_ours(folder))
    label = "venv" if os.path.normpath(program) == f"{tmp_path}/venv/bin/python" else "system"
    assert f"{label} {found.variables.get('PYTHONPATH', '')}" == truth


def make_program(path: Path, label: str) -> None:
    """A python that says which one it is, and its PYTHONPATH."""
    path.parent.mkdir(parents=True)
    path.write_text(f'#!/bin/sh\necho "{label} $PYTHONPATH"\n')
    path.chmod(0o755)


def is_ours(folder: str) -> bool:
    """Whether a folder of PATH has one of the programs."""
    return Path(folder, "python").is_file()
