"""A Dockerfile: what it starts from, and what the commands of its RUN instructions install.

Parsed by dockerfile-parse; a here-document is laid out as one continued line before, which that library does not know.
"""

from __future__ import annotations

import configparser
import posixpath
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envtool.documents import parse_json
from envtool.errors import RequirementsError, SourceError
from envtool.language import tell
from envtool.requirements.model import DependencyFile, RequirementSet, RunInstruction, Section, SourceLocation
from envtool.requirements.readers.common import make_form_error
from envtool.requirements.readers.dockerfile_variables import assign, declare_arguments, expand_text, list_assigned
from envtool.requirements.readers.image_files import Copy, ImageTree, find_context, read_ignored
from envtool.requirements.readers.run_commands import CONSTRAINTS, RunReader
from envtool.requirements.readers.shell_script import ShellState, StepBudget
from envtool.requirements.readers.source_files import SourceFiles, is_on_network

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envtool.requirements.readers.shell_words import Word

_ON_DISK = SourceFiles()
_HEREDOC = re.compile(r"<<(-?)\s*([\"']?)(\w+)\2")
# dockerfile-parse joins continued lines: what stands for their ends meanwhile.
_LINE_END = "\x00"
_HELD = dict.fromkeys(("PIP_CONSTRAINT", "UV_CONSTRAINT"), CONSTRAINTS)
_PIP_CONFIGURATION = re.compile(r"/etc/(?:xdg/pip/)?pip\.conf|.*/(?:\.config/pip|\.pip)/pip\.conf|.*/\.pip\.conf")


@dataclass(kw_only=True)
class _Stage:
    """What the instructions of one stage so far have set. `environment` are the names that ENV gave a value."""

    state: ShellState
    tree: ImageTree
    shell: str = "/bin/sh"
    settings: dict[str, str] = field(default_factory=dict)
    environment: set[str] = field(default_factory=set)


@dataclass
class _Reading:
    path: Path
    files: SourceFiles
    rows: list[dict[str, Any]]
    heredocs: dict[str, str]
    arguments: dict[str, str | None] = field(default_factory=dict)
    stages: dict[str, _Stage] = field(default_factory=dict)
    sets: list[RequirementSet] = field(default_factory=list)
    opened: int = 0


def read_dockerfile(path: Path, files: SourceFiles = _ON_DISK) -> DependencyFile:
    """A set for each command that installs, and for each start from an image of others. Raises `RequirementsError`."""
    import io

    from dockerfile_parse import DockerfileParser

    text = files.read(path)
    plain, heredocs = _take_heredocs(text)
    structure = DockerfileParser(fileobj=io.BytesIO(plain.encode())).structure
    if not any(row["instruction"] == "FROM" for row in structure):
        raise make_form_error(path, tell("it has no FROM"))
    reading = _Reading(path, files, structure, heredocs)
    _read_instructions(reading)
    return DependencyFile(path, "Dockerfile", tuple(reading.sets))


def _take_heredocs(text: str) -> tuple[str, dict[str, str]]:
    """The text with each here-document as blank comments, and their texts by the line that begins them."""
    rows = text.splitlines()
    plain: list[str] = []
    found: dict[str, str] = {}
    number = 0
    while number < len(rows):
        row = rows[number]
        plain.append(row)
        number += 1
        is_instruction = re.match(r"\s*(?:RUN|COPY|ADD|ONBUILD)\b", row, re.IGNORECASE) or (
            len(plain) > 1 and plain[-2].rstrip().endswith("\\")
        )
        names = [(match[1], match[3]) for match in _HEREDOC.finditer(row)] if is_instruction else []
        closed = names and all(any(_closes(later, mark) for later in rows[number:]) for mark in names)
        if not closed:
            continue
        body: list[str] = []
        for mark in names:
            while number < len(rows):
                body.append(rows[number])
                plain.append("")
                number += 1
                if _closes(body[-1], mark):
                    break
        key = f"hac-heredoc-{len(found)}"
        found[key] = "\n".join(body)
        plain[-len(body) - 1] = f"{row} #{key}#"
    return "\n".join(plain) + "\n", found


def _closes(row: str, mark: tuple[str, str]) -> bool:
    return (row.lstrip("\t") if mark[0] else row).rstrip() == mark[1]


