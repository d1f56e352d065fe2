"""What torch and torchvision got after the oldest release of the vendor's, from their own published wheels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from packaging.version import Version

# The oldest torch that the vendor builds: for it the table is complete.
OLDEST = "1.7.1"
# The Python of each of the vendor's releases, by its torch.
_PYTHONS = (("2.0", (3, 10)), ("0", (3, 8)))


@dataclass(frozen=True)
class TorchApi:
    """The names and parameters that a release lacks, each with the torch, or torchvision, that has it first."""

    torch: str
    missing: Mapping[str, str]
    parameters: Mapping[str, Mapping[str, str]]
    python: tuple[int, int]

    def find_missing(self, dotted: str) -> tuple[str, str] | None:
        """The part of a dotted name that is missing, and since when there is it."""
        end = dotted.find(".")
        while end != -1:
            end = dotted.find(".", end + 1)
            name = dotted if end == -1 else dotted[:end]
            if name in self.missing:
                return name, self.missing[name]
        return None

    def find_parameter(self, dotted: str, name: str) -> str | None:
        """Since when a function has a parameter, where that is missing."""
        return self.parameters.get(dotted, {}).get(name)


@cache
def open_torch_api(torch: str) -> TorchApi:
    """What the vendor torch of a version, such as `1.10.0`, lacks."""
    table = _read_table()
    pinned = Version(torch)
    vision = max(
        (Version(own) for of_torch, own in table["companions"] if Version(of_torch) <= pinned),
        default=Version("0.8.2"),
    )
    missing: dict[str, str] = {}
    parameters: dict[str, dict[str, str]] = {}
    for project, version, prefix in (("torch", pinned, ""), ("torchvision", vision, "torchvision ")):
        part = table[project]
        for first, names in part["names"].items():
            if _is_later(first, version):
                missing |= dict.fromkeys(names, prefix + first)
        for name, values in part["parameters"].items():
            later = {key: prefix + first for key, first in values.items() if _is_later(first, version)}
            if later:
                parameters[name] = later
    python = next(version for start, version in _PYTHONS if pinned >= Version(start))
    return TorchApi(torch, missing, parameters, python)


def _is_later(first: str, pinned: Version) -> bool:
    # `1.13` in the table is the release series.
    return Version(first).release[:2] > pinned.release[:2]


@cache
def _read_table() -> Any:
    text = resources.files("envtool.scan").joinpath("tables", "torch_api.json").read_text(encoding="utf-8")
    return json.loads(text)
