"""What a shell script does to the variables that decide which Python starts, and the program that it becomes.

A script is read by the shell's grammar and not run: commands in their order, as if every branch were taken and no test
failed. Functions are gone into where they are called, files where they are sourced.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from envtool.environment.shell_values import Scope, expand_words
from envtool.shell_grammar import node_text, parse_shell

if TYPE_CHECKING:
    from tree_sitter import Node

# A script that sources a script, a function that calls a function, blocks within blocks; and commands in all,
# of which another text to parse counts for many.
_DEEPEST, _MOST_COMMANDS, _COMMANDS_OF_A_TEXT = 40, 2_000, 50
_ENVIRONMENTS = "/opt/conda/envs"
_CONDAS = frozenset({"conda", "mamba", "micromamba"})
# What is neither the program that a script becomes nor anything that matters to it.
_STARTS_NOTHING = frozenset(
    """
    : . [ cat chgrp chmod chown cp date declare dirname echo exit export false grep hash id local ln ls mkdir mv popd
    printf pwd read readonly return rm sed shopt sleep source tee test touch trap true type ulimit umask wait whoami
    """.split()  # noqa: SIM905  # a list of words, which is read as one
)


@dataclass(frozen=True, kw_only=True)
class ScriptEnd:
    """How a script ends: the words of the program that it becomes, or starts last, its variables and its folder."""

    words: tuple[str, ...]
    variables: Mapping[str, str]
    folder: str


def follow_script(
    text: str,
    variables: Mapping[str, str],
    *,
    arguments: Sequence[str] = (),
    folder: str = "/",
    read: Callable[[str], str | None] = lambda _path: None,
) -> ScriptEnd:
    """Follow a script to its end. `read` has the text of a file that it sources, by its path."""
    walk = _Walk(Scope.create(variables, arguments), folder, read)
    walk.run(text, 0)
    scope = walk.end_scope or walk.scope
    return ScriptEnd(words=walk.end, variables=scope.exported(), folder=walk.end_folder or walk.folder)


@dataclass
class _Walk:
    """`end` and what goes with it are of the last program so far; `is_over` after an `exec` that no test guards."""

    scope: Scope
    folder: str
    read: Callable[[str], str | None]
    end: tuple[str, ...] = ()
    end_scope: Scope | None = None
    end_folder: str = ""
    is_over: bool = False
    functions: dict[str, Node] = field(default_factory=dict)
    activated: list[str] = field(default_factory=list)
    commands: int = 0

    def run(self, text: str, depth: int) -> None:
        self.commands += _COMMANDS_OF_A_TEXT
        self._visit_all(parse_shell(text).children, depth, is_certain=True)

    def _visit_all(self, nodes: Sequence[Node], depth: int, *, is_certain: bool) -> None:
        for node in nodes:
            if self.is_over or depth > _DEEPEST or self.commands > _MOST_COMMANDS:
                return
            self._visit(node, depth + 1, is_certain=is_certain)

    def _visit(self, node: Node, depth: int, *, is_certain: bool) -> None:
        match node.type:
            case "command" | "declaration_command" | "unset_command":
                self._execute(node, depth, is_certain=is_certain)
            case "variable_assignment" | "variable_assignments":
                self._assign(node)
            case "function_definition":
                body, name = node.child_by_field_name("body"), node.child_by_field_name("name")
                if body is not None and name is not None:
                    self.functions[node_text(name)] = body
            case "redirected_statement":
                body = node.child_by_field_name("body")
                self._visit_all([body] if body is not None else [], depth, is_certain=is_certain)
            case "subshell":
                kept, self.scope = self.scope, self.scope.copy()
                folder = self.folder
                self._visit_all(node.children, depth, is_certain=is_certain)
                self.scope, self.folder = kept, folder
            case "pipeline":
                # Of several, the one that feeds the others: `python train.py | tee log`.
                self._visit_all(node.named_children[:1], depth, is_certain=False)
            case "list" | "compound_statement" | "do_group" | "negated_command":
                is_plain = node.type == "compound_statement"
                self._visit_all(node.children, depth, is_certain=is_certain and is_plain)
            case "if_statement" | "elif_clause" | "else_clause" | "case_statement" | "case_item" | "while_statement":
                self._visit_all(node.children, depth, is_certain=False)
            case "for_statement" | "c_style_for_statement":
                body = node.child_by_field_name("body")
                self._visit_all([body] if body is not None else [], depth, is_certain=False)
            case _:
                pass

    def _assign(self, node: Node) -> None:
        for found in node.children if node.type == "variable_assignments" else [node]:
            if found.type == "variable_assignment":
                self._assign_one(found, self.scope)

    def _assign_one(self, node: Node, scope: Scope, *, is_export: bool = False) -> None:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is None:
            return
        if value is not None and value.type == "array":
            words = [word for item in value.named_children for word in expand_words(node_text(item), scope)]
            scope.arrays[node_text(name)] = words
            return
        text = " ".join(expand_words(node_text(value), scope)) if value is not None else ""
        if any(child.type == "+=" for child in node.children):
            text = scope.get(node_text(name)) + text
        scope.set(node_text(name), text, is_export=is_export)

    def _execute(self, node: Node, depth: int, *, is_certain: bool) -> None:
        """A command: what it sets, where it goes on, or the program that it starts."""
        self.commands += 1
        if node.type == "declaration_command":
            self._declare(node)
            return
        if node.type == "unset_command":
            for name in node.named_children:
                self.scope.unset(node_text(name))
            return
        scope, words = self.scope, []
        before = [child for child in node.children if child.type == "variable_assignment"]
        if before:
            # For this one command.
            scope = self.scope.copy()
            for child in before:
                self._assign_one(child, scope, is_export=True)
        for child in node.named_children:
            if child.type not in {"variable_assignment", "file_redirect", "herestring_redirect", "heredoc_redirect"}:
                words += expand_words(node_text(child), self.scope)
        if words and not self._run_builtin(words, depth) and words[0] not in _STARTS_NOTHING:
            self.end, self.end_scope, self.end_folder = tuple(words), scope.copy(), self.folder
            self.is_over = is_certain and words[0] == "exec"

    def _declare(self, node: Node) -> None:
        words = [node_text(child) for child in node.children if child.type != "variable_assignment"]
        is_export = words[0] == "export" or (
            words[0] in {"declare", "typeset"} and any("x" in word for word in words[1:2])
        )
        for child in node.children:
            if child.type == "variable_assignment":
                self._assign_one(child, self.scope, is_export=is_export)
            elif child.type == "variable_name" and is_export:
                self.scope.export(node_text(child))

    def _run_builtin(self, words: list[str], depth: int) -> bool:
        """Do what a shell does itself, as far as it matters; whether it was that."""
        name, rest = words[0], words[1:]
        if name in self.functions:
            kept = self.scope.arguments
            self.scope.arguments = rest
            # A function that ends in `exec` may have been called for one of several reasons.
            self._visit_all([self.functions[name]], depth, is_certain=False)
            self.scope.arguments = kept
        elif name == "cd" and rest:
            self.folder = _join(self.folder, rest[-1])
        elif name == "shift":
            count = int(rest[0]) if rest and rest[0].isdigit() else 1
            self.scope.arguments = self.scope.arguments[count:]
        elif name == "set":
            self._set_options(rest)
        elif name in {"source", "."} and rest:
            self._source(rest, depth)
        elif name in _CONDAS and rest[:1] == ["activate"]:
            self._activate_conda(rest[1:])
        elif name == "deactivate" or (name in _CONDAS and rest[:1] == ["deactivate"]):
            self._deactivate()
        elif name == "eval" and not any("$(" in word or "`" in word for word in rest):
            self.run(" ".join(rest), depth)
        else:
            return name == "eval"
        return True

    def _set_options(self, words: list[str]) -> None:
        for number, word in enumerate(words):
            if word == "--":
                self.scope.arguments = words[number + 1 :]
                return
            is_all = word[1:] == "a" or words[number - 1 : number + 1] in (["-o", "allexport"], ["+o", "allexport"])
            if is_all:
                sign = word if word[1:] == "a" else words[number - 1]
                self.scope.exports_all = sign.startswith("-")

    def _source(self, words: list[str], depth: int) -> None:
        path = words[0]
        if path.endswith("/bin/activate"):
            self._activate(_join(self.folder, path.removesuffix("/bin/activate")))
        elif path == "activate" and "/" not in path:
            self._activate_conda(words[1:])
        elif (text := self.read(_join(self.folder, path))) is not None:
            self.run(text, depth)

    def _activate_conda(self, words: list[str]) -> None:
        named = next((word for word in words if not word.startswith("-")), "")
        if named:
            self._activate(named if "/" in named else f"{_ENVIRONMENTS}/{named}")

    def _activate(self, folder: str) -> None:
        if folder.startswith("/"):
            self.activated.append(self.scope.get("PATH"))
            self.scope.set("PATH", f"{folder}/bin:{self.scope.get('PATH')}", is_export=True)

    def _deactivate(self) -> None:
        if self.activated:
            self.scope.set("PATH", self.activated.pop(), is_export=True)


def _join(folder: str, name: str) -> str:
    return name if name.startswith("/") else f"{folder.rstrip('/')}/{name}"
