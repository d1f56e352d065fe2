"""What can still be said about a set of which something cannot be fetched, built or resolved.

One line that nothing can be learnt about takes nobody else's answer away: the others are resolved without it. They can
prove that torch would be replaced, never that it would not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from envtool.errors import ResolutionError, SourceError, UnsolvableError
from envtool.requirements.predict import predict_static
from envtool.requirements.static import Verdict

if TYPE_CHECKING:
    from envtool.requirements.model import DeclaredRequirement, RequirementSet
    from envtool.requirements.prediction import Prediction
    from envtool.requirements.target import Target

# Lines that are left out one after the other, before the rest is given up too: each costs a resolution.
_ROUNDS = 3


def predict_partly(
    wanted: RequirementSet,
    target: Target,
    error: SourceError | ResolutionError,
    predict: Callable[[RequirementSet], Prediction],
) -> Prediction:
    """The answer where `predict` failed for `error`: by the lines alone, else by what is left without the culprits."""
    proven = predict_static(wanted, target)
    if isinstance(error, UnsolvableError):
        return replace(proven, verdict=Verdict.UNKNOWN, why=str(error), failure=error)
    if proven.verdict is Verdict.CLOBBERED:
        return replace(proven, failure=error)
    rest, reason = wanted, error
    for _round in range(_ROUNDS):
        culprits = set(_find_culprits(rest, reason))
        kept = tuple(entry for entry in rest.entries if entry not in culprits)
        if not culprits or not kept:
            break
        rest = replace(rest, entries=kept)
        try:
            found = predict(rest)
        except (SourceError, ResolutionError) as another:
            reason = another
            continue
        if found.is_bad:
            return replace(found, requirement_set=wanted, failure=error)
        break
    return replace(proven, verdict=Verdict.UNKNOWN, why=str(error), failure=error)


def _find_culprits(wanted: RequirementSet, error: SourceError | ResolutionError) -> Iterator[DeclaredRequirement]:
    """The entries that an error speaks of, else those that name an address of their own."""
    named = [entry for entry in wanted.requirements if _is_named(entry, error.why)]
    yield from named or (entry for entry in wanted.requirements if entry.link is not None)


def _is_named(entry: DeclaredRequirement, text: str) -> bool:
    if entry.link is not None and entry.link.split("#")[0].removeprefix("git+") in text:
        return True
    if entry.name is None:
        return False
    return re.search(rf"(?<![\w.-]){re.escape(entry.name)}(?![\w-])", text.lower()) is not None
