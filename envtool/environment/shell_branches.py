"""Which parts of a shell's compound command are gone through: of an `if`, of a `case`, and a loop's turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from envtool.environment.file_tree import FileTree, list_folder
from envtool.environment.shell_conditions import evaluate_test
from envtool.environment.shell_values import Scope, expand_words, is_computed
from envtool.shell_grammar import node_text

if TYPE_CHECKING:
    from tree_sitter import Node


@dataclass(frozen=True)
class Branch:
    """Nodes that may be gone through after their test. `is_certain`: no test that could fail stands before them."""

    tests: Sequence[Node]
    body: Sequence[Node]
    is_certain: bool


def test_node(node: Node, scope: Scope, exists: Callable[[str], bool]) -> bool | None:
    """Whether a command holds, where it is a test; `None` where that is not known."""
    if node.type == "negated_command":
        found = test_node(node.named_children[-1], scope, exists)
        return None if found is None else not found
    text = node_text(node) if node.type != "list" else ""
    return evaluate_test(text, scope, exists) if text.startswith(("[", "test ")) else None


def list_if_branches(node: Node, test: Callable[[Node], bool | None]) -> Iterator[Branch]:
    """The branches of an `if` that are not known to be left out."""
    is_certain = True
    for clause in (node, *(child for child in node.children if child.type in {"elif_clause", "else_clause"})):
        words = [child.type for child in clause.children]
        then = words.index("then") if "then" in words else 0
        tests = [child for child in clause.children[:then] if child.is_named]
        holds = True if clause.type == "else_clause" else test(tests[0]) if len(tests) == 1 else None
        body = [child for child in clause.children[then + 1 :] if child.type not in {"elif_clause", "else_clause"}]
        yield Branch(tests, body if holds is not False else (), is_certain and holds is True)
        if holds is True:
            return
        is_certain = is_certain and holds is False


def list_case_branches(node: Node, scope: Scope) -> Iterator[Branch]:
    """The items of a `case` that are not known to be left out."""
    subject = node.child_by_field_name("value")
    source = node_text(subject) if subject is not None else ""
    is_known = subject is not None and not is_computed(source, scope)
    value = "".join(expand_words(source, scope))
    for item in (child for child in node.named_children if child.type == "case_item"):
        end = next((number for number, child in enumerate(item.children) if child.type == ")"), 0)
        patterns = [node_text(child) for child in item.children[:end] if child.is_named]
        if not is_known:
            yield Branch((), item.children[end:], is_certain=False)
        elif any(fnmatchcase(value, "".join(expand_words(pattern, scope))) for pattern in patterns):
            yield Branch((), item.children[end:], is_certain=True)
            return


def list_loop_words(node: Node, scope: Scope, tree: FileTree) -> Sequence[str] | None:
    """The words of a `for`, with patterns of files among them; `None` where they are not known."""
    sources = [node_text(child) for child in node.children_by_field_name("value")] or ['"$@"']
    if node.type == "c_style_for_statement":
        return None
    words: list[str] = []
    for source in sources:
        if "run-parts" in source:
            # Debian lists its settings by it.
            folder = next((word.strip(")\"'") for word in reversed(source.split()) if word.startswith("/")), "/")
            words += _expand_pattern(f"{folder}/*.sh", tree)
        elif is_computed(source, scope):
            return None
        else:
            found = expand_words(source, scope)
            is_quoted = source[:1] in {"'", '"'} and source[-1:] == source[:1]
            words += found if is_quoted else [path for word in found for path in _expand_pattern(word, tree)]
    return words


def _expand_pattern(word: str, tree: FileTree) -> list[str]:
    folder, _, pattern = word.rpartition("/")
    if "*" not in pattern or "*" in folder:
        return [word]
    return [f"{folder}/{name}" for name in list_folder(tree, folder or "/") if fnmatchcase(name, pattern)]
