"""What service managers start, by their configuration: supervisord, s6-overlay, s6, runit and Phusion's my_init.

Sources: supervisord.conf ("Configuration File", "String Expressions"); s6-overlay's README, "Writing a longrun";
runsvdir(8); baseimage-docker's README, "Adding additional daemons". Nothing is run.
"""

from __future__ import annotations

import configparser
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from envtool.environment.file_tree import FileTree, has_file, join_path, list_folder, read_tree_text

_SERVICE_FOLDERS = ("/etc/services.d", "/etc/s6-overlay/s6-rc.d")
# Managers that are told their folder, and where they look without one.
_FOLDER_MANAGERS = {"s6-svscan": "/run/service", "runsvdir": "/etc/service", "runsvdir-start": "/etc/service"}
_PHUSION = "my_init"
_SUPERVISORS = frozenset({"supervisord", "supervisord.sh"})
_CONFIGURATIONS = (
    "supervisord.conf",
    "etc/supervisord.conf",
    "/etc/supervisord.conf",
    "/etc/supervisor/supervisord.conf",
)
_PROGRAMS = ("program:", "fcgi-program:", "eventlistener:")
_EXPRESSION = re.compile(r"%\((\w+)\)\d*[sd]")
_ASSIGNMENT = re.compile(r"""([A-Za-z_]\w*)\s*=\s*("[^"]*"|'[^']*'|[^,]*)""")
# A configuration with more files, or services, is nobody's.
_AT_MOST = 200


@dataclass(frozen=True, kw_only=True)
class ServiceCommand:
    """A command that a manager starts, its variables and its folder; `source` is the file that says so, if one does."""

    words: tuple[str, ...]
    variables: Mapping[str, str]
    folder: str
    source: str = ""


def is_service_manager(tree: FileTree, program: str) -> bool:
    """Whether a program, by its path or its name, starts services that files name."""
    name = program.rpartition("/")[2]
    if program == "/init":
        return any(list_folder(tree, folder) for folder in _SERVICE_FOLDERS)
    return name in _SUPERVISORS or name in _FOLDER_MANAGERS or name == _PHUSION


def list_service_commands(
    tree: FileTree, words: Sequence[str], variables: Mapping[str, str], folder: str
) -> Iterator[ServiceCommand]:
    """What a manager starts, whose command line is `words`; at most some hundreds."""
    name, rest = words[0].rpartition("/")[2], list(words[1:])
    if name in _SUPERVISORS:
        found = _list_supervised(tree, rest, variables, folder)
    elif name in _FOLDER_MANAGERS:
        named = next((word for word in rest if word.startswith("/")), _FOLDER_MANAGERS[name])
        found = _list_run_scripts(tree, (named,), variables)
    elif name == _PHUSION:
        found = _list_run_scripts(tree, ("/etc/service",), variables, _skip_options(rest), folder)
    else:
        found = _list_run_scripts(tree, _SERVICE_FOLDERS, variables, rest, folder)
    for number, command in enumerate(found):
        if number >= _AT_MOST:
            return
        yield command


def _skip_options(words: Sequence[str]) -> list[str]:
    """What follows my_init's own options."""
    rest = list(words)
    while rest and rest[0].startswith("-"):
        if rest.pop(0) == "--":
            break
    return rest


def _list_run_scripts(
    tree: FileTree,
    folders: Sequence[str],
    variables: Mapping[str, str],
    words: Sequence[str] = (),
    folder: str = "/",
) -> Iterator[ServiceCommand]:
    """`FOLDER/SERVICE/run`, each started in its folder; and the command that the manager was given."""
    if words:
        yield ServiceCommand(words=tuple(words), variables=variables, folder=folder)
    for place in folders:
        for name in list_folder(tree, place):
            path = f"{place.rstrip('/')}/{name}/run"
            if has_file(tree, path):
                yield ServiceCommand(words=(path,), variables=variables, folder=path.rpartition("/")[0], source=path)


def _list_supervised(
    tree: FileTree, words: Sequence[str], variables: Mapping[str, str], folder: str
) -> Iterator[ServiceCommand]:
    path = _find_configuration(tree, words, folder)
    text = read_tree_text(tree, path) if path is not None else None
    if path is None or text is None:
        return
    common = dict(variables)
    for source, content in [(path, text), *_list_included(tree, path, text, variables)]:
        parser = _parse(content)
        known = _make_values(source, variables)
        if parser.has_section("supervisord"):
            common |= _read_environment(_expand(parser.get("supervisord", "environment", fallback=""), known))
        for section in parser.sections():
            kind = next((kind for kind in _PROGRAMS if section.startswith(kind)), None)
            if kind is None or parser.get(section, "autostart", fallback="true").lower() in {"false", "0", "no", "off"}:
                continue
            values = {**known, "program_name": section.removeprefix(kind), "process_num": "0", "group_name": ""}
            yield ServiceCommand(
                words=tuple(_split(_expand(parser.get(section, "command", fallback=""), values))),
                variables=common | _read_environment(_expand(parser.get(section, "environment", fallback=""), values)),
                folder=_expand(parser.get(section, "directory", fallback=folder), values) or folder,
                source=source,
            )


def _find_configuration(tree: FileTree, words: Sequence[str], folder: str) -> str | None:
    for number, word in enumerate(words):
        name, _, value = word.partition("=")
        if name in {"-c", "--configuration"}:
            value = value or "".join(words[number + 1 : number + 2])
            return join_path(folder, value)
        if word.startswith("-c") and len(word) > len("-c"):
            return join_path(folder, word[len("-c") :])
    paths = (join_path(folder, name) for name in _CONFIGURATIONS)
    return next((path for path in paths if has_file(tree, path)), None)


def _list_included(tree: FileTree, path: str, text: str, variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    known = _make_values(path, variables)
    for pattern in _split(_expand(_parse(text).get("include", "files", fallback=""), known)):
        for found in _match_paths(tree, join_path(known["here"], pattern)):
            content = read_tree_text(tree, found)
            if content is not None and found != path:
                yield found, content


def _make_values(path: str, variables: Mapping[str, str]) -> dict[str, str]:
    """What expressions in a configuration may name."""
    return {"here": path.rpartition("/")[0], **{f"ENV_{name}": value for name, value in variables.items()}}


def _match_paths(tree: FileTree, pattern: str) -> list[str]:
    """The paths that a pattern means, whose folders may have one each."""
    found = [""]
    for part in pattern.strip("/").split("/"):
        if not any(letter in part for letter in "*?["):
            found = [f"{folder}/{part}" for folder in found]
            continue
        found = [
            f"{folder}/{name}"
            for folder in found
            for name in list_folder(tree, folder or "/")
            if fnmatchcase(name, part)
        ][:_AT_MOST]
    return found


def _parse(text: str) -> configparser.RawConfigParser:
    """As supervisord reads it: later values win, and what cannot be read is nothing."""
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False, allow_no_value=True)
    try:
        parser.read_string(text)
    except configparser.Error:
        return configparser.RawConfigParser()
    return parser


def _expand(text: str | None, known: Mapping[str, str]) -> str:
    return _EXPRESSION.sub(lambda match: known.get(match[1], ""), text or "").replace("%%", "%")


def _read_environment(text: str) -> dict[str, str]:
    """`KEY="value",KEY2=value`."""
    return {match[1]: match[2].strip().strip("\"'") for match in _ASSIGNMENT.finditer(text.replace("\n", " "))}


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        # A quote without its end.
        return text.split()
