"""`git clone` and `git checkout` in an image: which repository's which commit a folder holds, without running git."""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from envtool.requirements.readers.image_files import ClonedRepository

if TYPE_CHECKING:
    from envtool.requirements.readers.image_files import ImageTree
    from envtool.requirements.readers.shell_script import ShellCommand

# Options whose value is a word of its own (git documentation, "git-clone", "git").
_CLONE_VALUES = frozenset(
    {
        *("--depth", "-o", "--origin", "-j", "--jobs", "-c", "--config", "--filter", "--reference", "--shallow-since"),
        *("--template", "-u", "--separate-git-dir"),
    }
)
_CHOOSES = frozenset({"checkout", "switch", "reset"})
_REVISION = re.compile(r"[\w][\w./-]*")


def follow_git(command: ShellCommand, tree: ImageTree) -> None:
    """Keep in the tree what a `git` command does to its folders."""
    words, folder = list(command.texts[1:]), command.folder
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option in {"-C", "-c"} and words:
            value = words.pop(0)
            folder = posixpath.normpath(posixpath.join(folder, value)) if option == "-C" else folder
    known = all(word.is_known for word in command.words)
    if words[:1] == ["clone"]:
        _clone(words[1:], folder, tree, is_known=known)
    elif words[:1] and words[0] in _CHOOSES and folder in tree.repositories:
        _choose(words[1:], folder, tree, is_known=known)


def _clone(words: list[str], folder: str, tree: ImageTree, *, is_known: bool) -> None:
    plain: list[str] = []
    branch = None
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, separator, value = word.partition("=")
        if name in {"-b", "--branch", "--revision"}:
            branch = value if separator else rest.pop(0) if rest else None
        elif word in _CLONE_VALUES and rest:
            rest.pop(0)
        elif not word.startswith("-"):
            plain.append(word)
    # Whether anything is cut off or added is not known then.
    if is_known and plain and re.match(r"https?://|git@|ssh://|git://", plain[0]):
        address = re.sub(r"^git@([\w.-]+):", r"ssh://git@\1/", plain[0])
        name = plain[1] if len(plain) > 1 else posixpath.basename(plain[0].rstrip("/")).removesuffix(".git")
        tree.repositories[posixpath.normpath(posixpath.join(folder, name))] = ClonedRepository(address, branch)


def _choose(words: list[str], folder: str, tree: ImageTree, *, is_known: bool) -> None:
    plain = [word for word in words if not word.startswith("-")]
    if "--" in words or not plain:
        return
    if is_known and _REVISION.fullmatch(plain[-1]) and plain[-1] != "HEAD":
        tree.repositories[folder] = replace(tree.repositories[folder], revision=plain[-1].removeprefix("origin/"))
    else:
        # Another commit, and nobody knows which.
        del tree.repositories[folder]
