"""images/images.toml → ImageSpec: the one image table, checked as a whole."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from envtool.documents import parse_toml
from envtool.errors import SpecError
from envtool.image.spec.row_problems import SIZE, list_row_problems
from envtool.language import join_messages, tell
from envtool.regular_file import read_regular_file

TABLE = Path("images/images.toml")
_ELSEWHERE = tell("run the command in the checkout, or name it with --project")
# Where things are inside every image.
ENVIRONMENT_PREFIX = Path("/opt/conda/envs/pytorch")
TOOL_PREFIX = Path("/opt/hac/envtool")
CHECKS_FOLDER = Path("opt/hac/checks")

_UNITS = {"MB": 10**6, "GB": 10**9}


@dataclass(frozen=True)
class BaseSpec:
    """What an image starts from: a suite to bootstrap with some packages, or a reference to pull."""

    bootstrap: str | None
    packages: tuple[str, ...]
    reference: str | None


@dataclass(frozen=True, kw_only=True)
class ImageSpec:
    """One row of the table. `project` is the folder the table belongs to; `size_budget` is in bytes.

    A child starts from its parent's image. What its row does not say is its parent's, and the packages of its base are
    the parent's and its own.
    """

    project: Path
    name: str
    title: str
    parent: ImageSpec | None
    sources: str
    recipe: str
    inherits: str | None
    python: tuple[int, int]
    torch: str
    release: str
    size_budget: int
    epoch: int
    base: BaseSpec
    vendor_key: str | None = None
    base_key: str | None = None

    @property
    def environment_file(self) -> Path:
        """The environment.yml of the conda environment `pytorch`."""
        return self._recipe_path("environment.yml")

    @property
    def has_own_environment(self) -> bool:
        """Whether its conda environment is another than its parent's."""
        return self.parent is None or self.environment_file != self.parent.environment_file

    @property
    def has_own_base(self) -> bool:
        """Whether it starts from another base than its parent."""
        return self.parent is None or self.base != self.parent.base

    @property
    def tool_environment_file(self) -> Path:
        """The environment.yml of the Python that envtool runs on."""
        return self._recipe_path("envtool-environment.yml")

    @property
    def requirements_file(self) -> Path | None:
        """The requirements from PyPI that a child adds to the environment; `None` where it adds none."""
        return self.own_file("requirements.txt")

    def own_file(self, name: str) -> Path | None:
        """A file of the recipe itself, or of the one that it inherits; its parent's do not count."""
        names = [name for name in (self.recipe, self.inherits) if name]
        paths = (self.project / "images" / recipe / name for recipe in names)
        return next((path for path in paths if path.exists()), None)

    def folders(self, kind: str) -> tuple[Path, ...]:
        """The recipe's folders of a kind (`rootfs`, `checks`), the inherited one first."""
        names = [name for name in (self.inherits, self.recipe) if name]
        found = (self.project / "images" / name / kind for name in names)
        return tuple(path for path in found if path.is_dir())

    def _recipe_path(self, name: str) -> Path:
        own = self.own_file(name)
        if own is not None:
            return own
        return (
            self.parent._recipe_path(name) if self.parent is not None else self.project / "images" / self.recipe / name
        )

    def checksum(self) -> str:
        """The sha256 of everything that a lock is made from: a lock that names another one is out of date."""
        described: dict[str, object] = {
            "python": self.python,
            "torch": self.torch,
            "release": self.release,
            "base": [self.base.bootstrap, sorted(self.base.packages), self.base.reference],
            "epoch": self.epoch,
            "environment": _get_text(self.environment_file),
            "envtool-environment": _get_text(self.tool_environment_file),
            "envtool-requires": read_tool_requirements(self.project),
        }
        for setting, path in (("vendor-key", self.vendor_key), ("base-key", self.base_key)):
            if path is not None:
                described[setting] = _get_text(self.project / path)
        if self.parent is not None:
            described["parent"] = self.parent.checksum()
            described["requirements"] = _get_text(self.requirements_file) if self.requirements_file is not None else ""
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def read_tool_requirements(project: Path) -> list[str]:
    """What envtool itself requires, reading and resolving dependency files included. Raises `SpecError`."""
    try:
        table = parse_toml(read_regular_file(project / "pyproject.toml").decode())["project"]
        return sorted([*table["dependencies"], *table["optional-dependencies"]["check"]])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SpecError(
            tell("{project} is not a checkout of hac-envtool", project=project),
            why=tell("pyproject.toml: {error}", error=error),
            remedy=_ELSEWHERE,
        ) from error


