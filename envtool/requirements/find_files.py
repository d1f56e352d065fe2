"""Finds the dependency files of a folder as a person would: by their names, and where those say little by a look."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from envtool.errors import RequirementsError
from envtool.requirements.text_file import read_text

_BY_NAME = re.compile(
    r"pyproject\.toml|pylock(?:\..+)?\.toml|(?:uv|poetry|pdm)\.lock|pipfile(?:\.lock)?|setup\.(?:cfg|py)"
    r"|(?:hatch|pixi|tox)\.toml|pixi\.lock|tox\.ini|noxfile\.py|(?:.*[.-])?conda-lock\.ya?ml"
    r"|(?:.*[.-])?(?:dockerfile|containerfile)(?:[.-].*)?"
)
_NO_DOCKERFILE = re.compile(r".*(?:ignore|\.md|\.rst|\.py|\.sh|\.j2|\.jinja|\.tmpl|\.template|\.swp|\.bak|~)")
_LISTS = re.compile(r".*\.(?:txt|in|pip|reqs)|requirements?|.*[_.-]requirements?")
# Texts that people keep beside their requirements, whose lines may look like some.
_OTHER_TEXTS = re.compile(
    r"(?:license|licence|readme|notice|robots|cmakelists|labels?|class(?:es)?(?:_names)?|vocab.*|words|changes|changelog"
    r"|authors|contributors|todo|version|names|train|val|test|manifest|makefile|humans|ads|security|merges|top_level"
    r"|.*_labels|.*_classes|.*stopwords.*|.*prompts?|.*wildcards?)\.(?:txt|in)",
    re.IGNORECASE,
)
_CONDA = re.compile(r"^dependencies:[ \t]*(?:#.*)?\n(?:[ \t]*(?:#.*)?\n)*[ \t]*-", re.MULTILINE)
_VERSIONS = r"(?:@\s*\S+.*|(?:[<>=!~]=?=?\s*[\w.*+!-]+\s*,?\s*)*)(?:;.*)?(?:\s--hash=.*)?\\?"
# Options of requirements files (pip documentation, "Requirements File Format"): others are some program's.
_OPTIONS = (
    r"-[rcefi]\b.*|--(?:requirement|constraint|editable|find-links|(?:extra-)?index-url|no-index|no-binary|only-binary"
    r"|prefer-binary|require-hashes|pre|trusted-host|use-feature|hash|(?:global|config)-\w+)\b.*"
)
_LINE = re.compile(
    rf"{_OPTIONS}|(?:git\+|https?://|file:|\./|\.\./).*"
    rf"|[A-Za-z][\w.-]*(?:\[[\w., -]*\])?\s*{_VERSIONS}"
)
# Folders in which people keep such files, besides a project's own.
_FOLDERS = re.compile(
    r"requirements?(?:\.d|_files)?|reqs|deps|dependencies|docker(?:files?)?|containers?|\.devcontainer|conda|envs?|environments?",
    re.IGNORECASE,
)
_LONGEST = 64 << 10


def find_dependency_files(folder: Path) -> Iterator[Path]:
    """The dependency files of a folder, and of those below it that are for such files."""
    entries = sorted(folder.iterdir())
    yield from (path for path in entries if path.is_file() and is_dependency_file(path))
    for inner in entries:
        # An installed environment is nobody's source.
        if inner.is_dir() and _FOLDERS.fullmatch(inner.name) and not (inner / "pyvenv.cfg").exists():
            yield from (path for path in sorted(inner.iterdir()) if path.is_file() and is_dependency_file(path))


def is_dependency_file(path: Path) -> bool:
    """Whether a file says what is to be installed."""
    name = path.name.lower()
    if _BY_NAME.fullmatch(name):
        return not _NO_DOCKERFILE.fullmatch(name) or name.startswith(("setup.", "pyproject", "noxfile"))
    if name.startswith(".") or _OTHER_TEXTS.fullmatch(name):
        return False
    if name.endswith((".yml", ".yaml")):
        return _CONDA.search(_read(path)) is not None
    if _LISTS.fullmatch(name) is None:
        return False
    return "requirements" in name or _is_list(_read(path))


def _is_list(text: str) -> bool:
    rows = [re.sub(r"(?:^|\s)#.*", "", row).strip() for row in text.splitlines()]
    stated = [row for row in rows if row]
    return bool(stated) and all(_LINE.fullmatch(row) for row in stated)


def _read(path: Path) -> str:
    try:
        text = read_text(path)
    except RequirementsError:
        return ""
    return text if len(text) <= _LONGEST else ""
