"""Dependency files of all kinds in the shapes that people write, with the lines that pip and uv would install for each.

A kind's own tool hands its requirements on to pip or does as pip does; `lines` are what the kind's documentation says
that they are. Names and versions are the frozen index's.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Lines:
    """What is to be installed."""

    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class DependencyText:
    """A file, what it stands for, and further files beside it."""

    name: str
    file: str
    text: str
    lines: Lines
    beside: dict[str, str] = field(default_factory=dict)


_LINES = (
    Lines("plain", ("tqdm", "requests", "einops")),
    Lines("same torch", ("torch==1.7.1", "tqdm")),
    Lines("any torch", ("torch", "torchvision", "numpy")),
    Lines("newer torch", ("torch>=1.8", "tqdm")),
    Lines("exact newer", ("numpy", "torch==1.8.1")),
    Lines("behind a package", ("tqdm", "accelerate")),
    Lines("old enough", ("accelerate==0.14.0", "einops")),
    Lines("timm of then", ("timm==0.4.12", "pyyaml")),
    Lines("companion", ("torchvision>=0.15", "tqdm")),
    Lines("deep", ("torchinfo==1.7.2", "lightning==2.1.4")),
    Lines("between", ("torch>=1.7,<2", "einops>=0.4")),
    Lines("lists of versions", ("requests>=2.0,!=2.15.1", "flask<3", "torchmetrics==0.5.1")),
)


def _requirements(lines: tuple[str, ...]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _commented(lines: tuple[str, ...]) -> str:
    rows = [f"{line}    # needed for {number}" for number, line in enumerate(lines)]
    return "# Install with pip.\n\n--prefer-binary\n" + "\r\n".join(rows) + "\n\n# the end"


def _marked(lines: tuple[str, ...]) -> str:
    rows = [f"{line} ; python_version >= '3.6' and sys_platform != 'win32'" for line in lines]
    return "\n".join([*rows, "torch==2.0.1 ; sys_platform == 'win32'", "pywin32 ; os_name == 'nt'"]) + "\n"


def _spaced(lines: tuple[str, ...]) -> str:
    spread = [line.replace("==", " == ").replace(">=", " >= ").replace("<", " < ") for line in lines]
    return "\ufeff" + "\n\n".join(spread).replace("tqdm", "TQDM").replace("torchvision", "TorchVision") + " \\\n\n"


def _project(lines: tuple[str, ...]) -> str:
    listed = "".join(f"  {json.dumps(line)},  # why\n" for line in lines)
    head = '[build-system]\nrequires = ["setuptools"]\n[project]\nname = "sample"\nversion = "0.1"\n'
    return f"{head}dependencies = [\n{listed}]\n[tool.ruff]\nline-length = 100\n"


def _setup_cfg(lines: tuple[str, ...]) -> str:
    listed = "".join(f"    {line}\n" for line in lines)
    return f"[metadata]\nname = sample\nversion = 0.1\n[options]\npackages = find:\ninstall_requires =\n{listed}"


def _environment(lines: tuple[str, ...]) -> str:
    listed = "".join(f"    - {json.dumps(line)}\n" for line in lines)
    head = "name: sample\nchannels:\n  - conda-forge\n  - nodefaults\ndependencies:\n  - python=3.11\n  - pip>=21\n"
    return f"{head}  - numpy=1.26\n  - pip:\n{listed}prefix: /opt/conda/envs/sample\n"


def _split(line: str) -> tuple[str, str]:
    at = next((number for number, letter in enumerate(line) if letter in "=<>!~"), len(line))
    return line[:at], line[at:] or "*"


def _pipfile(lines: tuple[str, ...]) -> str:
    listed = "".join(f'{name} = "{version}"\n' for name, version in map(_split, lines))
    return f'[packages]\n{listed}\n[dev-packages]\n\n[requires]\npython_version = "3.11"\n'


def _poetry(lines: tuple[str, ...]) -> str:
    listed = "".join(
        f'{name} = {{version = "{version}", optional = false}}\n' if number % 2 else f'{name} = "{version}"\n'
        for number, (name, version) in enumerate(map(_split, lines))
    )
    head = '[tool.poetry]\nname = "sample"\nversion = "0.1"\ndescription = ""\nauthors = []\n'
    return f'{head}[tool.poetry.dependencies]\npython = "^3.8"\n{listed}'


_SHAPES: dict[str, tuple[str, Callable[[tuple[str, ...]], str]]] = {
    "requirements": ("requirements.txt", _requirements),
    "commented": ("requirements-dev.txt", _commented),
    "marked": ("requirements.in", _marked),
    "spaced": ("deps.txt", _spaced),
    "project": ("pyproject.toml", _project),
    "setup.cfg": ("setup.cfg", _setup_cfg),
    "conda": ("environment.yml", _environment),
    "pipfile": ("Pipfile", _pipfile),
    "poetry": ("pyproject.toml", _poetry),
}
FILES = tuple(
    DependencyText(f"{shape}, {lines.name}", file, write(lines.lines), lines)
    for number, lines in enumerate(_LINES)
    for shape, (file, write) in _SHAPES.items()
)
