"""Where an instruction may have put a torch that is not the environment's: folders, user sites, other environments.

Told from the words of the instruction and from where its tools keep environments. Only folders are listed.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from envtool.release.profile import TORCH
from envtool.release.version import parse_vendor_version

_TARGET = re.compile(r"(?:--target|-t)(?:[=\s]+)(\S+)")
_FOLDER = re.compile(r"\bcd\s+(\S+)")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
# Where poetry and pipenv keep the environments that they make, below the home folder.
_HOMES = (".cache/pypoetry/virtualenvs", ".local/share/virtualenvs")


@dataclass(frozen=True)
class OtherTorch:
    """A torch beside the environment's: where it is, and its version."""

    folder: Path
    version: str


def find_other_torches(command: str, folder: Path, variables: Mapping[str, str]) -> tuple[OtherTorch, ...]:
    """Every torch of another build where `command`, run in `folder`, may have put one."""
    found: dict[Path, OtherTorch] = {}
    for site in _list_sites(command, folder, variables):
        for path in sorted(site.glob(f"{TORCH}-*.dist-info")):
            version = path.name.removesuffix(".dist-info").split("-", 1)[1]
            if parse_vendor_version(version) is None:
                found[site.resolve()] = OtherTorch(site, version)
    return tuple(found.values())


def _list_sites(command: str, folder: Path, variables: Mapping[str, str]) -> Iterator[Path]:
    folders = [folder, *(folder / _expand(name, variables) for name in _FOLDER.findall(command))]
    for target in _TARGET.findall(command):
        yield from (base / _expand(target, variables) for base in folders)
    named = [variables[name] for name in ("UV_PROJECT_ENVIRONMENT", "VIRTUAL_ENV") if variables.get(name)]
    after = [_expand(name, variables) for name in _list_paths_after_venv(command)]
    candidates = [base / name for base in folders for name in (".venv", "venv", *named, *after)]
    for home in _HOMES:
        candidates += sorted(Path(variables.get("HOME", "/"), home).glob("*"))
    for candidate in candidates:
        if (candidate / "pyvenv.cfg").is_file():
            yield from candidate.glob("lib/python*/site-packages")


def _list_paths_after_venv(command: str) -> Iterator[str]:
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    seen = False
    for word in words:
        if seen and not word.startswith("-"):
            yield word
        seen = word in {"venv", "virtualenv"} or (seen and word.startswith("-"))


def _expand(word: str, variables: Mapping[str, str]) -> str:
    """A word as the shell would have it: without quotes, `~` and variables filled in; what it computes stays as it is.

    What a quote would have kept from being filled in is filled in as well: a folder more to look into.
    """
    text = word.rstrip(";&|").strip("\"'")
    if text == "~" or text.startswith("~/"):
        text = variables.get("HOME", "/") + text[1:]
    return _VARIABLE.sub(lambda found: variables.get(found[1] or found[2], found[0]), text)
