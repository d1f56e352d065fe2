"""Finds Python that a script has in it: `python -c "..."`, and a here-document that Python reads."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

from envtool.scan.accelerator_use import PYTHON
from envtool.shell_grammar import find_nodes, node_text, parse_shell


def find_embedded_python(text: str) -> Iterator[tuple[int, str]]:
    """Each source that can be parsed, with the number of its first line."""
    if "python" not in text or not ("<<" in text or " -c" in text):
        return
    root = parse_shell(text)
    for command in find_nodes(root, "command"):
        words = command.named_children
        programs = [at for at, word in enumerate(words) if PYTHON.match(PurePosixPath(node_text(word)).name)]
        if not programs:
            continue
        for option, source in zip(words[programs[0] :], words[programs[0] + 1 :], strict=False):
            if node_text(option) == "-c" and source.type in {"string", "raw_string"}:
                written = node_text(source)[1:-1]
                if source.type == "string":
                    written = written.replace('\\"', '"').replace("\\$", "$")
                yield from _keep_python(source.start_point[0] + 1, written)
    for statement in find_nodes(root, "redirected_statement"):
        body = statement.child_by_field_name("body")
        started = node_text(body).split() if body is not None else []
        # With a script of its own, Python reads the text as that script's input.
        if started and PYTHON.match(PurePosixPath(started[0]).name) and all(w.startswith("-") for w in started[1:2]):
            for document in find_nodes(statement, "heredoc_body"):
                yield from _keep_python(document.start_point[0] + 1, node_text(document))


def _keep_python(line: int, source: str) -> Iterator[tuple[int, str]]:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return
    yield line, source
