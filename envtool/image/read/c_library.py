"""Which C library a file system has, told by paths: programs that were made for another one do not start there."""

from __future__ import annotations

import re
from collections.abc import Iterable

# The program that starts every other one is named after the C library. Alpine's gcompat and libc6-compat have glibc's
# name for a stand-in that few programs get by with; the library itself tells.
_MUSL = re.compile(r"(?:usr/)?lib\S*/ld-musl-[\w-]+\.so\.\d")
_GLIBC = "/libc.so.6"


def is_c_library(path: str) -> bool:
    """Whether a file tells which C library there is; its path begins without a slash."""
    return path.endswith(_GLIBC) or ("/ld-musl-" in path and _MUSL.fullmatch(path) is not None)


def has_musl_alone(paths: Iterable[str]) -> bool:
    """Whether the C library is musl, and there is no glibc beside it."""
    found = [path for path in paths if is_c_library(path)]
    return bool(found) and not any(path.endswith(_GLIBC) for path in found)
