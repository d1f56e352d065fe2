"""Reads one file of a program and judges it: the reader of its type, then what its lines say to ignore."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from envtool.language import tell
from envtool.regular_file import read_regular_file
from envtool.scan.build_files import judge_cmake, judge_cuda_source
from envtool.scan.commands import CommandFinding, CommandWord
from envtool.scan.configuration import judge_configuration
from envtool.scan.configuration_reader import ConfigurationSyntax
from envtool.scan.dockerfile import judge_dockerfile
from envtool.scan.embedded_python import find_embedded_python
from envtool.scan.files import FileType, ProgramFile, find_type
from envtool.scan.findings import ProgramFinding, UnreadFile
from envtool.scan.followed_configuration import follow_from
from envtool.scan.installs import judge_requirements
from envtool.scan.kinds import ScanKind
from envtool.scan.makefile import judge_makefile
from envtool.scan.notebook import Notebook, read_notebook, read_script_notebook
from envtool.scan.python.judge import JudgedModule, LocalImport, is_for_scripts, judge_source
from envtool.scan.recipes import judge_document, judge_recipes
from envtool.scan.shell import judge_script
from envtool.scan.torch_api import TorchApi, open_torch_api
from envtool.told_kind import Severity

if TYPE_CHECKING:
    from envtool.scan.cell_source import WrittenFile

# Bytes of a file that somebody wrote. A notebook has pictures in it.
_LIMIT = 1 << 20
_NOTEBOOK_LIMIT = 64 << 20
_IGNORE = re.compile(r"#\s*hac:\s*ignore(?:\[([\w\s,-]*)\])?")
_BUILD_FILE = re.compile(r"(?:^|_)setup\.py$|^build\w*\.py$")
_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BROKEN = frozenset({ScanKind.CUDA_LIBRARY})


@dataclass(frozen=True, kw_only=True)
class ReadResult:
    """What one file gave. `imports` are what it imports; `broken` is what keeps it from being imported."""

    file: ProgramFile
    findings: tuple[ProgramFinding, ...] = ()
    ignored: tuple[ProgramFinding, ...] = ()
    unread: tuple[UnreadFile, ...] = ()
    imports: tuple[LocalImport, ...] = ()
    broken: tuple[int, str] | None = None


@dataclass
class _Reading:
    """A file while it is read."""

    file: ProgramFile
    api: TorchApi
    findings: list[ProgramFinding] = field(default_factory=list)
    unread: list[UnreadFile] = field(default_factory=list)
    imports: tuple[LocalImport, ...] = ()
    broken: tuple[int, str] | None = None

    @property
    def name(self) -> str:
        return self.file.path.as_posix()

    def add(self, finding: CommandFinding, line: int | None = None, cell: int | None = None) -> None:
        self.findings.append(
            ProgramFinding(
                kind=finding.kind,
                severity=finding.severity,
                path=self.name,
                line=line or finding.line,
                identifier=finding.identifier,
                message=finding.message,
                instead=finding.instead,
                cell=cell,
            )
        )

    def add_all(self, findings: Iterable[CommandFinding]) -> None:
        for finding in findings:
            self.add(finding)


def read_program_file(file: ProgramFile, torch: str) -> ReadResult:
    """Read and judge a file. What cannot be read is in the result, with the reason."""
    reading = _Reading(file, open_torch_api(torch))
    try:
        limit = _NOTEBOOK_LIMIT if file.type is FileType.NOTEBOOK else _LIMIT
        data = read_regular_file(file.path, limit)
        _READERS[file.type](reading, data)
    except OSError as error:
        reading.unread.append(UnreadFile(reading.name, error.strerror or str(error)))
        data = b""
    except (ValueError, SyntaxError, RecursionError) as error:
        reading.unread.append(UnreadFile(reading.name, _explain(error)))
    findings, ignored = _split_ignored(reading.findings, data)
    return ReadResult(
        file=file,
        findings=tuple(findings),
        ignored=tuple(ignored),
        unread=tuple(reading.unread),
        imports=reading.imports,
        broken=reading.broken,
    )


def _explain(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        text = tell(
            "no Python that this envtool's Python reads: line {lineno}: {msg}", lineno=error.lineno, msg=error.msg
        )
        return text
    return str(error) or tell("it is nested too deeply")


def _read_python(reading: _Reading, data: bytes) -> None:
    text = _decode_python(data)
    notebook = read_script_notebook(text)
    if notebook is not None:
        text = notebook.python
        _judge_cells(reading, notebook)
    is_build_file = bool(_BUILD_FILE.search(reading.file.path.name)) or "CUDAExtension" in text
    judged = judge_source(text, reading.api, is_build_file=is_build_file)
    _add_module(reading, judged, lambda line: (line, None))


def _add_module(reading: _Reading, judged: JudgedModule, locate: Callable[[int], tuple[int, int | None]]) -> None:
    for item in judged.uses:
        line, cell = locate(item.use.place.line)
        use = item.use
        reading.findings.append(
            ProgramFinding(
                kind=use.kind,
                severity=item.severity,
                path=reading.name,
                line=line,
                identifier=use.identifier,
                message=use.message,
                instead=use.instead,
                cell=cell,
            )
        )
        if (
            reading.broken is None
            and item.severity is Severity.ERROR
            and not item.is_forgiven
            and use.kind in _BROKEN
            and not use.place.functions
            and not is_for_scripts(use.place)
        ):
            reading.broken = (line, use.identifier)
    reading.imports = judged.imports


def _decode_python(data: bytes) -> str:
    """As Python decodes a source. Raises `ValueError`."""
    encoding = "utf-8-sig"
    for line in data.split(b"\n", 2)[:2]:
        match = _CODING.match(line)
        if match is not None:
            encoding = match[1].decode("ascii", "replace")
    try:
        text = data.decode("utf-8-sig" if encoding.lower().startswith("utf") else encoding)
    except LookupError:
        raise ValueError(tell("its encoding {encoding!r} is none that Python knows", encoding=encoding)) from None
    except UnicodeDecodeError as error:
        raise ValueError(tell("it is not in the encoding that it says: {reason}", reason=error.reason)) from None
    if "\0" in text:
        raise ValueError(tell("it has null bytes"))
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", " ")


def _read_notebook(reading: _Reading, data: bytes) -> None:
    notebook = read_notebook(data.decode("utf-8-sig", "replace"))
    for number, why in notebook.unread:
        reading.unread.append(UnreadFile(reading.name, tell("cell {number}: {why}", number=number, why=why)))
    judged = judge_source(notebook.python, reading.api)

    def locate(line: int) -> tuple[int, int | None]:
        if 0 < line <= len(notebook.lines):
            return notebook.lines[line - 1].line, notebook.lines[line - 1].cell
        return line, None

    _add_module(reading, judged, locate)
    _judge_cells(reading, notebook)
    for written in notebook.written:
        _judge_written(reading, written)


def _judge_written(reading: _Reading, written: WrittenFile) -> None:
    """A file that a cell writes, as if it stood beside the notebook."""
    path = reading.file.path.parent / written.name
    kind = find_type(path)
    if kind is None:
        return
    inner = _Reading(ProgramFile(path, kind, reading.file.root), reading.api)
    try:
        _READERS[kind](inner, "\n".join(line.text for line in written.lines).encode())
    except (ValueError, SyntaxError):
        # A part of a file, or a template of one.
        return
    for finding in inner.findings:
        at = written.lines[min(finding.line, len(written.lines)) - 1]
        reading.findings.append(replace(finding, path=reading.name, line=at.line, cell=at.cell))


def _judge_cells(reading: _Reading, notebook: Notebook) -> None:
    """The shell of a notebook's cells."""
    commands = "\n".join(line.text for line in notebook.shell)
    for finding in judge_script(commands, follow_from(reading.file)):
        at = notebook.shell[min(finding.line, len(notebook.shell)) - 1]
        reading.add(finding, at.line, at.cell or None)