def _read_instructions(reading: _Reading) -> None:
    stage = _Stage(state=ShellState(), tree=ImageTree(reading.path.parent))
    sources = [source for row in reading.rows for source in _list_copied(row)]
    context = reading.files.context or find_context(reading.path, sources)
    ignored = read_ignored(reading.path, context)
    first = _first_from(reading)
    last = max(number for number, row in enumerate(reading.rows) if row["instruction"] == "FROM")
    for number, row in enumerate(reading.rows):
        instruction, value = row["instruction"], row["value"]
        place = SourceLocation(reading.path, row["startline"] + 1)
        if instruction == "ONBUILD":
            # What an image's child runs is what a person who builds that child gets.
            instruction, _blank, value = value.lstrip().partition(" ")
            instruction = instruction.upper()
        match instruction:
            case "FROM":
                tree = ImageTree(context, ignored=ignored, filter_time=stage.tree.filter_time)
                stage = _open_stage(reading, value, place, tree, is_last=number == last)
            case "ARG" if number < first:
                assign(value, reading.arguments, reading.arguments, given=reading.files.build_arguments)
            case "ARG":
                given = reading.files.build_arguments
                declare_arguments(value, stage.state.variables, reading.arguments, given, stage.environment)
            case "ENV":
                assign(value, stage.state.variables, stage.state.variables)
                stage.environment |= list_assigned(value)
            case "WORKDIR":
                folder = _expand(value.strip(), stage).text
                stage.state.folder = posixpath.normpath(posixpath.join(stage.state.folder, folder))
            case "SHELL":
                stage.shell = " ".join(map(str, _split_words(value)))
            case "COPY" | "ADD":
                _copy(reading, stage, value)
            case "RUN":
                _run(reading, stage, value, place, row["content"])
            case _:
                pass


def _first_from(reading: _Reading) -> int:
    return next(number for number, row in enumerate(reading.rows) if row["instruction"] == "FROM")


def _open_stage(reading: _Reading, value: str, place: SourceLocation, tree: ImageTree, *, is_last: bool) -> _Stage:
    words = [word for word in value.split() if not word.startswith("--")]
    image = expand_text(words[0], reading.arguments).text if words else ""
    name = words[2] if len(words) > 2 and words[1].upper() == "AS" else ""
    before = reading.stages.get(image.lower())
    if before is not None:
        state = replace(before.state, variables=dict(before.state.variables), functions={})
        stage = replace(before, state=state, tree=before.tree.copy(), settings=dict(before.settings))
        stage.environment = set(before.environment)
    else:
        variables: dict[str, str | None] = dict(_HELD) if reading.files.base_images.holds(image) else {}
        stage = _Stage(state=ShellState(variables=variables | {"HOME": "/root"}), tree=tree, environment={*variables})
    reading.stages[str(reading.opened)] = stage
    reading.opened += 1
    if name:
        reading.stages[name.lower()] = stage
    is_used = is_last or any(
        re.match(
            rf"(?:--\S+\s+)*{re.escape(name)}(?![\w.-])",
            expand_text(row["value"], reading.arguments).text,
            re.IGNORECASE,
        )
        for row in reading.rows
        if name and row["instruction"] == "FROM"
    )
    why = reading.files.base_images.describe_foreign(image) if is_used and before is None else None
    if why is not None:
        reading.sets.append(
            RequirementSet(
                path=reading.path,
                section=Section.BASE,
                name=f"FROM {image}",
                base_image=image,
                instruction=RunInstruction(place, "FROM", f"FROM {value}"),
                is_constrained=False,
            )
        )
    return stage


def _expand(text: str, stage: _Stage) -> Word:
    return expand_text(text, stage.state.variables)


def _split_words(text: str) -> list[str]:
    try:
        return [str(word) for word in parse_json(text)] if text.lstrip().startswith("[") else text.split()
    except ValueError:
        return text.split()


def _list_copied(row: dict[str, Any]) -> Iterator[str]:
    if row["instruction"] in {"COPY", "ADD"} and "--from" not in row["value"] and "<<" not in row["value"]:
        words = [word for word in _split_words(row["value"]) if not word.startswith("--")]
        yield from words[:-1]


