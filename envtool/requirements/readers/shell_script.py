"""Walks through a shell script as a shell would, and hands each simple command to whoever wants to know.

Nothing runs. Every branch is taken, every loop goes over the words that are known, functions are entered. Variables,
the working folder and texts that pipes and here-documents carry are followed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from envtool.requirements.readers.shell_words import Word, WordReader
from envtool.shell_grammar import node_text, parse_shell

if TYPE_CHECKING:
    from tree_sitter import Node

# `.[$A,$B]`, extras in variables, which the grammar takes for an arithmetic index.
_BRACKETED = re.compile(r"(?<=[\[,])\$([A-Za-z_]\w*)(?=[,\]])")
# Values of a loop that are gone through, and how deeply scripts may be nested.
_VALUES, _DEPTH = 40, 24
_NESTED = frozenset(
    {"program", "list", "compound_statement", "if_statement", "elif_clause", "else_clause", "while_statement"}
    | {"do_group", "negated_command", "case_item", "case_statement", "ERROR", "c_style_for_statement"}
)


@dataclass(frozen=True, kw_only=True)
class Redirection:
    """A file that a command writes."""

    path: Word
    is_appended: bool


@dataclass(frozen=True, kw_only=True)
class ShellCommand:
    """A simple command. `variables` are what it sees; `input` is the text on its standard input, where that is known.

    `piped_from` are the words of the command before it in a pipe.
    """

    words: tuple[Word, ...]
    source: str
    variables: dict[str, str | None]
    folder: str
    input: str | None = None
    piped_from: tuple[Word, ...] = ()
    outputs: tuple[Redirection, ...] = ()

    @property
    def texts(self) -> list[str]:
        """The words' texts."""
        return [word.text for word in self.words]


@dataclass
class StepBudget:
    """How many more steps of a script are followed: loops in loops, and functions that call themselves, have an end."""

    left: int = 20_000


@dataclass(kw_only=True)
class ShellState:
    """What a script has set so far. `budget` is shared by all that it starts."""

    variables: dict[str, str | None] = field(default_factory=dict)
    folder: str = "/"
    functions: dict[str, Node] = field(default_factory=dict)
    budget: StepBudget = field(default_factory=StepBudget)


# Is told of each command and gives the text that it prints, or `None` where that is not known.
Execute = Callable[[ShellCommand, ShellState, int], "str | None"]


