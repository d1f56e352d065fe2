"""Which programs install into a Python environment, which may, and which do not."""

from __future__ import annotations

import re

# Subcommands of pip's that install nothing.
PIP_HARMLESS = frozenset(
    """
    list freeze show check config cache download wheel search index inspect hash debug help completion lock
    """.split()  # noqa: SIM905  # a list of words, which is read as one
)
UV_HARMLESS = frozenset(
    """
    venv lock export python tool build publish cache self version init tree help generate-shell-completion
    """.split()  # noqa: SIM905
)
# `PROGRAM SUBCOMMAND` that installs a project or further requirements, and the form of its arguments.
PROJECT_COMMANDS: dict[str, frozenset[str]] = {
    "poetry": frozenset({"install", "sync", "add", "update", "remove"}),
    "pdm": frozenset({"install", "sync", "add", "update", "remove"}),
    "pipenv": frozenset({"install", "sync", "update", "uninstall"}),
    "rye": frozenset({"sync", "add"}),
    "flit": frozenset({"install"}),
    "hatch": frozenset[str](),
    "pip-sync": frozenset({""}),
    "mim": frozenset({"install"}),
    "easy_install": frozenset({""}),
    "comfy": frozenset({"install", "node", "update"}),
    "rosdep": frozenset({"install"}),
    "colcon": frozenset[str](),
    "pixi": frozenset({"install", "run", "shell-hook", "add", "update", "upgrade", "reinstall", "shell"}),
}
# What runs steps of its own, which may be anything.
RUNS_STEPS = frozenset(
    """
    make gmake just task invoke inv fab ansible ansible-playbook bazel bazelisk tox nox doit pants scons
    """.split()  # noqa: SIM905
)
# Scripts by name or address that are known to leave Python's packages alone.
HARMLESS_SCRIPT = re.compile(
    r"(?:mini|ana)?(?:conda|forge|mamba)[^/]*\.sh$|miniforge|mambaforge|miniconda|anaconda|micro\.mamba|/activate(?:\.sh)?$|^activate$"
    r"|bashrc|\.profile$|/profile(?:\.d/.*)?$|cargo/env|nvm|/setup\.(?:ba)?sh$|astral\.sh/uv|rustup|nodesource|get\.docker"
    r"|packagecloud|install\.python-poetry|get-pip|pyenv|ollama|/etc/|environment$|/bin/env$|uv-installer|dotnet-install|autogen\.sh$|cmake-[^/]*\.sh$|cuda[^/]*\.run$"
    r"|google-cloud|gcloud|awscli|aws/install|oh-my-zsh|ohmyzsh|starship|tailscale|code-server|deno|bun\.sh|helm"
    r"|apt|yum|wait-for-it|vars\.sh$|env\.sh$|\.env$|emsdk|sdkman|julia|quarto"
)
# Words in a program's text that tell of an install.
INSTALLS = re.compile(
    r"\b(?:pip[0-9.]*|uv|conda|mamba|poetry|pdm|pipenv|mim)\b.{0,60}?\b(?:install|sync|add|update)\b|ensurepip|easy_install"
    r"|setup\.py",
    re.DOTALL,
)
# Of a script that cannot be read, its name tells what it may be for.
INSTALLING_NAME = re.compile(
    r"install|setup|build|bootstrap|requirements|deps|dependenc|provision|prepare|init\b", re.IGNORECASE
)
_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*")
_PIP = re.compile(r"pip[0-9.]*")


def is_python(name: str) -> bool:
    """Whether a program is an interpreter of Python."""
    return _PYTHON.fullmatch(name) is not None


def is_pip(name: str) -> bool:
    """Whether a program is pip."""
    return _PIP.fullmatch(name) is not None
