"""Reads shell: scripts, RUN lines, and cells of notebooks that begin with `!`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from envtool.scan.cluster import add_tasks, judge_directives, read_tasks
from envtool.scan.commands import UNKNOWN, VISIBLE, CommandFinding, CommandWord, judge_variable
from envtool.scan.concurrency import Concurrency
from envtool.scan.launchers import judge_command
from envtool.shell_grammar import find_nodes, node_text, parse_shell

if TYPE_CHECKING:
    from tree_sitter import Node

    from envtool.scan.process_launch import Follow

_COMMAND = re.compile(
    r"^\s*(?:uv run |sudo |nohup |exec |env |\w+=\S+ )*(?:\S*torchrun\b|accelerate launch\b|deepspeed\b|"
    r"horovodrun\b|mpirun\b|\S*python\S* .*torch\.distributed\.)"
)
_SEQUENCE = re.compile(r"\$\(\s*seq\s+(?:(\d+)\s+)?(\d+)\s*\)|`seq\s+(?:(\d+)\s+)?(\d+)`|\{(\d+)\.\.(\d+)\}")
# Programs that run what they are given as a script.
_SHELLS = frozenset({"bash", "sh", "zsh", "ssh", "sbatch", "qsub", "bsub"})
_SCRIPT = re.compile(r"\.(?:sh|bash|slurm|sbatch)$")
_ARRAY = re.compile(r'"?\$\{(\w+)\[[@*]\]\}"?')
_ESCAPE = re.compile(r"\\(?:\n|(.))", re.DOTALL)


def judge_script(text: str, follow: Follow, first_line: int = 1) -> Iterator[CommandFinding]:
    """What a script does that does not go here. `first_line` is the number of its first line."""
    yield from _Script(follow, first_line).judge(parse_shell(text))


class _Script:
    """A script while it is read: its variables, as far as they are constants."""

    def __init__(self, follow: Follow, first_line: int) -> None:
        self._follow = follow
        self._offset = first_line
        self._variables: dict[str, str] = {}
        self._loops: dict[str, str] = {}
        self._tasks = ""

    def judge(self, root: Node) -> Iterator[CommandFinding]:
        text = node_text(root)
        self._tasks = read_tasks(text)
        yield from judge_directives(text, self._offset)
        concurrency = Concurrency()
        waiting = [root]
        while waiting:
            node = waiting.pop()
            match node.type:
                case "command":
                    words = self._read_command(node)
                    concurrency.note(node, words)
                    yield from judge_command(words, self._follow)
                case "heredoc_body":
                    yield from self._judge_here_document(node)
                case "variable_assignment":
                    # One before a command is a part of that command.
                    if node.parent is None or node.parent.type != "command":
                        yield from self._assign(node)
                case "for_statement":
                    self._begin_loop(node)
                case _:
                    pass
            waiting += reversed(node.children)
        yield from concurrency.judge()

    def _judge_here_document(self, node: Node) -> Iterator[CommandFinding]:
        """A text that a shell runs, here or elsewhere, or that becomes a script."""
        statement = node.parent.parent if node.parent is not None else None
        command = statement.child_by_field_name("body") if statement is not None else None
        if statement is None or command is None:
            return
        words = node_text(command).split()
        targets = [node_text(item) for item in find_nodes(statement, "file_redirect")]
        if words[:1] and (
            words[0] in _SHELLS or (words[0] in {"cat", "tee"} and any(map(_SCRIPT.search, [*targets, *words])))
        ):
            yield from judge_script(node_text(node), self._follow, self._line(node))

    def _begin_loop(self, node: Node) -> None:
        """A loop's variable has several values; which, is kept for variables that name devices."""
        name = self._field(node, "variable")
        self._variables.pop(name, None)
        values = []
        for item in node.children_by_field_name("value"):
            match = _SEQUENCE.fullmatch(node_text(item))
            if match is not None:
                numbers = [int(number) for number in match.groups() if number is not None]
                # `seq 4` begins with one. More devices than these have nobody.
                first, last = (numbers[0] if len(numbers) > 1 else 1), numbers[-1]
                values += [str(number) for number in range(first, min(last, first + 64) + 1)]
            else:
                values.append(self._expand(item))
        self._loops[name] = ",".join(values)

    def _assign(self, node: Node) -> Iterator[CommandFinding]:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is None:
            return
        text = self._expand(value) if value is not None else ""
        key = node_text(name)
        yield from judge_variable(CommandWord(f"{key}={text}", self._line(node)))
        if value is not None and value.type == "array":
            text = " ".join(self._expand(item) for item in value.named_children)
            if any(word in text for word in ("torchrun", "torch.distributed", "accelerate", "deepspeed")):
                words = [CommandWord(self._expand(item), self._line(item)) for item in value.named_children]
                yield from judge_command(words, self._follow)
        elif value is not None and _COMMAND.search(text) and " " in text.strip():
            # A command that is put together first, and run later.
            line = self._line(value)
            words = [
                CommandWord(part, line + at)
                for at, row in enumerate(node_text(value).split("\n"))
                for part in row.split()
            ]
            texts = text.split()
            lines = [word.line for word in words] if len(words) == len(texts) else [line] * len(texts)
            yield from judge_command(
                [CommandWord(part, at) for part, at in zip(texts, lines, strict=True)], self._follow
            )
            text = UNKNOWN
        # A second value, in a branch or loop, makes it unknown.
        self._variables[key] = text if self._variables.get(key, text) == text else UNKNOWN

    def _read_command(self, node: Node) -> list[CommandWord]:
        words = self._read_words(node)
        add_tasks(words, self._tasks)
        return words

    def _read_words(self, node: Node) -> list[CommandWord]:
        words: list[CommandWord] = []
        for child in node.named_children:
            if child.type in {"file_redirect", "herestring_redirect", "heredoc_redirect", "comment"}:
                continue
            text = self._expand(child)
            # A variable may hold a whole command, or several options.
            array = _ARRAY.fullmatch(node_text(child))
            if array is not None:
                words += [
                    CommandWord(part, self._line(child)) for part in self._variables.get(array[1], UNKNOWN).split()
                ]
            elif (
                child.type == "simple_expansion"
                or (child.type == "command_name" and " " in text and "'" not in text)
                or (child.type == "expansion" and " " in text)
            ):
                words += [CommandWord(part, self._line(child)) for part in text.split()]
            else:
                words.append(CommandWord(text, self._line(child)))
        return words

    def _line(self, node: Node) -> int:
        return node.start_point[0] + self._offset

    @staticmethod
    def _field(node: Node, name: str) -> str:
        found = node.child_by_field_name(name)
        return node_text(found) if found is not None else ""

    def _expand(self, node: Node, depth: int = 0) -> str:
        """What a word comes to; `UNKNOWN` stands for what only the run will know."""
        if depth > 20:
            return UNKNOWN
        match node.type:
            case (
                "word"
                | "number"
                | "string_content"
                | "heredoc_body"
                | "variable_name"
                | "extglob_pattern"
                | "special_variable_name"
            ):
                return _ESCAPE.sub(lambda match: match[1] or "", node_text(node))
            case "raw_string":
                return node_text(node)[1:-1]
            case "ansi_c_string":
                return node_text(node)[2:-1]
            case "simple_expansion":
                return self._variables.get(node_text(node)[1:], UNKNOWN)
            case "expansion":
                return self._expand_braces(node_text(node)[2:-1])
            case "command_name" | "concatenation" | "string" | "translated_string":
                return self._join(node, depth)
            case "variable_assignment":
                return self._expand_assignment(node, depth)
            case '"' | "'":
                return ""
            case _:
                return UNKNOWN

    def _expand_assignment(self, node: Node, depth: int) -> str:
        name, value = self._field(node, "name"), node.child_by_field_name("value")
        if value is None:
            return f"{name}="
        used = node_text(value).strip('"${}')
        text = self._loops[used] if name in VISIBLE and used in self._loops else self._expand(value, depth + 1)
        return f"{name}={text}"

    def _join(self, node: Node, depth: int) -> str:
        if not node.children:
            return node_text(node)
        return "".join(self._expand(child, depth + 1) for child in node.children)

    def _expand_braces(self, text: str) -> str:
        match = re.fullmatch(r"(\w+)(?::?[-=](.*))?", text, re.DOTALL)
        if match is None:
            return UNKNOWN
        name, default = match[1], match[2]
        if name in self._variables:
            return self._variables[name]
        # A default is what is used where nobody says otherwise.
        return (
            default.strip("\"'")
            if default and "$" not in default and name.isidentifier() and not name.isdecimal()
            else UNKNOWN
        )
