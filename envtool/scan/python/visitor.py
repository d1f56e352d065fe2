"""Visits a module's tree once, knows the conditions around each node, and calls the rules."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from envtool.scan.python import call_rules, default_rules, import_rules, name_rules, newer_rules, registry_rules
from envtool.scan.python.attempts import as_module, forgives_failure, gather_flags
from envtool.scan.python.blocks import list_condition_names, list_survivors, refuses_to_run
from envtool.scan.python.concurrent_rules import starts_again
from envtool.scan.python.module import Attempt, Module
from envtool.scan.python.standing import Standing, any_of, negate
from envtool.scan.python.tree import TreeVisitor, walk
from envtool.scan.python.uses import Guard

# A `try` around more statements than this is about something else.
_SHORT = 6
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class ModuleVisitor(TreeVisitor, ast.NodeVisitor):
    """Calls the rules for each node of a module."""

    def __init__(self, module: Module) -> None:
        super().__init__()
        self.module = module

    def visit_block(self, body: Sequence[ast.stmt]) -> None:
        """Visit statements; what one of them tests or refuses holds for those after it."""
        with self.module.guarded():
            for node in body:
                newer_rules.judge_statement(self.module, node)
                self.visit(node)
                match node:
                    case ast.If():
                        self._guard_rest(node)
                    case ast.Assert():
                        self.module.add_guard(Guard(Standing.HOLDS, list_condition_names(node.test)))
                    case _:
                        pass

    def visit_Module(self, node: ast.Module) -> None:
        """The whole file."""
        self.visit_block(node.body)

    def _guard_rest(self, node: ast.If) -> None:
        standings = list_survivors(node, self.module)
        if standings is not None:
            self.module.add_guard(Guard(any_of(standings), list_condition_names(node.test)))

    def visit_If(self, node: ast.If) -> None:
        """A condition; its two blocks stand under it and under its opposite."""
        judged = self.module.conditions.judge(node.test)
        name_rules.judge_version_demand(self.module, node)
        self._visit_test(node.test)
        names = list_condition_names(node.test)
        with self.module.guarded(Guard(judged, names)):
            self.visit_block(node.body)
        with self.module.guarded(Guard(negate(judged), names)):
            self.visit_block(node.orelse)

    def _visit_test(self, test: ast.expr) -> None:
        """A condition; whether a name is there at all is no use of it."""
        match test:
            case ast.Name() | ast.Compare(left=ast.Name(), comparators=[ast.Constant(value=None)]):
                pass
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self._visit_test(operand)
            case _:
                self.visit(test)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        """A conditional expression."""
        judged, names = self.module.conditions.judge(node.test), list_condition_names(node.test)
        self._visit_test(node.test)
        outer, self.module.is_expression = self.module.is_expression, True
        with self.module.guarded(Guard(judged, names)):
            self.visit(node.body)
        with self.module.guarded(Guard(negate(judged), names)):
            self.visit(node.orelse)
        self.module.is_expression = outer

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        """Each part of `and` is reached only where those before it hold, of `or` where they do not."""
        guards: list[Guard] = []
        for item in node.values:
            with self.module.guarded(*guards):
                self._visit_test(item)
            judged = self.module.conditions.judge(item)
            guards.append(Guard(judged if isinstance(node.op, ast.And) else negate(judged), list_condition_names(item)))

    def visit_While(self, node: ast.While) -> None:
        """A loop with a condition."""
        self._visit_test(node.test)
        with self.module.guarded(Guard(self.module.conditions.judge(node.test), list_condition_names(node.test))):
            self._visit_loop(node)
        self.visit_block(node.orelse)

    def _visit_loop(self, node: ast.For | ast.AsyncFor | ast.While) -> None:
        with self.module.repeated(node if starts_again(node.body) else None):
            self.visit_block(node.body)

    def _visit_comprehension(self, node: ast.ListComp | ast.DictComp | ast.GeneratorExp) -> None:
        with self.module.repeated(node):
            self.generic_visit(node)

    visit_ListComp = visit_DictComp = visit_GeneratorExp = _visit_comprehension  # noqa: N815

    def visit_Assert(self, node: ast.Assert) -> None:
        """An assertion, which may demand a version."""
        name_rules.judge_version_demand(self.module, node)
        self._visit_test(node.test)

    def visit_Try(self, node: ast.Try) -> None:
        """Imports that may fail, and calls that a handler forgives."""
        self._visit_attempt(node)

    def visit_TryStar(self, node: ast.TryStar) -> None:
        """The same with groups of exceptions."""
        self._visit_attempt(node)

    def _visit_attempt(self, node: ast.Try | ast.TryStar) -> None:
        forgiven = [item for item in node.handlers if forgives_failure(item)]
        imports = any(isinstance(item, ast.Import | ast.ImportFrom) for item in walk(as_module(node.body)))
        if not forgiven or not (imports or len(node.body) <= _SHORT):
            self.visit_block(node.body)
        else:
            raises = any(refuses_to_run(item.body) for item in forgiven)
            attempt = Attempt(raises=raises)
            gather_flags(attempt, node)
            outer, self.module.attempt = self.module.attempt, len(self.module.attempts)
            self.module.attempts.append(attempt)
            self.visit_block(node.body)
            self.module.attempt = outer
        for handler in node.handlers:
            self.visit_block(handler.body)
        self.visit_block(node.orelse)
        self.visit_block(node.finalbody)

    def visit_FunctionDef(self, node: _Function) -> None:
        """A function; its decorators and defaults belong to what is around it."""
        self._visit_all(node.decorator_list)
        for default in [*node.args.defaults, *filter(None, node.args.kw_defaults)]:
            self.visit(default)
        if not self.module.bindings.postponed_annotations:
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            with self.module.types(is_annotation=True):
                self._visit_all([item.annotation for item in arguments if item.annotation])
                self._visit_all([node.returns] if node.returns else [])
        with self.module.function(node.name), self.module.repeated(None):
            self.visit_block(node.body)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """A class; its methods are reached where it is made."""
        self._visit_all(node.decorator_list)
        self._visit_all(node.bases)
        self._visit_all([item.value for item in node.keywords])
        with self.module.function(f"class {node.name}"):
            self.visit_block(node.body)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        """A loop."""
        self.visit(node.iter)
        self._visit_loop(node)
        self.visit_block(node.orelse)

    visit_AsyncFor = visit_For  # noqa: N815

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        """A block with its contexts."""
        for item in node.items:
            self.visit(item.context_expr)
        self.visit_block(node.body)

    visit_AsyncWith = visit_With  # noqa: N815

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """A variable with a type."""
        if not self.module.bindings.postponed_annotations and not self._is_local:
            with self.module.types(is_annotation=True):
                self.visit(node.annotation)
        if node.value is not None:
            name_rules.judge_assignment(self.module, [node.target], node.value)
            default_rules.judge_field(self.module, node.target, node.value)
            self.visit(node.value)

    @property
    def _is_local(self) -> bool:
        """Whether a variable is a function's own, whose annotation is never evaluated (PEP 526)."""
        return self.module.is_in_function and not self.module.is_in_class

    def visit_Assign(self, node: ast.Assign) -> None:
        """A variable, an attribute or an item that gets a value."""
        name_rules.judge_assignment(self.module, node.targets, node.value)
        if not self.module.is_in_function and not self.module.is_in_class:
            registry_rules.judge_launcher_setting(self.module, node.targets[0], node.value)
        self._visit_all([target for target in node.targets if isinstance(target, ast.Attribute)])
        self.visit(node.value)

    def visit_Dict(self, node: ast.Dict) -> None:
        """A dictionary, which may be a program's environment."""
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                name_rules.judge_visible(self.module, key.value, value)
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        """A statement of an expression; a text alone is a comment."""
        if not isinstance(node.value, ast.Constant):
            self.visit(node.value)

    def visit_Import(self, node: ast.Import) -> None:
        """An import of modules."""
        import_rules.judge_import(self.module, node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """An import of names."""
        import_rules.judge_import_from(self.module, node)

    def visit_Call(self, node: ast.Call) -> None:
        """A call, by all its rules."""
        call_rules.judge_call(self.module, node)
        if isinstance(node.func, ast.Name) and node.func.id in {"isinstance", "issubclass", "cast"}:
            with self.module.types():
                self.generic_visit(node)
        else:
            self.generic_visit(node)

    def _visit_collection(self, node: ast.Tuple | ast.List | ast.Set) -> None:
        """Several values; classes among them are only named, as for `isinstance`."""
        is_named = isinstance(node.ctx, ast.Load) if not isinstance(node, ast.Set) else True
        for item in node.elts:
            if is_named and isinstance(item, ast.Name | ast.Attribute):
                with self.module.types():
                    self.visit(item)
            else:
                self.visit(item)

    visit_Tuple = visit_List = visit_Set = _visit_collection  # noqa: N815

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """A dotted name, taken as a whole."""
        if not name_rules.judge_dotted(self.module, node):
            self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """An item, or a type with parameters."""
        newer_rules.judge_subscript(self.module, node)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """An operation, or a union of types."""
        newer_rules.judge_union(self.module, node)
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        """A name."""
        name_rules.judge_dotted(self.module, node)

    def visit_Compare(self, node: ast.Compare) -> None:
        """A comparison; the texts that something is compared with are not used."""
        self._visit_all([item for item in [node.left, *node.comparators] if not isinstance(item, ast.Constant)])

    def visit_Constant(self, node: ast.Constant) -> None:
        """A text that names a device or a file."""
        name_rules.judge_text(self.module, node)

    def _visit_all(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)