def _get_text(path: Path) -> str:
    try:
        return read_regular_file(path).decode()
    except OSError as error:
        raise SpecError(tell("{path} cannot be read", path=path), why=str(error.strerror)) from error
    except UnicodeDecodeError as error:
        raise SpecError(tell("{path} is not UTF-8", path=path), why=str(error)) from error


def read_table(project: Path) -> dict[str, ImageSpec]:
    """All images of the table. Raises `SpecError` that lists every problem of the table, each with its line."""
    path = project / TABLE
    text = _read_table_text(path)
    try:
        table = parse_toml(text)
    except ValueError as error:
        raise SpecError(
            tell("{table} is not TOML", table=TABLE), why=str(error), remedy=tell("mend that line of {path}", path=path)
        ) from error
    rows = table.get("image")
    if not isinstance(rows, dict) or not rows:
        raise SpecError(tell("{table} has no image", table=TABLE), remedy=tell("add [image.NAME] to {path}", path=path))
    problems = [
        tell("line {line}: [image.{name}] {problem}", line=_find_line(text, name, key), name=name, problem=problem)
        for name, row in rows.items()
        for key, problem in list_row_problems(project, name, row, rows)
    ]
    if problems:
        raise SpecError(
            tell("{table} has problems: {count}", table=TABLE, count=len(problems)),
            why=join_messages("\n        ", problems),
            remedy=tell("mend them in {path}", path=path),
        )
    made: dict[str, ImageSpec] = {}
    for name in rows:
        _add_spec(project, name, rows, made)
    return {name: made[name] for name in rows}


def _add_spec(project: Path, name: str, rows: Mapping[str, Any], made: dict[str, ImageSpec]) -> ImageSpec:
    """Parents are made first, wherever they are in the table."""
    if name not in made:
        parent = rows[name].get("parent")
        made[name] = _make_spec(
            project, name, rows[name], _add_spec(project, parent, rows, made) if parent is not None else None
        )
    return made[name]


def select_images(project: Path, names: list[str]) -> list[ImageSpec]:
    """The named images of the table, or all. Raises `SpecError` for an unknown one."""
    table = read_table(project)
    unknown = [name for name in names if name not in table]
    if unknown:
        raise SpecError(
            tell("there is no image called {unknown!r}", unknown=unknown[0]),
            why=tell("{table} has {names}", table=TABLE, names=", ".join(table)),
            remedy=tell("name one of those, or add [image.{unknown}] to the table", unknown=unknown[0]),
        )
    return [table[name] for name in names or table]


def _read_table_text(path: Path) -> str:
    try:
        return read_regular_file(path).decode()
    except OSError as error:
        raise SpecError(
            tell("there is no image table at {path}", path=path), why=str(error.strerror), remedy=_ELSEWHERE
        ) from error
    except UnicodeDecodeError as error:
        raise SpecError(tell("{path} is not UTF-8", path=path), why=str(error)) from error


def _find_line(text: str, name: str, key: str) -> int:
    """The line of a setting of an image, or of the image's header; tomllib does not tell."""
    header = re.compile(rf"\s*\[image\.(?:\"{re.escape(name)}\"|{re.escape(name)})(?:\.base)?\]")
    inside, found = False, 1
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("["):
            was_inside, inside = inside, header.match(line) is not None
            if inside and not was_inside and found == 1:
                found = number
        elif inside and key and re.match(rf"\s*\"?{re.escape(key)}\"?\s*=", line):
            return number
    return found


def _make_spec(project: Path, name: str, row: Mapping[str, Any], parent: ImageSpec | None) -> ImageSpec:
    size = SIZE.fullmatch(row["size-budget"])
    assert size is not None
    packages = tuple(row.get("base", {}).get("packages", ()))
    own: dict[str, Any] = {
        "project": project,
        "name": name,
        "title": row["title"],
        "parent": parent,
        "recipe": row["recipe"],
        "inherits": row.get("inherits"),
        "size_budget": int(float(size[1]) * _UNITS[size[2]]),
    }
    if parent is not None:
        base = replace(parent.base, packages=(*parent.base.packages, *packages))
        return replace(parent, **own, base=base)
    major, minor = row["python"].split(".")
    return ImageSpec(
        **own,
        sources=row["sources"],
        python=(int(major), int(minor)),
        torch=row["torch"],
        release=row["release"],
        epoch=row["epoch"],
        base=BaseSpec(row["base"].get("bootstrap"), packages, row["base"].get("reference")),
        vendor_key=row.get("vendor-key"),
        base_key=row.get("base-key"),
    )
