"""What `--write-fixed` writes is read as its kind's own documentation says, and installed by real pip and real uv.

A fix is right where both install the new lines and the vendor's distributions are what they were. A line that it
changes is needed where the file with that one line as it was does not install so.
"""

from __future__ import annotations

import configparser
import json
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from tests.corpus.files import FILES, DependencyText
from tests.corpus.install_lines import install_lines
from tests.corpus.sample import sample
from tests.support.environment import RealEnvironment

pytestmark = pytest.mark.exhaustive

CASES = {case.name: case for case in FILES}
INSTALLERS = ("uv", "pip")


def read_lines(path: Path) -> list[str]:
    """The requirements of a file of the corpus, without any reader of envtool's."""
    text = path.read_text(encoding="utf-8-sig")
    match path.name:
        case "Pipfile":
            return _join(tomllib.loads(text)["packages"])
        case "setup.cfg":
            parser = configparser.ConfigParser()
            parser.read_string(text)
            return [row for row in parser["options"]["install_requires"].splitlines() if row.strip()]
        case "environment.yml":
            rows = yaml.safe_load(text)["dependencies"]
            return [line for row in rows if isinstance(row, dict) for line in row["pip"]]
        case "pyproject.toml":
            table = tomllib.loads(text)
            poetry = table.get("tool", {}).get("poetry")
            return table["project"]["dependencies"] if poetry is None else _join(poetry["dependencies"])
        case _:
            # pip reads its own files itself.
            return ["-r", str(path)]


def _join(table: dict[str, str | dict[str, str]]) -> list[str]:
    stated = {name: row["version"] if isinstance(row, dict) else row for name, row in table.items() if name != "python"}
    return [f"{name}{'' if version == '*' else version}" for name, version in stated.items()]


def installs(lines: Sequence[str], installer: str, environment: RealEnvironment, index: str, folder: Path) -> bool:
    """Whether an installer takes the lines, and the vendor's distributions are what they were afterwards."""
    return install_lines(lines, installer, environment, index, folder) == (True, True)


def list_reverted(old: Sequence[str], new: Sequence[str]) -> Iterator[list[str]]:
    """The new lines with each that is another than before as it was, one at a time."""
    before = {Requirement(line).name.lower(): line for line in old}
    for number, line in enumerate(new):
        was = before.get(Requirement(line).name.lower())
        if was is None or Requirement(was) != Requirement(line):
            yield [*new[:number], *([was] if was is not None else []), *new[number + 1 :]]


def read_plain_lines(path: Path) -> list[str]:
    """As `read_lines`, of requirements files as well, with what a marker leaves out left out."""
    lines = read_lines(path)
    if lines[:1] == ["-r"]:
        rows = path.read_text(encoding="utf-8-sig").splitlines()
        lines = [row.split(" #")[0].rstrip(" \\") for row in rows if row.strip() and row.strip()[0] not in "#-"]
    found = [Requirement(line) for line in lines]
    return [str(item) for item in found if item.marker is None or item.marker.evaluate()]


# Each installs half a dozen times: of those that are sampled, every fourth.
@pytest.mark.parametrize("name", sample(sample(list(CASES))))
def test_a_fix_installs_and_changes_what_it_must(
    name: str,
    environment: RealEnvironment,
    index: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    case, path, fixed = CASES[name], tmp_path / "project" / CASES[name].file, tmp_path / "fixed"
    document = check(case, path, fixed, environment, index)
    if document["status"] != "clobbered":
        return
    hopeless = [item for item in document["answers"] if item["suggestion"] and item["suggestion"]["none"]]
    if hopeless:
        record_property("fix", "none")
        return
    old, new, lines = read_plain_lines(path), read_plain_lines(fixed / path.name), read_lines(fixed / path.name)
    wrong = [item for item in INSTALLERS if not installs(lines, item, environment, index, tmp_path)]
    needless = [
        reverted
        for reverted in list_reverted(old, new)
        if all(installs(reverted, item, environment, index, tmp_path) for item in INSTALLERS)
    ]
    record_property("fix", "fails" if wrong else "installs")
    record_property("needless", len(needless))
    assert not wrong, f"{wrong} do not take it:\n{(fixed / path.name).read_text()}"
    assert not needless, f"these would do as well: {needless}\n{(fixed / path.name).read_text()}"


def check(case: DependencyText, path: Path, fixed: Path, environment: RealEnvironment, index: str) -> dict[str, Any]:
    """What `check --write-fixed` says of a file of the corpus."""
    path.parent.mkdir()
    path.write_bytes(case.text.encode())
    environment.variables.update(PIP_INDEX_URL=index, UV_DEFAULT_INDEX=index)
    words = ["--prefix", str(environment.path), "--format", "json", "--no-build", "--write-fixed", str(fixed)]
    done = environment.here("check", *words, str(path))
    found: dict[str, Any] = json.loads(done.out)
    return found
