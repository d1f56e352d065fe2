"""`.pth` files: more folders to import from, and code that runs when the interpreter starts.

Format: the Python documentation, module `site`: one folder a line; a line that starts with `import` is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from envtool.environment.path_code import list_first_folders
from envtool.link_rights import may_name
from envtool.regular_file import read_regular_file

# easy_install framed its folders by two lines of code that move them to the front of sys.path.
_MOVES_FOLDERS_FIRST = "sys.__plen"
_IMPORT = re.compile(r"""(?:^|;)\s*import\s+([\w., ]+)|__import__\(\s*["']([\w.]+)["']""")


@dataclass(frozen=True)
class PthContent:
    """What a `.pth` file says. `first` are folders that it puts before site-packages, as far as can be told.

    `imports` are the modules that its code imports.
    """

    folders: tuple[str, ...]
    first: tuple[str, ...]
    is_utf8: bool
    imports: tuple[str, ...] = ()


def parse_pth(data: bytes, variables: Mapping[str, str] | None = None) -> PthContent:
    """Read a `.pth` file. Never fails; what its code does beyond naming folders is not known.

    `variables` are the interpreter's, as far as they are known.
    """
    try:
        text, is_utf8 = data.decode("utf-8-sig"), True
    except UnicodeDecodeError:
        text, is_utf8 = data.decode("latin-1"), False
    lines = [line.strip() for line in text.split("\n")]
    code = [line for line in lines if line.startswith(("import ", "import\t"))]
    folders = tuple(line for line in lines if line and not line.startswith(("#", "import ", "import\t")))
    folders = tuple(folder for folder in folders if "\0" not in folder)
    first = list(folders) if any(_MOVES_FOLDERS_FIRST in line for line in code) else []
    for line in code:
        first += list_first_folders(line, variables=variables)
    imports = tuple(dict.fromkeys(name for line in code for name in _list_imports(line)))
    return PthContent(folders, tuple(first), is_utf8, imports)


def _list_imports(line: str) -> Iterator[str]:
    """`import a, b.c; import d`, and `__import__("e")`: the first names alone, which are files beside it."""
    for match in _IMPORT.finditer(line):
        for name in (match[1] or match[2]).split(","):
            yield name.strip().partition(" ")[0].partition(".")[0]


def read_pth(path: Path) -> PthContent | None:
    """The content of a `.pth` file, or `None` where it cannot be read.

    Folders that whoever may write it may not enter are left out where root reads it.
    """
    try:
        content = parse_pth(read_regular_file(path))
    except OSError:
        return None
    folders, first = (tuple(_select_allowed(path, named)) for named in (content.folders, content.first))
    return replace(content, folders=folders, first=first)


def _select_allowed(path: Path, folders: tuple[str, ...]) -> Iterator[str]:
    return (folder for folder in folders if may_name(path, path.parent / folder))
