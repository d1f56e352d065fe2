"""Completion scripts for bash, zsh and fish, as the shells look for them below `share`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# What a shell's own completion looks for, below `share`.
PLACES = {
    "bash": "bash-completion/completions/envtool",
    "zsh": "zsh/site-functions/_envtool",
    "fish": "fish/vendor_completions.d/envtool.fish",
}
_PROGRAM = "import sys; sys.argv = ['envtool']; from envtool.cli.main import main; main()"
# zsh runs the file as the function `_envtool` at the first completion: without this only the second one would answer.
_ZSH_FIRST_CALL = '\nif [[ ${funcstack[1]} == _envtool ]]; then\n  _envtool_completion "$@"\nfi\n'


def render_completions(root: Path) -> dict[str, str]:
    """The script of each shell by its place below `share`, as the program in `root` prints it."""
    scripts = {place: _ask_program(root, shell) for shell, place in PLACES.items()}
    scripts[PLACES["zsh"]] += _ZSH_FIRST_CALL
    return scripts


def _ask_program(root: Path, shell: str) -> str:
    # pip's isolated builds find what they require by this variable.
    search = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
    variables = {**os.environ, "_ENVTOOL_COMPLETE": f"source_{shell}", "PYTHONPATH": search, "HAC_LANG": "en"}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], env=variables, capture_output=True, text=True, check=True, cwd=root
    )
    return done.stdout.strip() + "\n"
