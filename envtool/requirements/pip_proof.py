"""Asks the environment's own pip what it would do: uv resolves, but who installs with pip gets what pip chooses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from envtool.bounded_process import BoundedProcess
from envtool.documents import parse_json
from envtool.language import tell
from envtool.requirements.metadata import DEFAULT_INDEX
from envtool.requirements.model import Role
from envtool.requirements.uv_command import make_neutral_variables, strip_formatting
from envtool.temporary_folder import temporary_folder
from envtool.transaction.owner import lend, make_process_options
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from envtool.requirements.model import InstallOptions, RequirementSet
    from envtool.requirements.resolve import Resolver

# The first pip that says what it would do (pip's changelog, 22.2).
_FIRST = Version("22.2")
# Seconds. Of a set whose versions go together pip knows that in a few.
_LIMIT = 60.0
_OUTPUT_LIMIT = 64 << 20
_CONFLICT = re.compile(
    r"ResolutionImpossible|conflicting dependencies|No matching distribution|--require-hashes|do not match the hashes",
    re.IGNORECASE,
)


def find_objection(wanted: RequirementSet, resolver: Resolver) -> str | None:
    """Why the environment's pip would not install a set beside the vendor's distributions.

    `None` where it would, and where it cannot be asked: there is none, it is too old, does not answer in a minute,
    nothing may be built, or versions are chosen in a way that only uv has words for.
    """
    target = resolver.target
    if (
        resolver.no_build
        or wanted.options.merge_over(resolver.options).choice
        or target.interpreter is None
        or not _is_able(target.installed["pip"].version if "pip" in target.installed else "")
    ):
        return None
    with temporary_folder() as folder:
        lines, limits, report = (folder / name for name in ("requirements.txt", "constraints.txt", "report.json"))
        options = wanted.options.merge_over(resolver.options)
        lines.write_text("".join(f"{line}\n" for line in [*_format(options), *_list_lines(wanted)]), encoding="utf-8")
        held = [entry.format_line() for entry in wanted.select_role(Role.CONSTRAINT)]
        limits.write_text("".join(f"{line}\n" for line in [*held, *resolver.constraints]), encoding="utf-8")
        report.touch()
        for path in (lines, limits, report, folder):
            lend(target.owner, path)
        command = [str(target.interpreter), "-m", "pip", "install", "--dry-run", "--quiet", "--no-input"]
        command += ["--disable-pip-version-check", "--report", str(report), "-r", str(lines), "-c", str(limits)]
        command += [*(["--upgrade"] if options.upgrade else []), *(["--no-deps"] if options.no_deps else [])]
        variables = make_neutral_variables(resolver.variables)
        if target.owner is not None:
            variables = target.owner.adapt_variables(variables)
        try:
            process = BoundedProcess(
                command, environment=variables, **{"process_group": 0, **make_process_options(target.owner)}
            )
        except OSError:
            return None
        ended = process.wait(min(_LIMIT, max(resolver.seconds_left, 1.0)), _OUTPUT_LIMIT)
        if ended.status == 0:
            return _read_report(report.read_bytes(), resolver)
        said = strip_formatting(ended.err.decode("utf-8", "replace"))
        return " ".join(said.split())[-600:] if ended.status is not None and _CONFLICT.search(said) else None


def _is_able(version: str) -> bool:
    try:
        return Version(version) >= _FIRST
    except InvalidVersion:
        return False


def _list_lines(wanted: RequirementSet) -> list[str]:
    return [entry.format_line() for entry in wanted.requirements]


def _format(options: InstallOptions) -> Iterator[str]:
    """The options as lines of a requirements file (pip documentation, "Requirements File Format")."""
    yield "--no-index" if options.no_index else f"--index-url {options.index_url or DEFAULT_INDEX}"
    yield from (f"--extra-index-url {url}" for url in options.extra_index_urls)
    yield from (f"--find-links {link}" for link in options.find_links)
    yield from (f"--trusted-host {host}" for host in options.trusted_hosts)
    yield from (f"--only-binary {name}" for name in options.only_binary)
    yield from (f"--no-binary {name}" for name in options.no_binary)
    yield from ["--pre"] if options.pre else []
    yield from ["--require-hashes"] if options.require_hashes else []


def _read_report(data: bytes, resolver: Resolver) -> str | None:
    """What pip would change of the vendor's distributions (pip documentation, "Installation Report")."""
    try:
        rows = [row["metadata"] for row in parse_json(data.decode("utf-8", "replace"))["install"]]
        coming = {normalize_name(row["name"]): str(row["version"]) for row in rows}
    except (ValueError, KeyError, TypeError):
        return None
    for item in resolver.target.pin.distributions:
        if coming.get(item.name, item.version) != item.version:
            return tell("pip would install {name} {version}", name=item.name, version=coming[item.name])
    return None