def _read_shell(reading: _Reading, data: bytes) -> None:
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    reading.add_all(judge_script(text, follow_from(reading.file)))
    for first_line, source in find_embedded_python(text):
        judged = judge_source(source, reading.api)
        _add_module(reading, judged, lambda line, first=first_line: (line + first - 1, None))  # type: ignore[misc]
        # Its lines are not the file's.
        reading.imports = ()


def _read_yaml(reading: _Reading, data: bytes) -> None:
    _judge_settings(reading, data, ConfigurationSyntax.YAML)


def _judge_settings(reading: _Reading, data: bytes, syntax: ConfigurationSyntax) -> None:
    parts = reading.file.path.parts
    findings = judge_configuration(
        data,
        follow_from(reading.file),
        syntax,
        group=parts[-2] if len(parts) > 1 else "",
        is_workflow=parts[-3:-1] == (".github", "workflows"),
    )
    reading.add_all(findings)


def _read_toml(reading: _Reading, data: bytes) -> None:
    try:
        _judge_settings(reading, data, ConfigurationSyntax.TOML)
    except ValueError:
        # A template of one, such as cookiecutter's.
        reading.findings.clear()


def _read_ini(reading: _Reading, data: bytes) -> None:
    _judge_settings(reading, data, ConfigurationSyntax.INI)


