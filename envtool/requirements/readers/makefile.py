"""The recipes of a makefile's targets, as far as plain rules and variables go (GNU make manual)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_RULE = re.compile(r"^([\w./%${}() -]+?)\s*:(?![=:])\s*([^#=]*)(?:#.*)?$")
MAKE_VARIABLE = re.compile(r"^\s*(?:export\s+)?(\w+)\s*[:?+]?:?=\s*(.*)$")
_USE = re.compile(r"\$[({](\w+)[)}]")


def read_recipes(text: str, arguments: Sequence[str]) -> list[str]:
    """The lines that `make ARGUMENTS` would give to a shell, prerequisites before what needs them."""
    rules, recipes, variables = _parse(text)
    goals = [word for word in arguments if re.fullmatch(r"[\w.][\w./-]*", word)]
    variables |= dict(word.split("=", 1) for word in arguments if re.match(r"\w+=", word))
    found: list[str] = []
    seen: set[str] = set()

    waiting = [*reversed(goals or list(rules)[:1])]
    order: list[str] = []
    while waiting:
        goal = waiting.pop()
        if goal not in seen:
            seen.add(goal)
            order.insert(0, goal) if goal not in goals else order.append(goal)
            waiting += rules.get(goal, [])
    for goal in order:
        found += [expand_make_variables(line, variables) for line in recipes.get(goal, ())]
    return found


def _parse(text: str) -> tuple[dict[str, list[str]], dict[str, list[str]], dict[str, str]]:
    rules: dict[str, list[str]] = {}
    recipes: dict[str, list[str]] = {}
    variables: dict[str, str] = {}
    current: list[str] = []
    for row in re.sub(r"\\\n[ \t]*", " ", text).splitlines():
        if row.startswith("\t"):
            for target in current:
                recipes.setdefault(target, []).append(row.strip().lstrip("@-+"))
        elif match := MAKE_VARIABLE.match(row):
            variables[match[1]] = match[2].strip()
        elif match := _RULE.match(row):
            current = match[1].split()
            for target in current:
                if not target.startswith(".") or target == ".":
                    rules.setdefault(target, []).extend(match[2].split())
    return rules, recipes, variables


def expand_make_variables(line: str, variables: dict[str, str]) -> str:
    """A line of a recipe with the variables of the makefile put in, as its shell gets it."""
    for _round in range(5):
        line = _USE.sub(lambda match: variables.get(match[1], match[0]), line)
    return line.replace("$$", "$")
