"""Which files of an image decide what its `python` imports, told by their paths while its layers go by."""

from __future__ import annotations

import re
from typing import IO

from envtool.environment.project_runs import PROJECT_FILES
from envtool.environment.python_program import condense_program
from envtool.release.profile import PINNED_NAMES

_NAMES = "|".join(PINNED_NAMES)
# A pinned module, wherever it lies: what PYTHONPATH or a .pth file names may be any folder.
_MODULE = re.compile(
    rf"(?:^|/)(?:{_NAMES})(?:/(?:__init__|version)\.pyc?|/__init__\.[\w.-]+\.so|(?:\.[\w-]+)*\.so|\.pyc?)$"
)
_SETTINGS = frozenset({"pyvenv.cfg", "sitecustomize.py", "usercustomize.py"})
# What shells read as they start, wherever a home folder is, and conda.
_SHELL_SETTINGS = frozenset(
    {".bashrc", ".bash_profile", ".bash_login", ".profile", ".zshenv", ".zprofile", ".zshrc", ".zlogin", ".condarc"}
)
_SHELL_FOLDERS = ("etc/profile.d", "etc/conda/activate.d", "etc/zsh")
_SYSTEM_SETTINGS = re.compile(
    r"etc/(?:profile|bashrc|bash\.bashrc|zsh\w+|[\w.-]*(?:env|profile|rc)|[\w-]+\.(?:ba)?sh)$"
)
# The standard library's landmark (CPython, Modules/getpath.py).
_LIBRARY = re.compile(r"(?:^|/)lib(?:64)?/python\d\.\d+t?/os\.py$")
_LIBRARY_ARCHIVE = re.compile(r"(?:^|/)lib/python\d+t?\.zip$")
_SCRIPT_AT_MOST = 32 << 10
_SETTING_AT_MOST = 256 << 10
_ARCHIVE_DEPTH = 2
_INTERPRETER = re.compile(r"python[\d.]*t?")
_SCRIPT_FOLDERS = ("bin", "sbin")
# What service managers read: supervisord's configuration, the services of s6 and runit.
_RUN_FOLDERS = ("services.d", "s6-rc.d", "service", "sv")
_SITE_FOLDERS = ("/site-packages", "/dist-packages")


def needs_content(path: str, size: int) -> bool | None:
    """Whether a file's content matters to what is imported; `None` where the file does not matter at all."""
    folder, _, name = path.rpartition("/")
    if name in _SETTINGS or name.endswith(".pth") or path == "etc/passwd":
        return size <= _SETTING_AT_MOST
    if name in _SHELL_SETTINGS or folder.endswith(_SHELL_FOLDERS) or path.endswith("conda-meta/state"):
        return size <= _SETTING_AT_MOST
    if is_service_setting(folder, name) or (name == "kernel.json" and "/kernels/" in folder):
        return size <= _SETTING_AT_MOST
    if (name.startswith(PINNED_NAMES) or "torch" in folder) and _MODULE.search(path):
        return name == "version.py" and size <= _SCRIPT_AT_MOST
    if name.endswith(".py") and folder.endswith(_SITE_FOLDERS):
        # A line of a .pth file may import it.
        return size <= _SCRIPT_AT_MOST
    if name.endswith((".zip", ".egg", ".pyz", ".pex")):
        # On the search path it is a folder. There may be data sets of them, far from the root.
        is_near = path.count("/") <= _ARCHIVE_DEPTH or folder.endswith(_SITE_FOLDERS) or _LIBRARY_ARCHIVE.search(path)
        return True if is_near and size <= _SETTING_AT_MOST else None
    if name in PROJECT_FILES:
        return False
    if name in {".pdm-python", ".python-version"} or (name == "version" and "pyenv" in folder):
        return size <= _SETTING_AT_MOST
    if name == "os.py":
        return False if _LIBRARY.search(path) else None
    last = folder.rpartition("/")[2]
    if last in _SCRIPT_FOLDERS:
        if size <= _SCRIPT_AT_MOST:
            return True
        if _INTERPRETER.fullmatch(name):
            # Whether it is a Python at all; of a large one the reader keeps just that.
            return True
        return False if name.startswith("python") else None
    if size > _SCRIPT_AT_MOST or not size:
        return None
    # Entry scripts lie wherever a Dockerfile puts them, near the root.
    is_script = name.endswith((".sh", ".bash", ".py")) or "." not in name
    if path.startswith(("etc/", "usr/", "var/")):
        is_local = path.startswith("usr/local/") and name.endswith((".sh", ".bash")) and path.count("/") <= 4
        return True if is_local or _SYSTEM_SETTINGS.match(path) else None
    return True if is_script and path.count("/") <= 3 else None


def condense_interpreter(path: str, stream: IO[bytes]) -> bytes | None:
    """What is to be kept of a file too large to be kept: of an interpreter, whether it is one."""
    return condense_program(stream) if _INTERPRETER.fullmatch(path.rpartition("/")[2]) else None


def is_service_setting(folder: str, name: str) -> bool:
    """Whether a service manager reads a file."""
    if name == "run":
        return folder.rpartition("/")[0].rpartition("/")[2] in _RUN_FOLDERS
    return name.endswith((".conf", ".ini")) and ("supervis" in folder or "supervis" in name)
