"""Reads a Dockerfile: what it starts from, and what its RUN, CMD and ENTRYPOINT lines run.

Parsed by dockerfile-parse, as the reader of requirements is; the bodies of here-documents are shell of their own.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from envtool.documents import parse_json
from envtool.language import tell
from envtool.scan.commands import CommandFinding, CommandWord, judge_variable
from envtool.scan.images import judge_image
from envtool.scan.kinds import ScanKind
from envtool.scan.launchers import judge_command
from envtool.scan.shell import judge_script
from envtool.told_kind import Severity

if TYPE_CHECKING:
    from envtool.scan.process_launch import Follow

_HERE = re.compile(r"<<-?\s*[\"']?(\w+)[\"']?")
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?[-+]([^}]*))?\}|(\w+))")
_FLAGS = re.compile(r"^(?:\s|\\\n|--[\w-]+(?:=\S+)?(?=\s))+")


def judge_dockerfile(text: str, follow: Follow) -> Iterator[CommandFinding]:
    """What a Dockerfile does that does not go here. Raises `ValueError` where it is none."""
    from dockerfile_parse import DockerfileParser

    plain, bodies = _cut_here_documents(text)
    structure = DockerfileParser(fileobj=io.BytesIO(plain.encode("utf-8", "replace"))).structure
    if not any(row["instruction"] == "FROM" for row in structure):
        raise ValueError(tell("it has no FROM"))
    rows = plain.split("\n")
    values: dict[str, tuple[str, int]] = {}
    stages: set[str] = set()
    for row in structure:
        line = row["startline"] + 1
        match row["instruction"]:
            case "ARG" | "ENV":
                for name, value in re.findall(r"(\w+)=(\"[^\"]*\"|'[^']*'|\S+)", row["value"]):
                    values[name] = (value.strip("\"'"), line)
                    if row["instruction"] == "ENV":
                        yield from judge_variable(CommandWord(f"{name}={value}", line))
            case "FROM":
                yield from _judge_from(row["value"], line, values, stages)
            case "RUN" | "CMD" | "ENTRYPOINT":
                written = "\n".join(rows[row["startline"] : row["endline"] + 1])
                yield from _judge_run(row, written, line, follow)
            case _:
                pass
    for first_line, body in bodies:
        yield from map(_harden, judge_script(body, follow, first_line))


def _judge_from(
    value: str, line: int, values: dict[str, tuple[str, int]], stages: set[str]
) -> Iterator[CommandFinding]:
    words = [word for word in value.split() if not word.startswith("--")]
    if not words:
        return
    origin = line

    def expand(match: re.Match[str]) -> str:
        nonlocal origin
        name = match[1] or match[3]
        if name in values:
            origin = values[name][1]
            return values[name][0]
        return match[2] or ""

    image = _VARIABLE.sub(expand, words[0])
    # Where an argument is the whole image, it is there that it is changed.
    is_whole = _VARIABLE.fullmatch(words[0]) is not None
    if len(words) > 2 and words[1].lower() == "as":
        stages.add(words[2])
    if image in stages:
        return
    found = judge_image(image)
    if found is not None:
        yield replace(found, line=origin if is_whole else line)


def _judge_run(row: dict[str, str], content: str, line: int, follow: Follow) -> Iterator[CommandFinding]:
    value = row["value"].strip()
    harden = row["instruction"] == "RUN"
    if value.startswith("["):
        try:
            words = [CommandWord(str(word), line) for word in parse_json(value)]
        except ValueError:
            return
        findings = (
            judge_script(words[2].text, follow, line)
            if len(words) == 3 and words[1].text in {"-c", "-lc", "-ec"}
            else judge_command(words, follow)
        )
    else:
        keyword = re.match(r"\s*\w+", content)
        body = content[keyword.end() if keyword else 0 :]
        # Lines stay where they are; comments between continued lines are none of the shell's.
        flags = _FLAGS.match(body)
        skipped = flags.end() if flags else 0
        text = "\n" * body[:skipped].count("\n") + re.sub(r"^\s*#.*$", "\\\\", body[skipped:], flags=re.MULTILINE)
        findings = judge_script(text, follow, line)
    yield from (_harden(finding) if harden else finding for finding in findings)


def _harden(finding: CommandFinding) -> CommandFinding:
    """A program that is not there ends a build."""
    return replace(finding, severity=Severity.ERROR) if finding.kind is ScanKind.NVIDIA_QUERY else finding


def _cut_here_documents(text: str) -> tuple[str, list[tuple[int, str]]]:
    """The text with comments in the place of here-documents' bodies, and the bodies of those that are run."""
    rows: list[str] = []
    bodies: list[tuple[int, str]] = []
    closing: str | None = None
    body: list[str] = []
    first = 0
    is_run = False
    for number, row in enumerate(text.splitlines(), 1):
        if closing is not None:
            if row.strip() == closing:
                closing = None
                if is_run:
                    bodies.append((first, "\n".join(body)))
            else:
                body.append(row)
            rows.append("#")
            continue
        match = _HERE.search(row) if re.match(r"\s*(?:RUN|COPY|ADD)\b", row, re.IGNORECASE) else None
        if match is not None:
            closing, body, first = match[1], [], number + 1
            before = row[: match.start()].strip()
            is_run = bool(
                re.fullmatch(r"(?i)RUN(?:\s+--\S+)*(?:\s+(?:bash|sh|/bin/bash|/bin/sh)(?:\s+-\w+)*)?", before)
            )
            row = row[: match.start()] + row[match.end() :]
            if re.fullmatch(r"(?i)\s*RUN\s*", row):
                row = "RUN true"
        rows.append(row)
    return "\n".join(rows) + "\n", bodies
