"""Commands that make and change files of an image: `echo … >> f`, `sed -i`, `cp`, `grep -v torch f > g`."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from envtool.errors import RequirementsError
from envtool.requirements.readers.git_commands import follow_git
from envtool.requirements.readers.text_filters import FILTERS, read_filter

if TYPE_CHECKING:
    from envtool.requirements.readers.image_files import ImageTree
    from envtool.requirements.readers.shell_script import ShellCommand

_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\\\": "\\"}


def follow_file_command(command: ShellCommand, tree: ImageTree) -> str | None:
    """What a command prints, once it has made its changes to files; `None` where that is not known."""
    words = command.texts
    name = words[0].rsplit("/", 1)[-1] if words else ""
    known = all(word.is_known for word in command.words)
    match name:
        case "echo" | "printf" if known:
            return _print(name, words[1:])
        case "cat":
            return _concatenate(command, tree) if known else None
        case "tee":
            for path in words[1:]:
                if not path.startswith("-"):
                    tree.write(
                        _absolute(command, path), command.input, is_appended="-a" in words or "--append" in words
                    )
            return command.input
        case "cp" | "mv" | "install" | "ln" if known:
            _copy(command, tree)
        case "rm":
            for path in words[1:]:
                if not path.startswith("-"):
                    tree.written.pop(_absolute(command, path), None)
        case "git":
            follow_git(command, tree)
        case "pwd":
            return command.folder + "\n"
        case "dirname" | "basename" | "realpath" | "readlink" if known:
            return _print_path(name, command)
        case _ if name in FILTERS:
            return _filter(command, name, tree, is_known=known)
        case _:
            return None
    return ""


def _print_path(name: str, command: ShellCommand) -> str | None:
    """What the programs print that take names of files apart; of links nothing is known."""
    paths = [word for word in command.texts[1:] if not word.startswith("-")]
    if not paths:
        return None
    if name == "basename":
        found = posixpath.basename(paths[0].rstrip("/"))
        return (found.removesuffix(paths[1]) if len(paths) > 1 else found) + "\n"
    if name == "dirname":
        return (posixpath.dirname(paths[0].rstrip("/")) or ".") + "\n"
    return _absolute(command, paths[0]) + "\n"


def _absolute(command: ShellCommand, path: str) -> str:
    return posixpath.normpath(posixpath.join(command.folder, path))


def _print(name: str, words: list[str]) -> str | None:
    if name == "echo":
        flags = [word for word in words[:2] if re.fullmatch(r"-[neE]+", word)]
        text = " ".join(words[len(flags) :])
        if any("e" in flag for flag in flags) or "\\n" in text:
            # dash, which is sh in Debian, does without -e.
            text = re.sub(r"\\[nt\\]", lambda match: _ESCAPES[match[0]], text)
        return text + ("" if any("n" in flag for flag in flags) else "\n")
    if not words:
        return ""
    form = re.sub(r"\\[nt\\]", lambda match: _ESCAPES[match[0]], words[0])
    count = len(re.findall(r"%[sd]", form))
    if re.search(r"%(?![sd%])", form):
        return None
    rows = [words[1:][at : at + count] for at in range(0, len(words) - 1, count)] if count else [[]]
    printed = ""
    for row in rows or [[""] * count]:
        values = iter([*row, *[""] * (count - len(row))])
        for part in re.split(r"(%[sd%])", form):
            printed += "%" if part == "%%" else next(values) if part in {"%s", "%d"} else part
    return printed


def _concatenate(command: ShellCommand, tree: ImageTree) -> str | None:
    paths = [word for word in command.texts[1:] if not word.startswith("-") or word == "-"]
    texts = [command.input if path == "-" else _read(command, tree, path) for path in paths or ["-"]]
    return None if any(text is None for text in texts) else "".join(text or "" for text in texts)


def _read(command: ShellCommand, tree: ImageTree, path: str) -> str | None:
    try:
        return tree.read(_absolute(command, path))
    except RequirementsError:
        return None


def _copy(command: ShellCommand, tree: ImageTree) -> None:
    paths = [word for word in command.texts[1:] if not word.startswith("-")]
    if len(paths) < 2:
        return
    *sources, target = paths
    for source in sources:
        text = _read(command, tree, source)
        place = _absolute(command, target)
        if text is not None or _absolute(command, source) in tree.written:
            if len(sources) > 1 or target.endswith(("/", ".")):
                place = posixpath.join(place, posixpath.basename(source))
            tree.write(place, text)


def _filter(command: ShellCommand, name: str, tree: ImageTree, *, is_known: bool) -> str | None:
    """What a filter prints. A file that it changes in a way that is not known is not known any more."""
    call = read_filter(name, command.texts[1:])
    patterns = [_read(command, tree, path) for path in call.patterns]
    texts = [command.input if path == "-" else _read(command, tree, path) for path in call.files or ("-",)]
    known = [text for text in patterns if text is not None]
    can_run = is_known and call.is_known and len(known) == len(patterns)

    def run(text: str | None) -> str | None:
        return call.run(text, known, tree.filter_time) if can_run and text is not None else None

    if call.is_in_place:
        made = [(path, run(text)) for path, text in zip(call.files, texts, strict=False)]
    else:
        joined = None if any(text is None for text in texts) else "".join(text or "" for text in texts)
        printed = run(joined)
        made = [(call.result, printed)] if call.result is not None else []
    if any(text is None for _path, text in made) or (not made and printed is None):
        made += [(path, None) for path in call.changed if path not in dict(made)]
    for path, text in made:
        tree.write(_absolute(command, path), text)
    return printed if not call.is_in_place and call.result is None else ""
