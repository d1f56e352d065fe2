"""What stands before pip, poetry and conda where no name on PATH does: the interpreter of the environment itself.

`python -m pip`, and the programs that an installer wrote with their full path in the first line, never pass a front on
PATH. The environment's Python reads the `.pth` files of its site-packages before anything else, and so starts them
anew behind the guard (`hac-shell --front`), which looks afterwards whether torch is in place.
"""

from __future__ import annotations

# A Python older than 3.10 keeps no list of its own words, but sys.argv[0] is `-m` or a program's path by then.
_HOOK = (
    'import sys; getattr(sys, "argv", [""])[0].rpartition("/")[2] in ("-m", "pip", "pip3",'
    ' "__pip-runner__.py", "poetry", "pdm", "pipenv", "conda", "mamba") and __import__("_hac_front")\n'
)
_FRONT = '''"""Starts what installs anew behind the guard, which looks afterwards whether torch is in place."""

import os
import sys

_SHELL = "/opt/hac/bin/hac-shell"
_MODULES = ("pip", "uv", "poetry", "pdm", "pipenv", "conda", "mamba")


def _read_words():
    words = getattr(sys, "orig_argv", None)
    if words is None:
        try:
            with open("/proc/self/cmdline", "rb") as stream:
                words = [os.fsdecode(word) for word in stream.read().split(b"\\0")[:-1]]
        except OSError:
            words = []
    return words


def _find_module(words):
    """The module of -m, which may be joined with other options and with its name, and the words behind it."""
    for number, word in enumerate(words[1:], start=1):
        for at, letter in enumerate(word[1:] if word.startswith("-") else "", start=1):
            if letter == "m":
                joined = word[at + 1 :]
                return (joined or "".join(words[number + 1 : number + 2])), words[number + (1 if joined else 2) :]
            if letter in "WX-":
                break
    return "", []


def _is_installer(words):
    rest = words[2:]
    if sys.argv[0] == "-m":
        module, rest = _find_module(words)
        if module.partition(".")[0] not in _MODULES:
            return False
    # What only runs a program stays that program's parent: signals would end at the guard.
    return next((word for word in rest if not word.startswith("-")), "") not in ("run", "shell")


def _restart():
    words = _read_words()
    if os.environ.get("HAC_GUARDED") or not os.access(_SHELL, os.X_OK) or not _is_installer(words):
        return
    # The guard sets it as well; here, so that this can never happen twice.
    os.environ["HAC_GUARDED"] = "1"
    is_script = words[1:2] == sys.argv[:1] and os.access(words[1], os.X_OK) and "/" in words[1]
    started = words[1:] if is_script else [sys.executable] + words[1:]
    os.execv(_SHELL, [_SHELL, "--front"] + started)


_restart()
'''
# By their names in site-packages. The second is a module that nothing else imports.
PYTHON_FRONT = {"hac-front.pth": _HOOK, "_hac_front.py": _FRONT}
