"""One module while its tree is visited: its names, its conditions, and what was found so far."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from envtool.scan.kinds import ScanKind
from envtool.scan.python.standing import Standing, all_of
from envtool.scan.python.uses import Guard, Place, Use
from envtool.told_kind import Severity

if TYPE_CHECKING:
    from envtool.scan.python.bindings import Bindings
    from envtool.scan.python.conditions import Conditions
    from envtool.scan.torch_api import TorchApi


@dataclass
class Attempt:
    """A `try` around imports. `names` are what its imports bind, `flags` what is set in it or in its handlers.

    `falls_back`: a handler says what is there instead, of `replaced` by the same name; `raises`: a handler ends the
    program.
    """

    names: set[str] = field(default_factory=set)
    flags: set[str] = field(default_factory=set)
    replaced: set[str] = field(default_factory=set)
    falls_back: bool = False
    raises: bool = False


@dataclass
class Module:
    """What the visitor and the rules share."""

    bindings: Bindings
    conditions: Conditions
    api: TorchApi
    is_build_file: bool = False
    uses_process_group: bool = False
    uses: list[Use] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    # Where each function of the module is called, and where each name is used that an import under `try` binds.
    calls: dict[str, list[Place]] = field(default_factory=dict)
    name_uses: dict[str, list[Place]] = field(default_factory=dict)
    local_imports: list[tuple[str, Place]] = field(default_factory=list)
    seen: set[tuple[ScanKind, int, str]] = field(default_factory=set)
    _guards: tuple[Guard, ...] = ()
    _functions: tuple[str, ...] = ()
    attempt: int | None = None
    is_expression: bool = False
    # The innermost loop that goes on before what it starts has ended.
    loop: ast.AST | None = None
    # Whether a type is only asked for, or named in an annotation.
    is_type: bool = False
    # Whether it is an annotation.
    is_annotation: bool = False
    # The lines of the source, and what of it is too new for the Python.
    lines: tuple[str, ...] = ()
    newer: set[str] = field(default_factory=set)

    @contextmanager
    def types(self, *, is_annotation: bool = False) -> Iterator[None]:
        """Within the block types are only spoken of."""
        outer = self.is_type, self.is_annotation
        self.is_type, self.is_annotation = True, is_annotation
        try:
            yield
        finally:
            self.is_type, self.is_annotation = outer

    @contextmanager
    def repeated(self, loop: ast.AST | None) -> Iterator[None]:
        """Within the block is the body of a loop; `None` where it waits for what it starts."""
        outer, self.loop = self.loop, loop
        try:
            yield
        finally:
            self.loop = outer

    def place(self, node: ast.AST) -> Place:
        """Where a node stands, under the conditions that are open now."""
        return Place(
            line=getattr(node, "lineno", 1),
            guards=self._guards,
            functions=self._functions,
            is_tried=self.attempt is not None,
            is_expression=self.is_expression,
        )

    def standing(self) -> Standing:
        """How the conditions stand that are open now."""
        return all_of(guard.standing for guard in self._guards)

    @contextmanager
    def guarded(self, *guards: Guard) -> Iterator[None]:
        """Within the block some further conditions hold."""
        outer = self._guards
        self._guards = (*outer, *guards)
        try:
            yield
        finally:
            self._guards = outer

    def add_guard(self, guard: Guard) -> None:
        """Let a condition hold for the rest of the block of `guarded` around."""
        self._guards = (*self._guards, guard)

    @contextmanager
    def function(self, name: str) -> Iterator[None]:
        """Within the block is a function's body."""
        outer = self._functions
        self._functions = (*outer, name)
        try:
            yield
        finally:
            self._functions = outer

    @property
    def is_in_class(self) -> bool:
        """Whether the innermost block is a class's."""
        return bool(self._functions) and self._functions[-1].startswith("class ")

    @property
    def is_in_function(self) -> bool:
        """Whether what is visited now runs only when a function is called."""
        return bool(self._functions)

    def find_attempt(self, name: str) -> int | None:
        """The `try` that binds a name."""
        if name not in self.bindings.tried:
            return None
        return next((at for at, attempt in enumerate(self.attempts) if name in attempt.names), None)

    def emit(
        self,
        kind: ScanKind,
        node: ast.AST,
        identifier: str,
        message: str,
        instead: str = "",
        *,
        severity: Severity | None = None,
        standing: Standing | None = None,
        attempt: int | None = None,
        is_lazy: bool = False,
    ) -> None:
        """Keep a use, once for a line; `standing` is a further condition."""
        place = self.place(node)
        if standing is not None:
            place = place._replace(guards=(*place.guards, Guard(standing)))
        key = (kind, place.line, identifier)
        if key in self.seen:
            return
        self.seen.add(key)
        self.uses.append(
            Use(
                kind=kind,
                severity=severity or kind.severity,
                place=place,
                identifier=identifier,
                message=message,
                instead=instead,
                attempt=attempt,
                is_lazy=is_lazy,
                switched=Severity.WARNING if kind is ScanKind.NVIDIA_APEX else Severity.NOTE,
            )
        )