def _copy(reading: _Reading, stage: _Stage, value: str) -> None:
    value, body = _split_heredoc(value, reading)
    words = [word for word in _split_words(value) if not word.startswith("--")]
    origin = re.search(r"--from=(\S+)", value)
    expanded = [_expand(word, stage).text for word in words]
    if len(expanded) < 2:
        return
    *sources, last = expanded
    target = posixpath.normpath(posixpath.join(stage.state.folder, last)) + "/" * last.endswith("/")
    if body is not None:
        name = posixpath.join(target, sources[0].lstrip("<-")) if target.endswith("/") else target
        stage.tree.write(name, body.rpartition("\n")[0] + "\n")
        return
    if origin is not None:
        _copy_from_stage(reading, stage, origin[1], sources, target)
        return
    for source in sources:
        if is_on_network(source) and not source.endswith((".tar.gz", ".tgz", ".zip", ".whl", ".deb", ".run", ".git")):
            _add_fetched(reading, stage, source, target)
    stage.tree.copies.append(Copy(tuple(source for source in sources if not is_on_network(source)), target))
    _read_configuration(stage)


def _copy_from_stage(reading: _Reading, stage: _Stage, name: str, sources: list[str], target: str) -> None:
    before = reading.stages.get(_expand(name, stage).text.lower())
    for source in sources if before is not None else ():
        if before is not None:
            stage.tree.take(before.tree, posixpath.normpath(posixpath.join("/", source)), target)


def _add_fetched(reading: _Reading, stage: _Stage, address: str, target: str) -> None:
    name = posixpath.join(target, posixpath.basename(address)) if target.endswith("/") else target
    text = None
    if reading.files.fetch is not None and re.search(r"\.(?:txt|in|ya?ml|toml|sh|conf|cfg|py)$", address):
        try:
            text = reading.files.fetch(address)
        except (RequirementsError, SourceError):
            text = None
    stage.tree.write(name, text)


def _read_configuration(stage: _Stage) -> None:
    """A pip.conf that is copied counts for every pip after it."""
    target = stage.tree.copies[-1].target
    names = [target, *(posixpath.join(target, Path(source).name) for source in stage.tree.copies[-1].sources)]
    for name in names:
        if not _PIP_CONFIGURATION.fullmatch(posixpath.normpath(name)):
            continue
        try:
            text = stage.tree.read(posixpath.normpath(name))
            parser = configparser.RawConfigParser()
            parser.read_string(text or "")
        except (RequirementsError, configparser.Error):
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                stage.settings |= {key.replace("_", "-"): found for key, found in parser.items(section)}


def _split_heredoc(value: str, reading: _Reading) -> tuple[str, str | None]:
    match = re.search(r"#(hac-heredoc-\d+)#", value)
    if match is None:
        return value, None
    return value.replace(match[0], "").rstrip(), reading.heredocs[match[1]]


def _run(reading: _Reading, stage: _Stage, value: str, place: SourceLocation, written: str) -> None:
    script, body = _split_heredoc(value, reading)
    tree = stage.tree
    while match := re.match(r"\s*--(\w+)(?:=(\S+))?\s+", script):
        if match[1] == "mount":
            _mount(reading, stage, match[2] or "")
        script = script[match.end() :]
    reader = RunReader(
        dockerfile=place,
        written=re.sub(r" ?#hac-heredoc-\d+#", "", written),
        tree=tree,
        fetch=reading.files.fetch,
        settings=stage.settings,
    )
    state = replace(stage.state, variables=dict(stage.state.variables), functions={}, budget=StepBudget())
    if script.lstrip().startswith("["):
        words = _split_words(script)
        script = " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)
    elif body is not None and re.fullmatch(r"\s*<<-?\s*[\"']?\w+[\"']?\s*", script):
        # A here-document alone is the script itself.
        script = body.rpartition("\n")[0]
        first = script.splitlines()[:1]
        if first and re.match(r"#!.*python", first[0]):
            script = "python - <<'hac'\n" + script + "\nhac\n"
    elif body is not None:
        # A name before the command is one after it to a shell.
        script = re.sub(r"^\s*(<<-?\s*[\"']?\w+[\"']?)\s+(.+)$", r"\2 \1", script) + f"\n{body}"
    reader.run_script(script, state)
    if state.budget.left <= 0:
        reader.add_endless(script)
    reading.sets += reader.sets


def _mount(reading: _Reading, stage: _Stage, options: str) -> None:
    """`RUN --mount=type=bind`: files of the context, or of another stage, that are there for one instruction."""
    given = dict(item.partition("=")[::2] for item in options.split(","))
    target = given.get("target") or given.get("dst") or given.get("destination")
    if given.get("type", "bind") != "bind" or not target:
        return
    source = given.get("source") or given.get("src") or "."
    if "from" in given:
        _copy_from_stage(reading, stage, given["from"], [source], posixpath.join(stage.state.folder, target))
    else:
        stage.tree.copies.append(Copy((source,), posixpath.normpath(posixpath.join(stage.state.folder, target))))
