"""Runs uv, and tells what its failures mean."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from envtool.bounded_process import BoundedProcess
from envtool.errors import ResolutionError, SetupError, SourceError
from envtool.language import tell
from envtool.printable import shorten_start
from envtool.program_path import find_trusted_program
from envtool.release.profile import PINNED_NAMES
from envtool.requirements.build_failure import find_build_failure, find_reported_error
from envtool.transaction.owner import Owner, make_process_options

# Characters of another program's message that are shown.
_LONGEST = 800
# Seconds. A resolution takes one or two; an index that says nothing for this long is not going to.
TIME_LIMIT = 120.0
# With this part of the time that was given for everything, who gave no answer is to blame.
_MOST = 0.8
# Columns of a terminal that breaks no line of uv's.
_WIDTH = "10000"
# Bytes. A plan of thousands of distributions has some hundred kilobytes.
_OUTPUT_LIMIT = 64 << 20
# A path below a folder that this process has open (proc(5)).
_OPEN_FILE = re.compile(r"/proc/self/fd/(\d+)(?:/|$)")
# Variables of uv that count even where it stands in for pip.
_HARMLESS = re.compile(r"UV_(?:CACHE_DIR|HTTP_.*|NATIVE_TLS|SYSTEM_CERTS|CONCURRENT_.*|OFFLINE|LINK_MODE|NO_PROGRESS)")


@dataclass(frozen=True)
class UvOutput:
    """What uv printed. `unsolvable` is its proof that there is no solution, where it found none.

    `imports_torch`: a build needed torch to be there, without having asked for it.
    """

    out: str
    unsolvable: str | None = None
    imports_torch: bool = False


class UnbuildableError(ResolutionError):
    """A source distribution, or the project of the name `project`, cannot be built."""

    def __init__(self, what: str, *, why: str = "", remedy: str = "", project: str = "") -> None:
        super().__init__(what, why=why, remedy=remedy)
        self.project = project

    def __reduce__(self) -> tuple[object, ...]:
        return (partial(type(self), self.what, why=self.why, remedy=self.remedy, project=self.project), ())


class MissingBuildTorchError(UnbuildableError):
    """A build back end, or a `setup.py` that it runs, imports torch without naming it as needed."""


@cache
def find_uv() -> str:
    """uv's program: the one that came with envtool, else the one on PATH. Raises `SetupError`."""
    try:
        from uv import find_uv_bin

        return os.fspath(find_uv_bin())
    except (ImportError, FileNotFoundError):
        found = find_trusted_program("uv", os.environ)
    if found is None:
        raise SetupError(
            tell("uv is not installed"),
            why=tell("requirements are resolved with it"),
            remedy="pip install 'hac-envtool[check]'",
        )
    return found


def make_neutral_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables without uv's own, for a uv that stands in for pip."""
    return {key: value for key, value in variables.items() if not key.startswith("UV_") or is_harmless(key)}


def is_harmless(name: str) -> bool:
    """Whether a variable of uv's says nothing about what is chosen."""
    return _HARMLESS.fullmatch(name) is not None


def run_uv(
    arguments: Sequence[str],
    variables: Mapping[str, str],
    *,
    owner: Owner | None = None,
    time_limit: float = TIME_LIMIT,
    stated_limit: float | None = None,
    show_progress: bool = False,
) -> UvOutput:
    """Run uv to its end, as `owner` where there is one: it runs the environment's interpreter, and build back ends.

    `time_limit` is in seconds; where it is what is left of a longer one, that is `stated_limit`. `show_progress`
    leaves uv's progress, and all that it says, to the terminal. Raises `SourceError` where an index cannot be read,
    and `ResolutionError` where uv could not tell for another reason.
    """
    adapted = owner.adapt_variables(variables) if owner is not None else variables
    environment = {**adapted, "UV_PYTHON_DOWNLOADS": "never"}
    if not show_progress:
        # Its words are read: lines that were broken at a terminal's width would hide some.
        environment |= {"NO_COLOR": "1", "UV_NO_PROGRESS": "1", "COLUMNS": _WIDTH}
    try:
        process = BoundedProcess(
            [find_uv(), *arguments],
            environment=environment,
            **({"stderr": None} if show_progress else {}),
            **{"process_group": 0, **_become(owner, arguments)},
        )
    except OSError as error:
        raise SetupError(tell("uv cannot be started"), why=str(error.strerror), remedy=f"ls -l {find_uv()}") from error
    ended = process.wait(time_limit, _OUTPUT_LIMIT)
    if ended.is_too_long:
        raise ResolutionError(
            tell("uv prints without end"), why=tell("more than {output_limit} MiB", output_limit=_OUTPUT_LIMIT >> 20)
        )
    if ended.status is None and stated_limit is not None and time_limit < stated_limit * _MOST:
        # What came before took the rest: nothing is known against the index.
        raise SourceError(
            tell(
                "the time limit of {limit:.0f} seconds for all of it is up, of which {left:.0f} were left here",
                limit=stated_limit,
                left=time_limit,
            ),
            why=tell("it was still being resolved; --time-limit gives more, and fewer files at once need less"),
        )
    if ended.status is None:
        raise SourceError(
            tell("the index gave no answer within {stated_limit:.0f} seconds", stated_limit=stated_limit or time_limit),
            why=tell("it is down or slow, or a source distribution takes that long to build; --time-limit gives more"),
        )
    if ended.status == 0:
        return UvOutput(ended.out.decode("utf-8", "replace"))
    if show_progress:
        raise ResolutionError(tell("uv could not do it"), why=tell("for the reason that it gives above"))
    said = ended.err.decode("utf-8", "replace")
    if owner is not None and "ermission denied" in said:
        said += f"\nuv ran as {owner.name}, who owns the environment, and not as root"
    return _interpret_failure(said)


