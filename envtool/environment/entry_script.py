"""What a shell script does to the variables that decide which Python starts, and the program that it becomes.

A script is read by the shell's grammar and not run: commands in their order, as if every branch were taken whose test
is not known to fail. Functions are gone into where they are called, files where they are sourced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.environment.activation import Activations
from envtool.environment.conda_environments import CONDAS, USUAL_ROOT
from envtool.environment.file_tree import DiskTree, FileTree, find_program, follow_links, join_path, read_tree_text
from envtool.environment.shell_branches import (
    Branch,
    list_case_branches,
    list_if_branches,
    list_loop_words,
    test_node,
)
from envtool.environment.shell_values import CONDA_HOOK, Scope, expand_words
from envtool.shell_grammar import node_text, parse_shell

if TYPE_CHECKING:
    from tree_sitter import Node

# A script that sources a script, a function that calls a function, blocks within blocks; and commands in all,
# of which another text to parse counts for many.
_DEEPEST, _MOST_COMMANDS, _COMMANDS_OF_A_TEXT = 40, 2_000, 50
# As many turns of a loop as a folder of settings has files.
_MOST_TURNS = 60
_NO_FILES = DiskTree(Path("/nowhere"))
# What is neither the program that a script becomes nor anything that matters to it.
_STARTS_NOTHING = frozenset(
    """
    : . [ alias cat chgrp chmod chown complete cp date declare dircolors dirname echo exit export false grep hash id
    local ln ls mesg mkdir mv popd printf pwd read readonly return rm sed set shopt sleep source stty tee test touch
    trap true type ulimit umask unalias unset wait whoami
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
    arguments: Sequence[str] | None = (),
    folder: str = "/",
    tree: FileTree = _NO_FILES,
    path: str = "",
    startup: Sequence[tuple[str, str]] = (),
    own: Mapping[str, str] | None = None,
) -> ScriptEnd:
    """Follow a script to its end. `tree` has the files that it sources, `path` is where the script is.

    Without `arguments`, nobody knows them. The shell reads the files of `startup` first, paths and texts; `own` are
    variables that it sets itself.
    """
    scope = Scope.create(variables, arguments or ())
    scope.knows_arguments = arguments is not None
    scope.script, scope.folder = path, folder
    for name, value in (own or {}).items():
        if name == "-":
            scope.special[name] = value
        else:
            scope.set(name, value)
    walk = _Walk(scope, tree)
    for name, each in startup:
        scope.script = name
        walk.run(each, 0, is_certain=False)
    scope.script = path
    walk.forget_end()
    walk.run(text, 0)
    scope = walk.end_scope if walk.end_scope is not None else walk.scope
    return ScriptEnd(words=walk.end, variables=scope.exported(), folder=scope.folder)


