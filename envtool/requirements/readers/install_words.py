"""The commands of a script that install: pip, uv, conda, and the tools that install projects."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import RequirementsError, SourceError
from envtool.language import tell
from envtool.requirements.lock_selection import list_left_out, parse_uv_selection
from envtool.requirements.model import DeclaredRequirement, InstallOptions, RequirementSet, Role, SourceLocation
from envtool.requirements.pip_options import parse_pip_settings
from envtool.requirements.readers.conda_environment import parse_match_spec, read_conda_environment
from envtool.requirements.readers.conda_lock import read_pixi_lock
from envtool.requirements.readers.install_command import read_command
from envtool.requirements.readers.known_programs import PIP_HARMLESS, PROJECT_COMMANDS, UV_HARMLESS, is_pip, is_python
from envtool.requirements.readers.pdm_lock import read_pdm_lock
from envtool.requirements.readers.pipfile import read_pipfile_lock
from envtool.requirements.readers.poetry import read_poetry_lock
from envtool.requirements.readers.shell_script import ShellCommand
from envtool.requirements.readers.unknown_words import drop_valueless, list_unknown, split_unknown
from envtool.requirements.readers.uv_lock import read_uv_lock

if TYPE_CHECKING:
    from envtool.requirements.readers.image_files import ImageFiles

_CONDA = frozenset({"conda", "mamba", "micromamba"})
# Options of project commands that have a value.
_VALUED = frozenset(
    """
    --group -G --with --without --only --extra -E --extras --project --directory -C --python -p --index --default-index
    --source --find-links --index-url --package --no-group --no-install-package --lockfile -n --name --prefix -c
    --channel --solver --categories --bounds --tag --branch --rev --optional
    """.split()  # noqa: SIM905  # a list of words, which is read as one
)
_FILE_OPTIONS = frozenset(
    {"-r", "--requirement", "--requirements", "-c", "--constraint", "--constraints", "--overrides", "--override"}
)
_PATH_OPTIONS = _FILE_OPTIONS | {
    *("-t", "--target", "--prefix", "--root", "--cache-dir", "--src", "--cert", "--python", "-p", "--log", "--report"),
    *("-f", "--find-links", "--build-constraint", "--build-constraints", "-C"),
}
_LOCKS: dict[str, tuple[str, Callable[..., object]]] = {
    "uv": ("uv.lock", read_uv_lock),
    "poetry": ("poetry.lock", read_poetry_lock),
    "pdm": ("pdm.lock", read_pdm_lock),
    "pipenv": ("Pipfile.lock", read_pipfile_lock),
    "pixi": ("pixi.lock", read_pixi_lock),
}
# What removes whatever a lock does not name; `pdm sync` does so with an option alone.
_EXACT = frozenset({("uv", "sync"), ("poetry", "sync"), ("pip-sync", "")})
MakeSet = Callable[[ShellCommand, str, bool], RequirementSet]


@dataclass(frozen=True, kw_only=True)
class InstallReader:
    """Reads one command. `files` are those of the image at this point; `settings` what pip is configured with."""

    place: SourceLocation
    files: ImageFiles
    settings: dict[str, str] = field(default_factory=dict)
    make_set: MakeSet

    def read(self, command: ShellCommand, name: str) -> Iterator[RequirementSet]:
        """The sets that a command installs; none where it is no install."""
        words = command.texts[1:]
        if is_python(name):
            yield from self._read_module(command, words)
        elif is_pip(name):
            yield from self._read_pip(command, words, "pip")
        elif name == "uv" or name == "uvx":
            yield from self._read_uv(command, words)
        elif name in _CONDA:
            yield from self._read_conda(command, words)
        elif name in PROJECT_COMMANDS:
            yield from self._read_project(command, name, words)

    def _read_module(self, command: ShellCommand, words: list[str]) -> Iterator[RequirementSet]:
        while words and words[0].startswith("-") and words[0] not in {"-m", "-c", "-"}:
            words = words[2:] if words[0] in {"-W", "-X"} else words[1:]
        if words[:1] == ["-m"] and len(words) > 1:
            inner = words[1].replace("_", "-")
            if inner == "pip":
                yield from self._read_pip(command, words[2:], "pip")
            elif inner == "uv":
                yield from self._read_uv(command, words[2:])
            elif inner in PROJECT_COMMANDS:
                yield from self._read_project(command, inner, words[2:])
        elif words and words[0].endswith("setup.py") and {"install", "develop", "easy_install"} & set(words[1:]):
            folder = posixpath.dirname(words[0]) or "."
            yield self._read_words(command, ["--no-build-isolation", folder], "pip")

    def _read_pip(self, command: ShellCommand, words: list[str], tool: str) -> Iterator[RequirementSet]:
        rest = list(words)
        before: list[str] = []
        while rest and rest[0].startswith("-"):
            before.append(rest.pop(0))
            if (
                before[-1] in {"--python", "--proxy", "--cache-dir", "--timeout", "--retries", "--log", "--cert"}
                and rest
            ):
                before.append(rest.pop(0))
        verb, rest = (rest[0], rest[1:]) if rest else ("", [])
        if {"--dry-run", "--help", "-h"} & set(rest):
            return
        if verb == "install":
            yield self._read_words(command, [*before, *rest], tool)
        elif verb == "uninstall":
            yield self._read_removal(command, rest, tool)
        elif verb == "sync":
            yield self._read_sync(command, rest, tool)
        elif verb == "config" and rest[:1] == ["set"] and len(rest) > 2:
            self.settings[rest[-2].rpartition(".")[2]] = rest[-1]
        elif verb and verb not in PIP_HARMLESS and verb not in {"compile", "tree"}:
            why = tell("`{tool} {command}` is not known", tool=tool, command=verb)
            yield replace(self.make_set(command, tool, False), unresolved=(why,))

    def _read_words(self, command: ShellCommand, words: list[str], tool: str) -> RequirementSet:
        base = self.make_set(command, tool, False)
        unknown = [word.text for word in command.words if not word.is_known]
        known, lost = self._map_paths(words, unknown, command.folder)
        known = drop_valueless(known, words, unknown)
        unresolved, sources = split_unknown(command)
        base = replace(base, unknown_sources=sources)
        unresolved += [tell("{path} is not in the build context", path=word) for word in lost]
        files = replace(self.files, folder=command.folder, input=command.input)
        try:
            found = read_command(known, self.place, files)
        except (RequirementsError, SourceError) as error:
            return replace(base, unresolved=(*unresolved, str(error)))
        unresolved += [tell("the option {option} is not known", option=word) for word in found.unknown]
        entries = [self._place(entry) for entry in found.entries]
        options = found.options.merge_over(self._read_settings(command))
        constraint, problem = self._read_constraints(command, tool, files)
        unresolved += [*found.unresolved, *problem]
        return replace(base, entries=(*entries, *constraint), options=options, unresolved=tuple(unresolved))

    def _map_paths(self, words: list[str], unknown: list[str], folder: str) -> tuple[list[str], list[str]]:
        """The words that are known, with the context's paths for the image's; and the paths that lead nowhere."""
        known: list[str] = []
        lost: list[str] = []
        before = ""
        for word in words:
            if word and word not in unknown:
                is_editable = before in {"-e", "--editable"}
                mapped = word if before in _FILE_OPTIONS else self._map_path(word, folder, is_editable=is_editable)
                is_lost = mapped == word and before not in _PATH_OPTIONS and _is_lost(word)
                if is_lost and is_editable:
                    known.pop()
                (lost if is_lost else known).append(mapped)
            before = word
        return known, lost

    def _place(self, entry: DeclaredRequirement) -> DeclaredRequirement:
        """The entry; one of a file that only the image has stands where the command does."""
        path = entry.location.path
        is_made = path.as_posix() in self.files.tree.written or path.as_posix() == "/dev/stdin"
        return replace(entry, location=self.place) if is_made else entry

    def _read_settings(self, command: ShellCommand) -> InstallOptions:
        """What variables and configuration files of the image tell pip."""
        settings = dict(self.settings)
        for name, value in command.variables.items():
            if name.startswith("PIP_") and value:
                settings[name.removeprefix("PIP_").lower().replace("_", "-")] = value
        return parse_pip_settings(settings)

    def _read_constraints(
        self, command: ShellCommand, tool: str, files: ImageFiles
    ) -> tuple[list[DeclaredRequirement], list[str]]:
        """The entries of the image's own constraint files, apart from that of envtool's images."""
        from envtool.requirements.readers.requirements_txt import read_named

        variable = "UV_CONSTRAINT" if tool == "uv" else "PIP_CONSTRAINT"
        named = command.variables.get(variable) or (self.settings.get("constraint", "") if tool == "pip" else "")
        found: list[DeclaredRequirement] = []
        problems: list[str] = []
        for name in named.split():
            if name.startswith("/etc/hac/"):
                continue
            try:
                found += read_named(name, self.place, files, role=Role.CONSTRAINT).entries
            except (RequirementsError, SourceError) as error:
                problems.append(tell("the constraints of {name} are not known: {error}", name=name, error=error))
        return [self._place(entry) for entry in found], problems

    def _map_path(self, word: str, folder: str, *, is_editable: bool = False) -> str:
        """An argument that names a folder or file of the image, as the context's."""
        bare, bracket, extras = word.partition("[")
        is_path = _is_path(bare) or (bare.endswith((".whl", ".zip", ".tar.gz")) and "://" not in bare)
        if not (is_path or is_editable) or word.startswith("-") or "://" in bare:
            return word
        found = self.files.find_project(posixpath.join(folder, bare))
        link = str(found.resolve()) if found is not None else self.files.find_cloned(posixpath.join(folder, bare))
        return f"{link}{bracket}{extras}" if link is not None else word

    def _read_removal(self, command: ShellCommand, words: list[str], tool: str) -> RequirementSet:
        base = self._read_words(command, [word for word in words if word not in {"-y", "--yes"}], tool)
        removed = [replace(item, role=Role.REMOVAL) for item in base.entries if item.role is Role.REQUIREMENT]
        return replace(base, entries=tuple(removed))

    def _read_sync(self, command: ShellCommand, words: list[str], tool: str) -> RequirementSet:
        """`uv pip sync` and pip-sync: exactly what files name, and nothing else stays."""
        files = _strip_options(words)
        listed = [text for name in files for text in ("-r", name)]
        base = self._read_words(command, listed, tool)
        instruction = base.instruction
        assert instruction is not None
        return replace(base, instruction=replace(instruction, exact=not base.unresolved), locked=True)

    def _read_uv(self, command: ShellCommand, words: list[str]) -> Iterator[RequirementSet]:
        rest = list(words)
        while rest and rest[0].startswith("-"):
            rest = rest[2:] if rest[0] in _VALUED else rest[1:]
        verb, rest = (rest[0], rest[1:]) if rest else ("", [])
        if verb == "pip":
            yield from self._read_pip(command, rest, "uv")
        elif verb == "sync":
            yield from self._read_uv_sync(command, rest)
        elif verb == "add":
            yield self._read_added(command, rest, "uv")
        elif verb == "run":
            wanted = [rest[i + 1] for i, word in enumerate(rest[:-1]) if word == "--with"]
            wanted += [word.partition("=")[2] for word in rest if word.startswith("--with=")]
            if "--no-project" not in rest and self.files.find_project(posixpath.join(command.folder, ".")) is not None:
                read = partial(read_uv_lock, selection=parse_uv_selection(rest, command.variables))
                yield self._read_locked(command, "uv", exact=False, read=read)
            if wanted:
                yield self._read_added(command, [part for item in wanted for part in item.split(",")], "uv")
        elif verb == "remove":
            yield self._read_removal(command, rest, "uv")
        elif verb and verb not in UV_HARMLESS:
            why = tell("`{tool} {command}` is not known", tool="uv", command=verb)
            yield replace(self.make_set(command, "uv", False), unresolved=(why,))

    def _read_uv_sync(self, command: ShellCommand, words: list[str]) -> Iterator[RequirementSet]:
        """`uv sync`, which removes what its selection does not name, what `--no-install-package` names as well."""
        if "--dry-run" in words:
            return
        unresolved = list_unknown(command)
        # What of it is not known may be any selection, or `--inexact`.
        read = partial(read_uv_lock, selection=None if unresolved else parse_uv_selection(words, command.variables))
        found = self._read_locked(command, "uv", exact="--inexact" not in words and not unresolved, read=read)
        entries = tuple(entry for entry in found.entries if entry.name not in list_left_out(words))
        yield replace(found, entries=entries, unresolved=(*found.unresolved, *unresolved))

    def _read_added(self, command: ShellCommand, words: list[str], tool: str) -> RequirementSet:
        """Further requirements of a project, which is installed with them."""
        wanted = _strip_options(words)
        plain = [re.sub(r"@(?=[\d^~<>=]|latest)", "==", word).replace("==latest", "") for word in wanted]
        base = self._read_words(command, [word for word in plain if "^" not in word], tool)
        why = tell("`{command}` installs what the project locks as well", command=base.name)
        return replace(base, unresolved=(*base.unresolved, why))

    def _read_locked(
        self, command: ShellCommand, tool: str, *, exact: bool, read: Callable[[Path], object] | None = None
    ) -> RequirementSet:
        base = self.make_set(command, tool, exact)
        lock = _LOCKS.get(tool)
        found = self.files.tree.find(posixpath.normpath(posixpath.join(command.folder, lock[0]))) if lock else None
        if lock is None or found is None:
            missing = lock[0] if lock else "lock"
            # Whether torch is in it decides what becomes of it.
            why = tell("check the {name} that `{command}` reads: it is not known here", name=missing, command=base.name)
            return replace(base, unresolved=(why,))
        try:
            file = (read or lock[1])(found)
        except RequirementsError as error:
            return replace(base, unresolved=(str(error),))
        entries = file.sets[0].entries if file.sets else ()  # type: ignore[attr-defined]
        return replace(base, entries=entries, locked=True)

    def _read_project(self, command: ShellCommand, name: str, words: list[str]) -> Iterator[RequirementSet]:
        rest = list(words)
        while rest and rest[0].startswith("-"):
            rest = rest[2:] if rest[0] in _VALUED else rest[1:]
        verb, rest = (rest[0], rest[1:]) if rest else ("", [])
        verbs = PROJECT_COMMANDS[name]
        if "" in verbs:
            if name == "pip-sync":
                yield self._read_sync(command, words or ["requirements.txt"], "pip")
            else:
                yield self._read_words(command, _strip_options(words), "pip")
        elif verb in verbs:
            wanted = _strip_options(rest)
            if name == "mim":
                # It calls pip with the words that it is given, and an address of its maker's wheels.
                yield self._read_words(command, rest, "pip")
            elif verb == "add" or (name == "pipenv" and verb == "install" and wanted):
                yield self._read_added(command, wanted, "pip")
            elif verb in {"remove", "uninstall"}:
                yield self._read_removal(command, wanted, "pip")
            else:
                yield self._read_locked(command, name, exact=(name, verb) in _EXACT)

    def _read_conda(self, command: ShellCommand, words: list[str]) -> Iterator[RequirementSet]:
        verbs = [word for word in words[:3] if not word.startswith("-")]
        verb = next((word for word in verbs if word != "env"), "")
        if verb not in {"install", "create", "update", "remove", "uninstall"}:
            return
        base = self.make_set(command, "conda", False)
        entries: list[DeclaredRequirement] = []
        unresolved = list_unknown(command)
        rest = iter(words)
        for word in rest:
            if word in {"-f", "--file"} or word.startswith("--file="):
                name = word.partition("=")[2] or next(rest, "")
                try:
                    files = replace(self.files, folder=command.folder)
                    found = read_conda_environment(files.locate(self.place, name), files)
                    entries += [entry for item in found.sets for entry in item.entries]
                    unresolved += [text for item in found.sets for text in item.unresolved]
                except RequirementsError as error:
                    unresolved.append(str(error))
            elif word in _VALUED or word == "-p":
                next(rest, None)
            elif not word.startswith("-") and word not in {verb, "env"} and "$" not in word:
                entry = parse_match_spec(word, self.place)
                is_removed = verb in {"remove", "uninstall"}
                entries.append(replace(entry, role=Role.REMOVAL) if is_removed else entry)
        yield replace(base, entries=tuple(self._place(entry) for entry in entries), unresolved=tuple(unresolved))


def _is_lost(word: str) -> bool:
    """Whether an argument is a path in the image that nothing is known about, not even by its name."""
    bare = word.partition("[")[0]
    return _is_path(bare) and ("*" in bare or not bare.endswith(".whl"))


def _is_path(text: str) -> bool:
    """Whether an argument names a file or a folder by a path."""
    return text.startswith((".", "/")) or re.fullmatch(r"[\w.-]+(?:/[\w.*-]+)+/?", text) is not None


def _strip_options(words: list[str]) -> list[str]:
    """The arguments that are no options and no options' values."""
    found: list[str] = []
    rest = iter(words)
    for word in rest:
        if word in _VALUED:
            next(rest, None)
        elif not word.startswith("-"):
            found.append(word)
    return found
