"""Which commands of a script run at the same time: behind `&`, in a loop, in windows of tmux and screen."""

from __future__ import annotations

import re
from bisect import bisect
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from envtool.scan.accelerator_use import make_concurrent, uses_accelerator
from envtool.scan.commands import CommandFinding, CommandWord
from envtool.shell_grammar import node_text

if TYPE_CHECKING:
    from tree_sitter import Node

_LOOPS = frozenset({"for_statement", "while_statement", "c_style_for_statement", "until_statement"})
_DETACHING = {
    "tmux": re.compile(r"^(?:new|new-session|neww|new-window|splitw|split-window|send|send-keys)$"),
    "screen": re.compile(r"^-d[mM]\w*$"),
}


class Concurrency:
    """What a script starts without waiting for it, while the script is read."""

    def __init__(self) -> None:
        self._functions: set[str] = set()
        # Where a block waits, by where it begins.
        self._waits: dict[int, list[int]] = {}
        # Stretches of a script between two waits, each with the programs that are started there.
        self._started: dict[tuple[int, int], list[tuple[CommandWord, bool]]] = defaultdict(list)

    def note(self, node: Node, words: Sequence[CommandWord]) -> None:
        """A command, in the order of the script."""
        if not words:
            return
        inner = _read_detached(words)
        uses = uses_accelerator(inner or words) or words[0].text in self._functions
        if not uses:
            return
        started = node if inner else _find_background(node)
        function = _find_above(node, {"function_definition"})
        if started is None:
            name = function.child_by_field_name("name") if function is not None else None
            if name is not None:
                self._functions.add(node_text(name))
            return
        started = _leave_redirections(started)
        self._started[self._find_stretch(started)].append((words[0], _is_in_loop(started)))

    def _find_stretch(self, node: Node) -> tuple[int, int]:
        """The block that a statement stands in, and how often it waited before."""
        parent = node.parent
        if parent is None:
            return (0, 0)
        if parent.id not in self._waits:
            self._waits[parent.id] = [child.start_byte for child in parent.named_children if _waits(child)]
        return (parent.id, bisect(self._waits[parent.id], node.start_byte))

    def judge(self) -> Iterator[CommandFinding]:
        """What of it runs at the same time as another."""
        for programs in self._started.values():
            if len(programs) > 1 or any(loops for _, loops in programs):
                for word, _ in programs:
                    yield make_concurrent(word.line, "&")


def _read_detached(words: Sequence[CommandWord]) -> list[CommandWord]:
    """The command that tmux or screen runs in a window of its own; empty where it is none."""
    at = next((at for at, word in enumerate(words) if PurePosixPath(word.text).name in _DETACHING), None)
    if at is None:
        return []
    pattern = _DETACHING[PurePosixPath(words[at].text).name]
    if not any(pattern.match(word.text) for word in words[at + 1 :]):
        return []
    return [CommandWord(part, word.line) for word in words[at + 1 :] for part in re.split(r"[\s;&|]+", word.text)]


def _find_background(node: Node) -> Node | None:
    """The statement around a command that stands before `&`; `None` where the script waits for it."""
    current: Node | None = node
    while current is not None and current.type != "function_definition":
        following = current.next_sibling
        if following is not None and following.type == "&":
            return current
        current = current.parent
    return None


def _leave_redirections(node: Node) -> Node:
    while node.parent is not None and node.parent.type in {"redirected_statement", "list", "pipeline"}:
        node = node.parent
    return node


def _find_above(node: Node, types: set[str]) -> Node | None:
    current = node.parent
    while current is not None and current.type not in types:
        current = current.parent
    return current


def _is_in_loop(node: Node) -> bool:
    """Whether a loop starts a statement again before the one before has ended."""
    current: Node | None = node
    while current is not None and current.type != "function_definition":
        parent = current.parent
        if parent is not None and parent.type == "do_group" and not any(map(_waits, parent.named_children)):
            return True
        current = parent
    return False


def _waits(node: Node) -> bool:
    """`wait`, for all or for one that was told; `wait -n` goes on when any has ended."""
    if node.type != "command":
        return False
    words = node_text(node).split()
    return words[:1] == ["wait"] and "-n" not in words
