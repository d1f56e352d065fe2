"""Case 10: the interpreter changed under the vendor torch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.doctor.finding_kind import FindingKind
from envtool.doctor.findings import Evidence, Finding
from envtool.environment.conda_records import find_transaction, read_conda_records
from envtool.environment.distribution import Distribution, read_distribution
from envtool.environment.prefix import PrefixKind
from envtool.environment.python_program import is_python_program
from envtool.language import tell
from envtool.regular_file import read_regular_file
from envtool.release.profile import TORCH
from envtool.release.version import parse_vendor_version

if TYPE_CHECKING:
    from envtool.environment.reader import Environment
    from envtool.release.pin import VendorPin

_CPYTHON_TAG = re.compile(r"^Tag:\s*cp(\d)(\d+)-(abi3|\w+)-", re.MULTILINE)
# Bytes: of the interpreters that there are, none has half of it.
_LARGEST = 256 << 20
_PROGRAM = re.compile(r"python(\d)\.(\d+)")


def check(environment: Environment, pin: VendorPin | None) -> Iterator[Finding]:
    """Check that the prefix still has a Python, and the one that the vendor torch was built for."""
    yield from check_lost(environment)
    profile = pin.profile if pin is not None else None
    for item in environment.find(TORCH):
        wanted = _read_python(item) if parse_vendor_version(item.version, profile) else None
        if wanted is not None and wanted != environment.prefix.python:
            yield _make_finding(environment, item, wanted)
            return
    if not any(parse_vendor_version(item.version, profile) for item in environment.find(TORCH)):
        yield from _check_left_behind(environment, pin)


def _read_python(item: Distribution) -> tuple[int, int] | None:
    """Read which CPython a wheel's tags (PEP 425) admit; `None` where they admit several."""
    match = _CPYTHON_TAG.search((item.read("WHEEL") or b"").decode("utf-8", "replace"))
    if match is None or match[3] == "abi3":
        return None
    return int(match[1]), int(match[2])


def _check_left_behind(environment: Environment, pin: VendorPin | None) -> Iterator[Finding]:
    """Check for the vendor torch in the site-packages of a Python that the prefix had before."""
    for folder in sorted(environment.prefix.path.glob("lib/python*/site-packages")):
        program = _PROGRAM.fullmatch(folder.parent.name)
        if program is None or folder == environment.prefix.site_packages:
            continue
        for path in sorted(folder.glob("torch-*.dist-info")):
            item = read_distribution(path)
            if item is not None and (item.version == pin.torch.version if pin else parse_vendor_version(item.version)):
                yield _make_finding(environment, item, (int(program[1]), int(program[2])))
                return


def check_lost(environment: Environment) -> Iterator[Finding]:
    """Check that what stands in the interpreter's place is there, and is a Python."""
    programs = [environment.prefix.path / "bin/python", environment.prefix.interpreter]
    # In an image a link may lead to where nothing was read; that it leads somewhere is all that can be known.
    if not environment.context.is_local:
        return
    if not all(_is_dangling(path) for path in programs):
        yield from (_make_foreign_finding(environment, path) for path in programs[:1] if _is_foreign(path))
        return
    target = next((str(path.readlink()) for path in programs if path.is_symlink()), "nothing")
    yield Finding(
        kind=FindingKind.INTERPRETER_MISSING,
        title=tell("the environment's interpreter is gone"),
        evidence=(
            Evidence(
                str(programs[0]), tell("a Python"), tell("a link to {target}, which does not exist", target=target)
            ),
        ),
        cause=tell("the Python that the environment was made from was removed or moved"),
        remedy=_build_remedy(environment, environment.prefix.python),
    )


def _is_foreign(path: Path) -> bool:
    """Whether a program is certainly no Python. A script may start one, and a file that cannot be read may be one."""
    try:
        return not is_python_program(read_regular_file(path, _LARGEST))
    except OSError:
        return False


def _make_foreign_finding(environment: Environment, path: Path) -> Finding:
    return Finding(
        kind=FindingKind.INTERPRETER_MISSING,
        title=tell("the environment's `python` is another program"),
        evidence=(Evidence(str(path), tell("a Python"), str(path.resolve())),),
        cause=tell("another file was put in its place, or a link to one"),
        remedy=_build_remedy(environment, environment.prefix.python),
    )


def _is_dangling(path: Path) -> bool:
    """Whether it is certain that nothing is there, as with a link to what was removed."""
    try:
        path.stat()
    except PermissionError:
        return False
    except OSError:
        return True
    return False


def _make_finding(environment: Environment, item: Distribution, wanted: tuple[int, int]) -> Finding:
    has, had = (f"{version[0]}.{version[1]}" for version in (environment.prefix.python, wanted))
    return Finding(
        kind=FindingKind.INTERPRETER_CHANGED,
        title=tell(
            "torch {version} is for Python {had}, and the environment now has Python {has}",
            version=item.version,
            had=had,
            has=has,
        ),
        evidence=(Evidence(str(item.path / "WHEEL"), tell("Python {has}", has=has), tell("Python {had}", had=had)),),
        cause=_explain(environment, has),
        remedy=_build_remedy(environment, wanted),
    )


def _explain(environment: Environment, has: str) -> str:
    prefix = environment.prefix
    if prefix.kind is PrefixKind.CONDA:
        for _path, record in read_conda_records(prefix.path, b'"python"'):
            if record is not None and record.name == "python" and (done := find_transaction(prefix.path, record)):
                package, time = record.distribution, done.time
                if not done.command:
                    return tell("conda installed {package} on {time}", package=package, time=time)
                return tell(
                    "conda installed {package} on {time}, by: {command}",
                    package=package,
                    time=time,
                    command=done.command,
                )
        return tell("conda changed the environment's Python to {version}", version=has)
    return tell("the environment was upgraded to Python {version}, or made anew over the old one", version=has)


def _build_remedy(environment: Environment, wanted: tuple[int, int]) -> str:
    version = f"{wanted[0]}.{wanted[1]}"
    path = environment.context.display(str(environment.prefix.path))
    if environment.prefix.kind is PrefixKind.CONDA:
        return f"conda install --prefix {path} python={version}"
    return f"python{version} -m venv --clear {path} && envtool restore --prefix {path}"
