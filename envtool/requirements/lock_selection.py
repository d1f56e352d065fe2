"""Which parts of a lock are installed, as `uv sync` and `envtool sync` are told it. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from envtool.wheel.requires import normalize_name

# As uv's commands have them (uv's reference of its command line, "uv sync").
_VALUES: Mapping[str, str] = {
    "--extra": "extras",
    "--group": "groups",
    "--no-group": "without_groups",
    "--only-group": "only_groups",
    "--package": "packages",
}
_FLAGS: Mapping[str, str] = {
    "--all-extras": "all_extras",
    "--all-groups": "all_groups",
    "--no-default-groups": "no_default_groups",
    "--all-packages": "all_packages",
    "--no-install-project": "no_project",
}


@dataclass(frozen=True, kw_only=True)
class LockSelection:
    """Which parts of a lock are wanted, in the words of `uv sync`.

    `groups` and `without_groups` change the default ones; `only_groups` leave the project and its dependencies out.
    `packages` are members of a workspace.
    """

    extras: tuple[str, ...] = ()
    all_extras: bool = False
    groups: tuple[str, ...] = ()
    without_groups: tuple[str, ...] = ()
    only_groups: tuple[str, ...] = ()
    all_groups: bool = False
    no_default_groups: bool = False
    packages: tuple[str, ...] = ()
    all_packages: bool = False
    no_project: bool = False

    def format_words(self) -> tuple[str, ...]:
        """The selection as options of `envtool sync`."""
        words = [option for option, name in _FLAGS.items() if getattr(self, name)]
        for option, name in _VALUES.items():
            words += [word for value in getattr(self, name) for word in (option, value)]
        return tuple(words)

    def format_command(self, place: Path, options: Sequence[str] = ()) -> str:
        """The `envtool sync` for this selection of the lock at `place`. `options` are its others."""
        return shlex.join(["envtool", "sync", *options, *self.format_words(), str(place)])


_DEV: Mapping[str, str] = {"--dev": "groups", "--no-dev": "without_groups", "--only-dev": "only_groups"}


def parse_uv_selection(words: Sequence[str], variables: Mapping[str, str | None]) -> LockSelection:
    """What a command of uv with these words selects, and with these variables."""
    found: dict[str, tuple[str, ...]] = {}
    flags: set[str] = set()
    for variable, option in (("UV_NO_DEV", "--no-dev"), ("UV_NO_DEFAULT_GROUPS", "--no-default-groups")):
        if (variables.get(variable) or "").lower() in {"1", "true", "yes", "on"}:
            words = [*words, option]
    for word, following in pairwise((*words, "")):
        option, equals, value = word.partition("=")
        if option in _VALUES:
            found[_VALUES[option]] = (*found.get(_VALUES[option], ()), value if equals else following)
        elif option in _DEV:
            found[_DEV[option]] = (*found.get(_DEV[option], ()), "dev")
        elif option in _FLAGS:
            flags.add(_FLAGS[option])
    return LockSelection(**found, **dict.fromkeys(flags, True))  # type: ignore[arg-type]  # each by its name


def list_left_out(words: Sequence[str]) -> frozenset[str]:
    """The packages that `uv sync` with these words does not install."""
    pairs = ((*word.partition("="), following) for word, following in pairwise((*words, "")))
    return frozenset(
        normalize_name(value if equals else following)
        for option, equals, value, following in pairs
        if option == "--no-install-package"
    )
