"""The same question once more: where nothing that a healthy answer rested on has changed, the answer is the same.

Everything that a diagnosis opened, listed or looked at has an identity (`environment.looking`, `environment.identity`);
an answer is kept with all of them, with the traces of torch's own files, and with the environment variables that play
a part. To look whether all that is as it was takes a third of the time that Python needs to import the checks, which
is why this module imports next to nothing. Only a report without any finding is kept, and none that asked the driver.
"""

from __future__ import annotations

import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

from envtool.environment.fingerprint import TreeFingerprint, doctor_cache_dir, fingerprint, is_recent, is_unchanged

# Bumped whenever the form of what is kept changes; that the code changed is seen by the code's own files.
_FORM = 1
_VARIABLES = (
    "PYTHON",
    "PIP_",
    "UV_",
    "CONDA",
    "VIRTUAL_ENV",
    "HAC_",
    "XDG_",
    "HOME",
    "PATH",
    "NO_COLOR",
    "LANG",
    "LC_",
)


def told_again(arguments: list[str]) -> bool:
    """Print the answer to `envtool ARGUMENTS` where it is known and still right, and say whether that was so."""
    path = _path(arguments)
    if path is None:
        return False
    try:
        with open(path, "rb") as stream:
            data = stream.read()
        # Like bytecode, which Python reads from its caches by the same means.
        question, identities, vouched, text = marshal.loads(data)
        if question != _question(arguments) or any(fingerprint(name) != found for name, found in identities.items()):
            return False
        if not all(is_unchanged(base, kept) for base, kept in vouched):
            return False
    except (OSError, EOFError, ValueError, TypeError, AttributeError):
        return False
    sys.stdout.write(text)
    return True


def keep_answer(
    arguments: list[str], seen: frozenset[str], vouched: list[tuple[str, TreeFingerprint]], text: str
) -> None:
    """Keep an answer with all that it rested on; not where any of that has only just changed."""
    path = _path(arguments)
    if path is None:
        return
    own = os.path.dirname(path)
    code = {
        str(module.__file__)
        for name, module in sys.modules.items()
        if name.split(".")[0] == "envtool" and module.__file__
    }
    names = {os.path.abspath(name) for name in (*seen, *code)}
    identities = {name: fingerprint(name) for name in names if not name.startswith(own)}
    if any(is_recent(found) for found in identities.values()):
        return
    part = f"{path}.{os.getpid()}"
    try:
        os.makedirs(own, mode=0o700, exist_ok=True)
        kept: Any = (_question(arguments), identities, vouched, text)
        with open(part, "wb") as stream:
            stream.write(marshal.dumps(kept))
        os.replace(part, path)
    except (OSError, ValueError):
        # A cache: without it the next answer takes its time.
        return


def _question(arguments: list[str]) -> tuple[object, ...]:
    variables = {name: value for name, value in os.environ.items() if name.startswith(_VARIABLES)}
    return _FORM, sys.version, arguments, os.getcwd(), os.geteuid(), sys.stdout.isatty(), variables


def _path(arguments: list[str]) -> str | None:
    folder = doctor_cache_dir()
    if folder is None or "doctor" not in arguments[:2]:
        return None
    try:
        question = " ".join([*arguments, os.getcwd()])
    except OSError:
        return None
    return f"{folder}/again-{question.replace('/', '-').replace(chr(0), '')[-150:]}"
