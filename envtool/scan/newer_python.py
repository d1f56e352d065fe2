"""Names and parameters of the standard library that are newer than a Python, as vermin lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

PythonVersion = tuple[int, int]

# Modules by their own names; vermin's other ones may well be packages of a project, such as `compression`.
_MODULES: Mapping[str, PythonVersion] = {"graphlib": (3, 9), "zoneinfo": (3, 9), "tomllib": (3, 11)}
_BUILTINS: Mapping[str, PythonVersion] = {
    "aiter": (3, 10),
    "anext": (3, 10),
    "ExceptionGroup": (3, 11),
    "BaseExceptionGroup": (3, 11),
}
# Methods whose names nothing else has.
METHODS: Mapping[str, PythonVersion] = {
    "removeprefix": (3, 9),
    "removesuffix": (3, 9),
    "is_relative_to": (3, 9),
    "with_stem": (3, 9),
    "bit_count": (3, 10),
}
# The oldest Python of a vendor torch: what it has is not looked up.
_OLDEST = (3, 8)


@dataclass(frozen=True)
class NewerNames:
    """The names that came after the oldest Python, and the parameters, each with the first Python that has it."""

    names: Mapping[str, PythonVersion]
    parameters: Mapping[tuple[str, str], PythonVersion]

    def find(self, dotted: str, python: PythonVersion) -> PythonVersion | None:
        """Since when there is a name, where `python` lacks it."""
        since = self.names.get(dotted)
        return since if since is not None and since > python else None

    def find_parameter(self, dotted: str, parameter: str, python: PythonVersion) -> PythonVersion | None:
        """Since when a function has a parameter, where that of `python` lacks it."""
        since = self.parameters.get((dotted, parameter))
        return since if since is not None and since > python else None


@cache
def read_newer_names() -> NewerNames:
    """The names that are newer than the oldest Python of a vendor torch."""
    from vermin import Config
    from vermin.rules import KWARGS_REQS, MOD_MEM_REQS

    config = Config()
    names = {name: since[1] for name, since in MOD_MEM_REQS(config).items() if "." in name and _is_newer(since[1])}
    parameters = {key: since[1] for key, since in KWARGS_REQS(config).items() if _is_newer(since[1])}
    return NewerNames({**names, **_MODULES, **_BUILTINS}, parameters)


def _is_newer(since: PythonVersion | None) -> bool:
    return since is not None and since > _OLDEST