def _become(owner: Owner | None, arguments: Sequence[str]) -> dict[str, Any]:
    """What `subprocess` takes for a uv that runs as `owner`, also where that user cannot reach uv or this folder."""
    opened = tuple(int(match[1]) for word in arguments if (match := _OPEN_FILE.match(word)))
    if owner is None:
        return {"pass_fds": opened}
    handle = _open_uv()
    found: dict[str, Any] = {"executable": f"/proc/self/fd/{handle}", "pass_fds": (handle, *opened)}
    if not owner.may_enter(Path.cwd()):
        found["cwd"] = "/"
    return found | make_process_options(owner)


@cache
def _open_uv() -> int:
    return os.open(find_uv(), os.O_PATH)


_NO_TORCH = re.compile(rf"No module named '?(?:{'|'.join(PINNED_NAMES)})\b")
_BUILD_FAILED = "The build backend returned an error"
_NO_SOLUTION = "No solution found"
_REFUSED = re.compile(r"\b(401 Unauthorized|403 Forbidden)\b")
_NETWORK = re.compile(
    r"Failed to fetch|error sending request|Could not connect|tcp connect error|timed out|connection closed"
    r"|HTTP status|dns error|[Nn]etwork connectivity is disabled|Failed to download"
    r"|[Ff]ailed to read metadata|metadata is inconsistent"
)
# What uv's cache has not, where nothing may be fetched. It comes as a proof that there is no solution.
_OFFLINE = re.compile(
    r"needs\s+to\s+be\s+downloaded\s+from\s+a\s+registry|was\s+not\s+found\s+in\s+the\s+cache"
    r"|the\s+network\s+(?:was|is)\s+disabled"
)


def _interpret_failure(said: str) -> UvOutput:
    text = strip_formatting(said)
    if match := _REFUSED.search(text):
        raise SourceError(
            tell("an index refuses access ({match})", match=match[1]),
            why=_select_last_words(text),
            remedy=tell("put its user name and password into ~/.netrc"),
        )
    if _NO_SOLUTION in text and _OFFLINE.search(text):
        raise SourceError(
            tell("the network is switched off for uv, and its cache has not all that is needed"),
            why=_extract_proof(said),
        )
    failure = find_build_failure(text)
    unbuildable = MissingBuildTorchError if imports_missing_torch(text) else UnbuildableError
    if failure is not None and (_BUILD_FAILED in text or _NO_SOLUTION in text):
        raise unbuildable(
            tell("{project} cannot be built", project=failure.name),
            why=tell("the build of {project} failed: {reason}", project=failure.project, reason=failure.why),
            remedy=failure.remedy,
            project=failure.name,
        )
    if _NO_SOLUTION in text:
        return UvOutput("", _extract_proof(said))
    if _BUILD_FAILED in text:
        # Of a folder that was named without the project's name, uv does not say which it is.
        raise unbuildable(
            tell("a source distribution does not tell what it requires: its build back end failed"),
            why=find_reported_error(text),
        )
    if _NETWORK.search(text):
        raise SourceError(tell("an index or a file of it cannot be read"), why=_select_last_words(text))
    raise ResolutionError(tell("the requirements could not be resolved"), why=_select_last_words(text))


def imports_missing_torch(said: str) -> bool:
    """Whether a build's words say that it imports one of the vendor's modules, which is not there."""
    return _NO_TORCH.search(said) is not None


def strip_formatting(said: str) -> str:
    """uv's message without its colours and without credentials in addresses."""
    return re.sub(r"(://)[^/\s@]+@", r"\1***@", re.sub(r"\x1b\[[0-9;]*m", "", said)).strip()


# Lines that tell nothing of what went wrong.
_BESIDE_THE_POINT = ("Using Python", "Using CPython", "warning: Requirements file")


def _select_last_words(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith(_BESIDE_THE_POINT)]
    return shorten_start(" ".join(lines), _LONGEST)


def _extract_proof(said: str) -> str:
    """uv's derivation, as one paragraph."""
    text = strip_formatting(said).partition(_NO_SOLUTION)[2]
    # uv draws a tree in front of its sentences.
    text = re.sub(r"\s*[\u2500-\u25ff\u00d7]+\s*", " ", text.partition("Because")[2])
    text = re.split(r"\n\s*\n|\bhint:", text)[0]
    return "because " + " ".join(text.split()) if text.strip() else " ".join(strip_formatting(said).split())


_DEMAND = re.compile(rf"depends? on ((?:{'|'.join(PINNED_NAMES)})(?![\w-])(?:[<>=!~]=?[^\s,]+,?)*)")


def find_torch_demands(proof: str) -> tuple[str, ...]:
    """The requirements on torch and its companions that a proof of uv's speaks of, each once."""
    return tuple(dict.fromkeys(text.rstrip(".,") for text in _DEMAND.findall(proof)))
