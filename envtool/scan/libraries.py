"""Libraries that do not run on the vendor's accelerator, or are needless there, from `tables/libraries.toml`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from envtool.documents import parse_toml
from envtool.language import tell
from envtool.scan.kinds import ScanKind
from envtool.told_kind import Severity

ONE_DEVICE = tell("leave it out: the vendor torch distributes the work by itself")
# Extensions that a project has compiled for itself have such names.
_COMPILED = re.compile(r"^(?:\w+_cuda(?:_\w+)?|cuda_\w+_ext)$")
_OWN = frozenset({"is_cuda", "use_cuda", "no_cuda", "test_cuda"})


@dataclass(frozen=True)
class Library:
    """A module, with all below it: why it does not go here, and what to use instead."""

    module: str
    kind: ScanKind
    why: str
    instead: str = ""
    severity: Severity | None = None


@cache
def find_library(dotted: str) -> Library | None:
    """The library that a dotted name belongs to, the nearest one that is known."""
    libraries = _read_table()
    name = dotted
    while name:
        if name in libraries:
            return libraries[name]
        name = name.rpartition(".")[0]
    top = dotted.partition(".")[0]
    if _COMPILED.match(top) and top not in _OWN and not top.startswith("test_"):
        return Library(top, ScanKind.CUDA_LIBRARY, tell("its name says that it is compiled for CUDA"))
    return None


@cache
def _read_table() -> dict[str, Library]:
    text = resources.files("envtool.scan").joinpath("tables", "libraries.toml").read_text(encoding="utf-8")
    table = parse_toml(text)
    kinds = {kind.id: kind for kind in ScanKind}
    return {
        module: Library(
            module,
            kinds[row["kind"]],
            row["why"],
            row.get("instead", ""),
            Severity(row["severity"]) if "severity" in row else None,
        )
        for row in table["library"]
        for module in row["modules"]
    }
