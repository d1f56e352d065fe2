"""What a shell script makes of the variables that decide which Python starts and where it imports from.

A script is not run: assignments are read in their order, as if every branch were taken.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

_START = r"(?:^|[;&|({]|\bthen\b|\belse\b|\bdo\b|\benv\b)\s*"
_EXPORT = re.compile(
    rf"(?:{_START}|\s)(?:export\s+|declare\s+-x\s+)?(PATH|PYTHON[A-Z]+|HOME|VIRTUAL_ENV|CONDA_PREFIX|UV_PROJECT_ENVIRONMENT)="
    r"(\"[^\"]*\"|'[^']*'|[^\s;&|]*)",
    re.MULTILINE,
)
_UNSET = re.compile(rf"{_START}unset\s+(?:-v\s+)?([\w ]+)", re.MULTILINE)
_ACTIVATE = re.compile(rf"{_START}(?:source|\.)\s+[\"']?([^\s\"';&|]+)/bin/activate\b", re.MULTILINE)
_CONDA_ACTIVATE = re.compile(
    rf"{_START}(?:source\s+activate|(?:conda|mamba|micromamba)\s+activate)\s+[\"']?([^\s\"';&|]+)", re.MULTILINE
)
_KINDS = (_EXPORT, _UNSET, _ACTIVATE, _CONDA_ACTIVATE)
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?[-+]([^}]*))?\}|(\w+))")
_COMMENT = re.compile(r"(?m)(?:^|\s)#.*$")
_CONTINUED = re.compile(r"\\\n[ \t]*")
_SEPARATORS = frozenset({"&&", "||", ";", "|", "&", "then", "else", "do", "{", "("})
_ENVIRONMENTS = "/opt/conda/envs"


def apply_exports(text: str, variables: Mapping[str, str]) -> dict[str, str]:
    """The variables after a script."""
    changed = dict(variables)
    text = _COMMENT.sub("", _CONTINUED.sub(" ", text))
    matches = [match for kind in _KINDS for match in kind.finditer(text)]
    for match in sorted(matches, key=lambda item: item.start()):
        if match.re is _UNSET:
            for name in match[1].split():
                changed.pop(name, None)
        elif match.re is _EXPORT:
            value = match[2]
            changed[match[1]] = value[1:-1] if value[:1] == "'" else expand_variables(value.strip('"'), changed)
        else:
            folder = expand_variables(match[1], changed)
            if match.re is _CONDA_ACTIVATE and "/" not in folder:
                folder = f"{_ENVIRONMENTS}/{folder}"
            if folder.startswith("/"):
                changed["PATH"] = f"{folder}/bin:{changed.get('PATH', '')}"
    return changed


def expand_variables(text: str, variables: Mapping[str, str]) -> str:
    """`$NAME`, `${NAME}` and `${NAME:-…}` filled in, a leading `~` too."""

    def fill(match: re.Match[str]) -> str:
        name = match[1] or match[3]
        value = variables.get(name, "")
        if match[2] is None:
            return value
        is_plus = "+" in match[0][len(name) + 2 :][:2]
        if bool(value) == is_plus:
            return _VARIABLE.sub(fill, match[2])
        return "" if is_plus else value

    if text == "~" or text.startswith("~/"):
        text = variables.get("HOME", "") + text[1:]
    return _VARIABLE.sub(fill, text)


def list_commands(text: str) -> list[list[str]]:
    """The simple commands of a script, each as its words; lines that no shell would read so are left out."""
    found: list[list[str]] = []
    for line in _CONTINUED.sub(" ", text).splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="();&|")
        lexer.whitespace_split = True
        lexer.commenters = "#"
        try:
            words = list(lexer)
        except ValueError:
            continue
        current: list[str] = []
        for word in [*words, ";"]:
            if word in _SEPARATORS or set(word) <= set("();&|"):
                found += [current] if current else []
                current = []
            else:
                current.append(word)
    return found