@dataclass
class _Walk:
    """`end` and `end_scope` are of the last program so far; `is_over` after an `exec` that no test guards.

    `is_returned`: a file that is sourced is at its end. `is_sure`: no test guards the file itself.
    """

    scope: Scope
    tree: FileTree
    end: tuple[str, ...] = ()
    end_scope: Scope | None = None
    is_over: bool = False
    is_returned: bool = False
    is_sure: bool = True
    functions: dict[str, Node] = field(default_factory=dict)
    commands: int = 0

    def __post_init__(self) -> None:
        self.activations = Activations(self.tree)

    def forget_end(self) -> None:
        """What a shell starts while it reads its settings is not what it becomes."""
        self.end, self.end_scope = (), None

    def run(self, text: str, depth: int, *, is_certain: bool = True) -> None:
        """Go through a file's text, or one that is evaluated."""
        self.commands += _COMMANDS_OF_A_TEXT
        kept, self.is_sure = self.is_sure, self.is_sure and is_certain
        self._visit_all(parse_shell(text).children, depth, is_certain=True)
        self.is_sure, self.is_returned = kept, False

    def _visit_all(self, nodes: Sequence[Node], depth: int, *, is_certain: bool) -> None:
        for node in nodes:
            if self.is_over or self.is_returned or depth > _DEEPEST or self.commands > _MOST_COMMANDS:
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
                self._visit_all(node.children, depth, is_certain=is_certain)
                self.scope = kept
            case "pipeline":
                # Of several, the one that feeds the others: `python train.py | tee log`.
                self._visit_all(node.named_children[:1], depth, is_certain=False)
            case "compound_statement" | "do_group":
                self._visit_all(node.children, depth, is_certain=is_certain)
            case "list":
                self._visit_list(node, depth, is_certain=is_certain)
            case "negated_command":
                self._visit_all(node.children, depth, is_certain=False)
            case "if_statement":
                self._visit_branches(list_if_branches(node, self._test), depth, is_certain=is_certain)
            case "case_statement":
                self._visit_branches(list_case_branches(node, self.scope), depth, is_certain=is_certain)
            case "while_statement" | "elif_clause" | "else_clause" | "case_item":
                self._visit_all(node.children, depth, is_certain=False)
            case "for_statement" | "c_style_for_statement":
                self._visit_loop(node, depth)
            case _:
                pass

    def _visit_list(self, node: Node, depth: int, *, is_certain: bool) -> None:
        """`A && B` and `A || B`."""
        first, second = node.named_children[0], node.named_children[-1]
        holds = self._test(first)
        self._visit_all([first], depth, is_certain=is_certain)
        is_and = any(child.type == "&&" for child in node.children)
        if holds is None or holds is is_and:
            self._visit_all([second], depth, is_certain=is_certain and holds is not None)

    def _test(self, node: Node) -> bool | None:
        return test_node(node, self.scope, self._exists)

    def _exists(self, path: str) -> bool:
        return follow_links(self.tree, join_path(self.scope.folder, path)) is not None

    def _visit_branches(self, branches: Iterable[Branch], depth: int, *, is_certain: bool) -> None:
        for branch in branches:
            self._visit_all(branch.tests, depth, is_certain=False)
            self._visit_all(branch.body, depth, is_certain=is_certain and branch.is_certain)

    def _visit_loop(self, node: Node, depth: int) -> None:
        body, name = node.child_by_field_name("body"), node.child_by_field_name("variable")
        words = list_loop_words(node, self.scope, self.tree)
        for word in words[:_MOST_TURNS] if words is not None else [""]:
            if name is not None and words is not None:
                self.scope.set(node_text(name), word)
            self._visit_all([body] if body is not None else [], depth, is_certain=False)

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
        if words[:1] in (["return"], ["exit"]) and is_certain:
            self.is_returned = True
            self.is_over = words[0] == "exit" and self.is_sure
        elif words and not self._run_builtin(words, depth, is_certain=is_certain) and words[0] not in _STARTS_NOTHING:
            self.end, self.end_scope = tuple(words), scope.copy()
            self.is_over = is_certain and self.is_sure and words[0] == "exec"

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

    def _run_builtin(self, words: list[str], depth: int, *, is_certain: bool) -> bool:
        """Do what a shell does itself, as far as it matters; whether it was that."""
        name, rest = words[0], words[1:]
        if name in self.functions:
            kept = self.scope.arguments
            self.scope.arguments = rest
            # A function that ends in `exec` may have been called for one of several reasons.
            self._visit_all([self.functions[name]], depth, is_certain=False)
            self.scope.arguments = kept
        elif name == "cd" and rest:
            self.scope.folder = join_path(self.scope.folder, rest[-1])
        elif name == "shift":
            count = int(rest[0]) if rest and rest[0].isdigit() else 1
            self.scope.arguments = self.scope.arguments[count:]
        elif name == "set":
            self._set_options(rest)
        elif name in {"source", "."} and rest:
            self._source(rest, depth, is_certain=is_certain)
        elif name in CONDAS and rest[:1] in (["activate"], ["deactivate"]):
            self._change_conda(words, depth)
        elif name == "deactivate":
            self.activations.deactivate(self.scope)
        elif name == "eval":
            self._evaluate(" ".join(rest), depth, is_certain=is_certain)
        else:
            return False
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

    def _evaluate(self, text: str, depth: int, *, is_certain: bool) -> None:
        if text.startswith(CONDA_HOOK):
            program = text.removeprefix(CONDA_HOOK).partition(" ")[0]
            found = find_program(self.tree, program, self.scope.values) if program else None
            self._run_all(self.activations.take_hook(self.scope, found or program), depth)
        elif text:
            self.run(text, depth, is_certain=is_certain)
        else:
            # Of what a program has written nothing is known.
            self.activations.has_hook = True

    def _run_all(self, texts: Iterable[str], depth: int) -> None:
        for text in texts:
            self.run(text, depth, is_certain=False)

    def _source(self, words: list[str], depth: int, *, is_certain: bool) -> None:
        path = join_path(self.scope.folder, words[0])
        if words[0] == "activate":
            # conda's, which is on PATH.
            found = find_program(self.tree, words[0], self.scope.values) or f"{USUAL_ROOT}/bin/activate"
            self._run_all(self.activations.activate_script(self.scope, found, words[1:]), depth)
            return
        if path.endswith("/bin/activate"):
            self._run_all(self.activations.activate_script(self.scope, path, words[1:]), depth)
            return
        if self.activations.take_source(path):
            return
        text = read_tree_text(self.tree, path)
        if text is not None:
            script, self.scope.script = self.scope.script, path
            self.run(text, depth, is_certain=is_certain)
            self.scope.script = script

    def _change_conda(self, words: list[str], depth: int) -> None:
        program = find_program(self.tree, words[0], self.scope.values)
        if not self.activations.knows_conda(program):
            return
        if words[1] == "activate":
            self._run_all(self.activations.activate_conda(self.scope, words[2:], program or ""), depth)
        else:
            self.activations.deactivate(self.scope)
