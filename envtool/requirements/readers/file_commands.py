"""Commands that make and change files of an image: `echo … >> f`, `sed -i`, `cp`, `grep -v torch f > g`."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from envtool.bounded_process import BoundedProcess
from envtool.errors import RequirementsError
from envtool.requirements.readers.git_commands import follow_git
from envtool.temporary_folder import temporary_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envtool.requirements.readers.image_files import ImageTree
    from envtool.requirements.readers.shell_script import ShellCommand

# Programs that turn one text into another and do nothing else, with what keeps them from it.
_FILTERS: dict[str, tuple[str, ...]] = {
    # Without the commands that run programs and write files.
    "sed": ("sed", "--sandbox"),
    "grep": ("grep",),
    "egrep": ("grep", "-E"),
    "fgrep": ("grep", "-F"),
    "head": ("head",),
    "tail": ("tail",),
    "tr": ("tr",),
    "sort": ("sort",),
    "uniq": ("uniq",),
    "cut": ("cut",),
}
# Options with a value, and options that read or write files.
_WITH_VALUE = {"sed": "-e --expression -l", "grep": "-e --regexp -m -A -B -C", "head": "-n -c", "tail": "-n -c"}
_WITH_FILES = re.compile(r"-f|--file|--files|-o|--output|-T|-S|--compress-program|--include|--follow|-[A-Za-z]*[rRf]")
# How many of the words are no files.
_LEADING = {"sed": 1, "grep": 1, "egrep": 1, "fgrep": 1, "tr": 2}
_SECONDS, _BYTES = 30.0, 8 << 20
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
        case _ if name in _FILTERS:
            return _filter(name, command, tree) if known else _forget_edited(name, command, tree)
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
        if text is not None:
            if len(sources) > 1 or target.endswith(("/", ".")):
                place = posixpath.join(place, posixpath.basename(source))
            tree.write(place, text)


def _split_filter(name: str, words: Sequence[str]) -> tuple[list[str], list[str], bool]:
    """The options with their script, the files, and whether the files themselves are changed."""
    options: list[str] = []
    plain: list[str] = []
    changes = has_script = False
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if name == "sed" and re.fullmatch(r"-[nrEsz]*i.*|--in-place.*", word) and not word.startswith("-e"):
            changes = True
            kept = re.sub(r"i.*", "", word) if not word.startswith("--") else "-"
            options += [kept] if kept != "-" else []
        elif word.startswith("-") and len(word) > 1:
            options.append(word)
            has_script = has_script or word.startswith(("-e", "--expression", "--regexp"))
            base = "grep" if name in {"egrep", "fgrep"} else name
            if word in _WITH_VALUE.get(base, "").split() and rest:
                options.append(rest.pop(0))
        else:
            plain.append(word)
    leading = 0 if has_script else _LEADING.get(name, 0)
    return [*options, *(["--"] if leading else []), *plain[:leading]], plain[leading:], changes


def _filter(name: str, command: ShellCommand, tree: ImageTree) -> str | None:
    options, paths, changes = _split_filter(name, command.texts[1:])
    reads_files = name not in {"sed", "cut", "tr"} and any(_WITH_FILES.match(option) for option in options)
    if reads_files or any(re.match(r"-f|--file|-[a-z]*f$", option) for option in options if name == "sed"):
        return _forget_edited(name, command, tree)
    if not changes:
        text = command.input if not paths else "".join(_read(command, tree, path) or "" for path in paths)
        if text is None or any(_read(command, tree, path) is None for path in paths):
            return None
        return _run_filter(name, options, text)
    for path in paths:
        before = _read(command, tree, path)
        tree.write(_absolute(command, path), None if before is None else _run_filter(name, options, before))
    return ""


def _forget_edited(name: str, command: ShellCommand, tree: ImageTree) -> str | None:
    """Files that are changed in a way that is not known."""
    _options, paths, changes = _split_filter(name, command.texts[1:])
    for path in paths if changes else ():
        tree.write(_absolute(command, path), None)
    return None


def _run_filter(name: str, options: Sequence[str], text: str) -> str | None:
    """The program itself says what it makes of a text; it sees nothing but that."""
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    with temporary_file(text, "text") as file, file.open("rb") as stream:
        command = [*_FILTERS[name], *options]
        try:
            process = BoundedProcess(command, environment=environment, stdin=stream, cwd=file.parent)
        except (OSError, ValueError):
            return None
        ended = process.wait(_SECONDS, _BYTES)
    is_answer = ended.status == 0 or (ended.status == 1 and "grep" in name)
    return ended.out.decode("utf-8", "replace") if is_answer and not ended.is_too_long else None