def _read_recipes(reading: _Reading, data: bytes) -> None:
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    reading.add_all(judge_recipes(text, reading.file.path.name, follow_from(reading.file)))


def _read_document(reading: _Reading, data: bytes) -> None:
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    reading.add_all(judge_document(text, follow_from(reading.file)))


def _read_requirements(reading: _Reading, data: bytes) -> None:
    rows = enumerate(data.decode("utf-8", "replace").splitlines(), 1)
    words = [CommandWord(row.strip(), line) for line, row in rows if row.strip() and not row.strip().startswith("#")]
    reading.add_all(judge_requirements(words))


def _read_json(reading: _Reading, data: bytes) -> None:
    try:
        _judge_settings(reading, data, ConfigurationSyntax.JSON)
    except ValueError:
        # With comments, or several documents: it is no setting of those that are known.
        reading.findings.clear()


def _read_docker(reading: _Reading, data: bytes) -> None:
    reading.add_all(judge_dockerfile(data.decode("utf-8", "replace").replace("\r\n", "\n"), follow_from(reading.file)))


def _read_cuda(reading: _Reading, _data: bytes) -> None:
    reading.add_all(judge_cuda_source(reading.file.path.name))


def _read_cmake(reading: _Reading, data: bytes) -> None:
    reading.add_all(judge_cmake(data.decode("utf-8", "replace")))


def _read_makefile(reading: _Reading, data: bytes) -> None:
    reading.add_all(judge_makefile(data.decode("utf-8", "replace").replace("\r\n", "\n"), follow_from(reading.file)))


_READERS: dict[FileType, Callable[[_Reading, bytes], None]] = {
    FileType.PYTHON: _read_python,
    FileType.NOTEBOOK: _read_notebook,
    FileType.SHELL: _read_shell,
    FileType.YAML: _read_yaml,
    FileType.JSON: _read_json,
    FileType.DOCKERFILE: _read_docker,
    FileType.CUDA: _read_cuda,
    FileType.CMAKE: _read_cmake,
    FileType.MAKEFILE: _read_makefile,
    FileType.TOML: _read_toml,
    FileType.INI: _read_ini,
    FileType.RECIPES: _read_recipes,
    FileType.DOCUMENT: _read_document,
    FileType.REQUIREMENTS: _read_requirements,
}


def _split_ignored(findings: list[ProgramFinding], data: bytes) -> tuple[list[ProgramFinding], list[ProgramFinding]]:
    """Set aside what the lines themselves say to ignore: `# hac: ignore[id]` at the end of the line."""
    if b"hac:" not in data or not findings:
        return findings, []
    lines = data.decode("utf-8", "replace").split("\n")
    kept: list[ProgramFinding] = []
    ignored: list[ProgramFinding] = []
    for finding in findings:
        match = _IGNORE.search(lines[finding.line - 1]) if finding.line <= len(lines) else None
        ids = {item.strip() for item in match[1].split(",")} if match is not None and match[1] is not None else None
        is_ignored = match is not None and (ids is None or finding.id in ids)
        (ignored if is_ignored else kept).append(finding)
    return kept, ignored