@dataclass
class ShellWalk:
    """One walk through a script. `depth` is how many scripts it is nested in."""

    state: ShellState
    execute: Execute
    depth: int = 0

    def run(self, text: str) -> str | None:
        """Go through a script; the text that its last command prints."""
        return self._visit(parse_shell(_BRACKETED.sub(r"${\1}", text)))

    def _visit(self, node: Node, input: str | None = None, piped: tuple[Word, ...] = ()) -> str | None:
        if self.depth > _DEPTH:
            self.state.budget.left = 0
        if self.state.budget.left <= 0:
            return None
        self.state.budget.left -= 1
        self.depth += 1
        try:
            return self._visit_one(node, input, piped)
        finally:
            self.depth -= 1

    def _visit_one(self, node: Node, input: str | None, piped: tuple[Word, ...]) -> str | None:
        match node.type:
            case "command" | "redirected_statement":
                return self._run_command(node, input, piped)
            case "pipeline":
                return self._run_pipe(node, input, piped)
            case "list" if input is not None or piped:
                # The grammar has `a | b && c` as a pipe into all of `b && c`; a shell gives it to the first.
                first, *others = node.named_children
                printed = self._visit(first, input, piped)
                for child in others:
                    printed = self._visit(child)
                return printed
            case "subshell":
                inner = ShellWalk(replace(self.state, variables=dict(self.state.variables)), self.execute, self.depth)
                return inner._visit_all(node)
            case "for_statement":
                return self._run_loop(node)
            case "function_definition":
                self.state.functions[node_text(node.children_by_field_name("name")[0])] = node
                return None
            case "variable_assignment" | "variable_assignments":
                self._assign(node)
            case "declaration_command":
                for child in node.children:
                    if child.type == "variable_assignment":
                        self._assign(child)
            case "unset_command":
                for child in node.named_children:
                    self.state.variables.pop(node_text(child), None)
            case kind if kind in _NESTED:
                return self._visit_all(node)
            case _:
                pass
        return None

    def _visit_all(self, node: Node) -> str | None:
        printed = [self._visit(child) for child in node.named_children if child.type != "comment"]
        return None if any(text is None for text in printed) else "".join(text or "" for text in printed)

    @property
    def _words(self) -> WordReader:
        return WordReader(self.state.variables, self._read_output)

    def _read_output(self, node: Node) -> str | None:
        inner = ShellWalk(replace(self.state, variables=dict(self.state.variables)), self.execute, self.depth + 1)
        return inner._visit_all(node)

    def _assign(self, node: Node) -> None:
        if node.type == "variable_assignments":
            for child in node.named_children:
                self._assign(child)
            return
        name, value = self._read_assignment(node)
        before = self.state.variables.get(name) if "+=" in node_text(node).split("\n")[0] else ""
        self.state.variables[name] = None if value is None or before is None else before + value

    def _read_assignment(self, node: Node) -> tuple[str, str | None]:
        name = node_text(node.named_children[0]) if node.named_children else ""
        value = node.child_by_field_name("value")
        if value is None:
            return name, ""
        if value.type == "array":
            words = [word for child in value.named_children for word in self._words.expand(child)]
            # `${A[@]}` is read as the words behind each other.
            return name, " ".join(word.text for word in words) if all(word.is_known for word in words) else None
        word = self._words.join(value)
        return name, word.text if word.is_known else None

    def _run_loop(self, node: Node) -> str | None:
        name = node_text(node.named_children[0])
        body = node.child_by_field_name("body")
        values = [word for child in node.children_by_field_name("value") for word in self._words.expand(child)]
        for word in values[:_VALUES] or [Word("", False)]:
            self.state.variables[name] = word.text if word.is_known else None
            if body is not None:
                self._visit(body)
        return None

    def _run_pipe(self, node: Node, text: str | None, piped: tuple[Word, ...]) -> str | None:
        for child in node.named_children:
            if child.type == "comment":
                continue
            text = self._visit(child, text, piped)
            inner = child.child_by_field_name("body") if child.type == "redirected_statement" else child
            if inner is not None and inner.type == "command":
                piped = tuple(self._expand_all(inner))
        return text

    def _expand_all(self, node: Node) -> list[Word]:
        return [
            word
            for child in node.children
            if child.type not in {"variable_assignment", "file_redirect", "herestring_redirect", "heredoc_redirect"}
            for word in self._expand_one(child.children[0] if child.type == "command_name" else child)
        ]

    def _expand_one(self, node: Node) -> list[Word]:
        if node.type != "process_substitution" or not node_text(node).startswith("<("):
            return self._words.expand(node)
        text = self._read_output(node)
        if text is None:
            return self._words.expand(node)
        # A file that has what the commands print.
        path = Word(f"/dev/fd/{node.start_byte}")
        command = ShellCommand(
            words=(Word("cat"),),
            source=node_text(node),
            variables={},
            folder=self.state.folder,
            input=text,
            outputs=(Redirection(path=path, is_appended=False),),
        )
        self.execute(command, self.state, self.depth)
        return [path]

    def _run_command(self, node: Node, input: str | None, piped: tuple[Word, ...]) -> str | None:
        body, redirects = node, [child for child in node.children if child.type.endswith("_redirect")]
        if node.type == "redirected_statement":
            found = node.child_by_field_name("body")
            while found is not None and found.type == "list" and found.named_children:
                # The grammar has `a && b > f` as a block; a shell gives the file to the last of it.
                *first, found = found.named_children
                for child in first:
                    self._visit(child, input, piped)
            if found is None or found.type != "command":
                # A block whose output goes to a file: what it prints is that file's text.
                printed = self._visit(found, input, piped) if found is not None else ""
                self._tell((), node, redirects, printed)
                return self._visit_later(redirects, None)
            body = found
            redirects += [child for child in body.children if child.type.endswith("_redirect")]
        words = self._expand_all(body)
        for child in redirects:
            if child.type == "heredoc_redirect":
                heredoc = next((item for item in child.children if item.type == "heredoc_body"), None)
                input = self._read_heredoc(child, heredoc)
                words += [
                    word for item in child.children_by_field_name("argument") for word in self._words.expand(item)
                ]
            elif child.type == "herestring_redirect" and child.named_children:
                word = self._words.join(child.named_children[-1])
                input = word.text + "\n" if word.is_known else None
        variables = dict(self.state.variables)
        variables |= dict(
            self._read_assignment(child) for child in body.children if child.type == "variable_assignment"
        )
        command = ShellCommand(
            words=tuple(words),
            source=node_text(node),
            variables=variables,
            folder=self.state.folder,
            input=input,
            piped_from=piped,
            outputs=tuple(self._list_outputs(redirects)),
        )
        function = self.state.functions.get(words[0].text) if words else None
        printed = (
            self._call(function, words[1:]) if function is not None else self.execute(command, self.state, self.depth)
        )
        return self._visit_later(redirects, printed)

    def _visit_later(self, redirects: list[Node], printed: str | None) -> str | None:
        """What stands behind a here-document's name on its line belongs to that in the tree."""
        for child in redirects:
            for later in child.named_children if child.type == "heredoc_redirect" else ():
                if later.type not in {"heredoc_start", "heredoc_body", "heredoc_end", "word", "file_redirect"}:
                    self._visit(later, printed)
        return printed

    def _tell(self, words: tuple[Word, ...], node: Node, redirects: list[Node], printed: str | None) -> None:
        outputs = tuple(self._list_outputs(redirects))
        self.execute(
            ShellCommand(
                words=(Word("cat"),) if outputs else words,
                source=node_text(node),
                variables=dict(self.state.variables),
                folder=self.state.folder,
                input=printed,
                outputs=outputs,
            ),
            self.state,
            self.depth,
        )

    def _call(self, function: Node, arguments: list[Word]) -> str | None:
        body = function.child_by_field_name("body")
        before = {name: value for name, value in self.state.variables.items() if re.fullmatch(r"\d+|[@*]", name)}
        whole = " ".join(word.text for word in arguments) if all(word.is_known for word in arguments) else None
        self.state.variables |= {"@": whole, "*": whole}
        for number, word in enumerate(arguments, 1):
            self.state.variables[str(number)] = word.text if word.is_known else None
        printed = self._visit(body) if body is not None else None
        self.state.variables |= before
        return printed

    def _read_heredoc(self, redirect: Node, body: Node | None) -> str | None:
        if body is None:
            return ""
        start = next((node_text(item) for item in redirect.children if item.type == "heredoc_start"), "")
        text = node_text(body)
        if any(item.type == "<<-" for item in redirect.children):
            text = re.sub(r"(?m)^\t+", "", text)
        if start[:1] in {"'", '"', "\\"}:
            return text
        word = self._words.join(body)
        return word.text if word.is_known else text

    def _list_outputs(self, redirects: list[Node]) -> list[Redirection]:
        found = []
        for child in redirects:
            files = [child, *(item for item in child.children if item.type == "file_redirect")]
            for item in files:
                if item.type != "file_redirect" or not item.children:
                    continue
                operator = next(
                    (part.type for part in item.children if part.type in {">", ">>", "&>", "&>>", ">|"}), ""
                )
                descriptor = next((node_text(part) for part in item.children if part.type == "file_descriptor"), "1")
                target = item.child_by_field_name("destination")
                if operator and target is not None and descriptor == "1":
                    found.append(Redirection(path=self._words.join(target), is_appended=operator.endswith(">>")))
        return found
