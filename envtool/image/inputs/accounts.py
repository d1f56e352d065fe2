"""The user that containers run as, added to a base's own accounts.

Formats: passwd(5) and group(5). The password field is `*`: nobody can log in, and no line in shadow(5) is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from envtool.errors import BuildError
from envtool.language import tell

USER = "hac"
HOME = Path("/home") / USER
# Debian's numbers for people; the first free one is taken.
_FIRST, _LAST = 1000, 60000
FILES = ("etc/passwd", "etc/group")


@dataclass(frozen=True)
class Accounts:
    """The base's account files, by path, with the user added, and the user's numbers."""

    files: Mapping[str, str]
    uid: int
    gid: int


def add_user(files: Mapping[str, str]) -> Accounts:
    """Add the user to the texts of `FILES`. Raises `BuildError` where the base has another user of that name."""
    users, groups = (_parse_numbers(files[path]) for path in FILES)
    if USER in users or USER in groups:
        raise BuildError(
            tell("the base has a user or a group {user} already", user=USER),
            why=tell("containers of a HAC image run as that user, with a home and numbers of their own"),
            remedy=tell("start from a base without it"),
        )
    taken = {*users.values(), *groups.values()}
    number = next(item for item in range(_FIRST, _LAST) if item not in taken)
    passwd, group = FILES
    return Accounts(
        {
            passwd: f"{_parse_whole(files[passwd])}{USER}:*:{number}:{number}:HAC:{HOME}:/bin/bash\n",
            group: f"{_parse_whole(files[group])}{USER}:*:{number}:\n",
        },
        number,
        number,
    )


def _parse_numbers(text: str) -> dict[str, int]:
    rows = (line.split(":") for line in text.splitlines())
    return {row[0]: int(row[2]) for row in rows if len(row) > 2 and row[2].isdigit()}


def _parse_whole(text: str) -> str:
    return text if text.endswith("\n") or not text else f"{text}\n"
