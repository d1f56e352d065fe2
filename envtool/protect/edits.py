"""What is written into the files of pip, uv, conda and a shell, and how it is taken out of them again. Pure.

Sources: pip documentation, "Configuration" (one section of a name, one option of a name in it; values of options that
may be repeated are split at white space); uv documentation, "Settings"; conda's activation scripts.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Any

from envtool.documents import parse_toml
from envtool.language import tell

_BEGIN = "# >>> hac-envtool protect >>>"
_END = "# <<< hac-envtool protect <<<"
_BLOCK = re.compile(rf"\n?{re.escape(_BEGIN)}\n.*?{re.escape(_END)}\n", re.DOTALL)
_SECTION = re.compile(r"\[([^\]]+)\]")
_OPTION = re.compile(r"constraint\s*[=:]", re.IGNORECASE)
# What was set before; who activates twice has set it himself only once.
_KEEP = '[ -n "${_HAC_UV_CONSTRAINT+set}" ] || _HAC_UV_CONSTRAINT="${UV_CONSTRAINT:-}"'
_UV_KEY = "constraint-dependencies"


def add_block(text: str, lines: Sequence[str]) -> str:
    """A text with lines of ours at its end, between two comments."""
    kept = remove_block(text)
    separator = "\n" if kept and not kept.endswith("\n") else ""
    return f"{kept}{separator}{_BEGIN}\n" + "".join(f"{line}\n" for line in lines) + f"{_END}\n"


def remove_block(text: str) -> str:
    """The text without the lines between the two comments."""
    return _BLOCK.sub(lambda match: "\n" if match[0].startswith("\n") and match.start() else "", text)


def add_pip_constraint(text: str, path: str) -> str:
    """A `pip.conf` whose constraints name the file at `path` as well."""
    lines = text.splitlines()
    for section in ("install", "global"):
        place = _find_option(lines, section)
        if place is not None:
            first, end = place
            if path in _split_value(lines[first:end]):
                return text
            return _join([*lines[:end], f"    {path}", *lines[end:]])
    header = _find_header(lines, "global")
    if header is not None:
        return _join([*lines[: header + 1], f"constraint = {path}", *lines[header + 1 :]])
    return _join([*lines, *([""] if lines and lines[-1].strip() else []), "[global]", f"constraint = {path}"])


def remove_pip_constraint(text: str, path: str) -> str:
    """A `pip.conf` whose constraints do not name the file at `path`."""
    lines = text.splitlines()
    for section in ("install", "global"):
        place = _find_option(lines, section)
        if place is None:
            continue
        first, end = place
        values = _split_value(lines[first:end])
        if path in values:
            kept = [value for value in values if value != path]
            head = lines[first][: len(lines[first]) - len(lines[first].lstrip())]
            option = [f"{head}constraint = {kept[0]}", *(f"    {value}" for value in kept[1:])] if kept else []
            return _join([*lines[:first], *option, *lines[end:]])
    return text


def _find_header(lines: Sequence[str], section: str) -> int | None:
    for number, line in enumerate(lines):
        match = _SECTION.match(line)
        if match is not None and match[1].strip() == section:
            return number
    return None


def _find_option(lines: Sequence[str], section: str) -> tuple[int, int] | None:
    """The first line of `constraint` in a section, and the line behind its last one."""
    header = _find_header(lines, section)
    if header is None:
        return None
    for number in range(header + 1, len(lines)):
        if _SECTION.match(lines[number]):
            return None
        if _OPTION.match(lines[number]):
            end = number + 1
            while end < len(lines) and (lines[end][:1] in {" ", "\t"} and lines[end].strip()):
                end += 1
            return number, end
    return None


def _split_value(lines: Sequence[str]) -> list[str]:
    first = re.split(r"[=:]", lines[0], maxsplit=1)[1]
    return [word for line in (first, *lines[1:]) if not line.strip().startswith(("#", ";")) for word in line.split()]


def _join(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def add_uv_constraints(text: str, pins: Sequence[str]) -> str:
    """A `uv.toml` whose constraints hold the pins as well. Raises `ValueError` where the text is no such file."""
    import tomlkit

    known = _read_uv_constraints(text)
    new = [pin for pin in pins if pin not in known]
    if not new:
        return text
    if not known and _UV_KEY not in parse_toml(text):
        # A key of the top level stands before every table.
        rendered = ", ".join(f'"{pin}"' for pin in pins)
        return f"{_UV_KEY} = [{rendered}]\n{text}"
    document: Any = tomlkit.parse(text)
    document[_UV_KEY].extend(new)
    return tomlkit.dumps(document)


def remove_uv_constraints(text: str, pins: Sequence[str]) -> str:
    """A `uv.toml` without the pins. Raises `ValueError` where the text is no such file."""
    import tomlkit

    known = _read_uv_constraints(text)
    if not any(pin in known for pin in pins):
        return text
    document: Any = tomlkit.parse(text)
    for number in reversed(range(len(known))):
        if known[number] in pins:
            del document[_UV_KEY][number]
    if not document[_UV_KEY]:
        del document[_UV_KEY]
    return tomlkit.dumps(document)


def _read_uv_constraints(text: str) -> list[str]:
    found = parse_toml(text).get(_UV_KEY, [])
    if not (isinstance(found, list) and all(isinstance(item, str) for item in found)):
        raise ValueError(tell("{key} is not a list of requirements", key=_UV_KEY))
    return found


def make_activation_lines(constraints: str) -> tuple[str, ...]:
    """For an environment's `activate`: uv is held to the constraints from then on, and no longer after `deactivate`."""
    path = shlex.quote(constraints)
    return (
        _KEEP,
        f'UV_CONSTRAINT={path}"${{_HAC_UV_CONSTRAINT:+ $_HAC_UV_CONSTRAINT}}"; export UV_CONSTRAINT',
        'if [ -n "${BASH_VERSION:-}${ZSH_VERSION:-}" ]; then',
        '    eval "_hac_$(typeset -f deactivate)"',
        "    deactivate () {",
        '        UV_CONSTRAINT="$_HAC_UV_CONSTRAINT"; [ -n "$UV_CONSTRAINT" ] || unset UV_CONSTRAINT',
        '        unset _HAC_UV_CONSTRAINT; _hac_deactivate "$@"; unset -f _hac_deactivate 2>/dev/null || true',
        "    }",
        "fi",
    )


def make_conda_scripts(constraints: str) -> tuple[str, str]:
    """What conda runs when the environment is activated, and when that ends: uv is held to the constraints between."""
    path = shlex.quote(constraints)
    activate = f'{_KEEP}\nexport UV_CONSTRAINT={path}"${{_HAC_UV_CONSTRAINT:+ $_HAC_UV_CONSTRAINT}}"\n'
    deactivate = (
        'UV_CONSTRAINT="${_HAC_UV_CONSTRAINT:-}"\n'
        '[ -n "$UV_CONSTRAINT" ] || unset UV_CONSTRAINT\n'
        "unset _HAC_UV_CONSTRAINT\n"
    )
    return activate, deactivate
