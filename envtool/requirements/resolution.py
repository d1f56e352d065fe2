"""What an install would change, as uv tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from envtool.documents import parse_json
from envtool.errors import ResolutionError
from envtool.language import join_messages, tell

if TYPE_CHECKING:
    from envtool.requirements.target import Target

_COMING = frozenset({"installed", "reinstalled"})
# The version of a distribution from an address or a path: uv's plan gives none.
UNKNOWN_VERSION = tell("from an address")


@dataclass(frozen=True)
class VersionChange:
    """A distribution before and after an install; `None` where it is not there."""

    name: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        return tell(
            "{name} {before} → {after}",
            name=self.name,
            before=self.before or tell("(none)"),
            after=self.after or tell("(uninstalled)"),
        )


@dataclass(frozen=True)
class Resolution:
    """What would change, or, where nothing meets the requirements, the proof of that.

    `imports_torch`: something that has to be built imports torch for that, without naming it as needed.
    """

    changes: tuple[VersionChange, ...] = ()
    unsolvable: str | None = None
    imports_torch: bool = False

    def find_change(self, name: str) -> VersionChange | None:
        """The change of one distribution, or `None` where it stays."""
        return next((change for change in self.changes if change.name == name), None)

    def versions_after(self, target: Target) -> dict[str, str]:
        """Every distribution's version afterwards."""
        state = {name: item.version for name, item in target.installed.items()}
        for change in self.changes:
            if change.after is None:
                state.pop(change.name, None)
            else:
                state[change.name] = change.after
        return state


def read_plan(text: str) -> tuple[VersionChange, ...]:
    """From the JSON of `uv pip install --output-format json` (schema "preview")."""
    try:
        rows = parse_json(text)["changes"]
        before = {row["name"]: row.get("version", UNKNOWN_VERSION) for row in rows if row["action"] == "uninstalled"}
        after = {row["name"]: row.get("version", UNKNOWN_VERSION) for row in rows if row["action"] in _COMING}
    except (ValueError, KeyError, TypeError) as error:
        raise ResolutionError(
            tell("uv's plan cannot be read"),
            why=join_messages(": ", (type(error).__name__, str(error))),
            remedy="pip install 'uv>=0.13,<0.14'",
        ) from error
    return tuple(VersionChange(name, before.get(name), after.get(name)) for name in sorted({*before, *after}))
