"""Whether a shell's test holds, as far as files and variables tell: true, false, or not known.

Source: the POSIX utility `test`, and bash's `[[ … ]]`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from envtool.environment.shell_values import Scope, expand_words, is_computed

_TOKEN = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'[^']*'|\$\((?:[^()]|\([^()]*\))*\)|\$\{[^}]*\}|[^\s"'])+""")
_FILE_TESTS = frozenset("defhLrswx")
_NUMBERS: dict[str, Callable[[int, int], bool]] = {
    "-eq": int.__eq__, "-ne": int.__ne__, "-lt": int.__lt__, "-le": int.__le__, "-gt": int.__gt__, "-ge": int.__ge__,
}  # fmt: skip


def evaluate_test(text: str, scope: Scope, exists: Callable[[str], bool]) -> bool | None:
    """Whether `[ … ]`, `[[ … ]]` or `test …` holds; `None` where that is not known."""
    words = [match[0] for match in _TOKEN.finditer(text)]
    if words[:1] == ["test"]:
        words.append("]")
    elif words[:1] not in (["["], ["[["]):
        return None
    return _evaluate(words[1:-1], scope, exists)


def _evaluate(words: Sequence[str], scope: Scope, exists: Callable[[str], bool]) -> bool | None:
    for operators, whole in ((("||", "-o"), True), (("&&", "-a"), False)):
        places = [number for number, word in enumerate(words) if word in operators and 0 < number < len(words) - 1]
        if places and not any(word in {"(", ")"} for word in words):
            parts = (_evaluate(words[: places[0]], scope, exists), _evaluate(words[places[0] + 1 :], scope, exists))
            if whole in parts:
                return whole
            return None if None in parts else not whole
    if words[:1] == ["!"]:
        found = _evaluate(words[1:], scope, exists)
        return None if found is None else not found
    return _evaluate_one(words, scope, exists)


def _evaluate_one(words: Sequence[str], scope: Scope, exists: Callable[[str], bool]) -> bool | None:
    if not words or any(is_computed(word, scope) for word in words):
        return None
    values = ["".join(expand_words(word, scope)) for word in words]
    if len(words) == 1:
        return bool(values[0])
    if len(words) == 2:
        if words[0] in {"-z", "-n"}:
            return bool(values[1]) is (words[0] == "-n")
        if words[0] == "-v":
            return scope.has(values[1])
        # What is not among the files that are known may be there all the same.
        return True if words[0][1:] in _FILE_TESTS and exists(values[1]) else None
    if len(words) == 3:
        if words[1] in {"=", "==", "!="}:
            return fnmatchcase(values[0], values[2]) is (words[1] != "!=")
        if words[1] in _NUMBERS and all(re.fullmatch(r"-?\d+", value) for value in (values[0], values[2])):
            return _NUMBERS[words[1]](int(values[0]), int(values[2]))
    return None
