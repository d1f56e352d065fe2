"""What the names of a module stand for: imports as dotted names, and the values that variables are given."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from envtool.scan.python.standing import Standing
from envtool.scan.python.tree import walk


@dataclass
class Bindings:
    """Gathered over the whole file before anything in it is judged.

    `stored` are the names that anything is assigned to, `tried` those that an import under `try` binds. `values` has a
    variable's assignments, `self.x` under `x` with a dot before it; `additions` what lists are made longer by;
    `defaults` the numbers that parameters have;
    `attributes` are those that are assigned to, such as `torch.compile = …`;
    `switches` how options of argparse, and parameters with a default, stand when nobody sets them.
    """

    imports: dict[str, str] = field(default_factory=dict)
    values: dict[str, list[ast.expr]] = field(default_factory=lambda: defaultdict(list))
    additions: dict[str, list[ast.expr]] = field(default_factory=lambda: defaultdict(list))
    defaults: dict[str, list[ast.expr]] = field(default_factory=lambda: defaultdict(list))
    switches: dict[str, Standing] = field(default_factory=dict)
    attributes: list[ast.Attribute] = field(default_factory=list)
    defined: set[str] = field(default_factory=set)
    stored: set[str] = field(default_factory=set)
    tried: set[str] = field(default_factory=set)
    postponed_annotations: bool = False

    @cached_property
    def packages(self) -> frozenset[str]:
        """The packages that anything is imported of."""
        return frozenset(name.partition(".")[0] for name in self.imports.values())

    @cached_property
    def provided(self) -> frozenset[str]:
        """The names that this module puts into imported ones. What torch.backends has not cannot be set either."""
        found = filter(None, map(self.resolve, self.attributes))
        return frozenset(name for name in found if ".backends." not in name)

    def resolve(self, node: ast.expr) -> str | None:
        """The dotted name that an expression stands for, `None` where it is none that was imported."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self.imports:
            return None
        return ".".join([self.imports[node.id], *reversed(parts)])


# Most nodes are none of these, and a class is compared sooner than a pattern.
_GATHERED = frozenset(
    [
        ast.AnnAssign,
        ast.Assign,
        ast.AsyncFunctionDef,
        ast.AugAssign,
        ast.Call,
        ast.ClassDef,
        ast.FunctionDef,
        ast.Import,
        ast.ImportFrom,
        ast.Name,
        ast.NamedExpr,
        ast.Try,
        ast.TryStar,
        ast.arg,
    ]
)


def gather_bindings(tree: ast.Module, package: str = "") -> Bindings:
    """Gather what the names of a module stand for; `package` is where its relative imports start."""
    bindings = Bindings()
    for node in walk(tree):
        if type(node) not in _GATHERED:
            continue
        match node:
            case ast.Name(ctx=ast.Store(), id=name) | ast.arg(arg=name):
                bindings.stored.add(name)
            case ast.Import():
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    bindings.imports[name] = alias.name if alias.asname else name
            case ast.ImportFrom():
                source = name_source(node, package)
                bindings.postponed_annotations |= source == "__future__" and any(
                    alias.name == "annotations" for alias in node.names
                )
                for alias in node.names:
                    bindings.imports[alias.asname or alias.name] = f"{source}.{alias.name}"
            case ast.Try(body=body) | ast.TryStar(body=body):
                bindings.tried |= _list_imported(body)
            case ast.Assign():
                for target in node.targets:
                    if isinstance(target, ast.Attribute):
                        bindings.attributes.append(target)
                    for name, value in _list_targets(target, node.value):
                        bindings.values[name].append(value)
            case ast.AnnAssign(value=ast.expr() as value):
                for name, _ in _list_targets(node.target, value):
                    bindings.values[name].append(value)
                    _add_switch(bindings, name, value)
            case ast.AugAssign(target=ast.Name(id=name), op=ast.Add(), value=ast.List(elts=items)):
                bindings.additions[name] += items
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[item]):
                bindings.additions[name].append(item)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="extend"), args=[ast.List(elts=items)]):
                bindings.additions[name] += items
            case ast.NamedExpr():
                bindings.values[node.target.id].append(node.value)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                bindings.defined.add(node.name)
                _add_parameters(bindings, node.args)
            case ast.ClassDef():
                bindings.defined.add(node.name)
            case ast.Call(func=ast.Attribute(attr="add_argument" | "add_option")):
                _add_option(bindings, node)
            case _:
                pass
    # A class or function of the module's own hides no import unless both are at the top; then the later one counts.
    for statement in tree.body:
        if isinstance(statement, ast.ClassDef | ast.FunctionDef):
            bindings.imports.pop(statement.name, None)
    return bindings


def name_source(node: ast.ImportFrom, package: str) -> str:
    """The module that names are imported from; a relative one begins with a dot where the package is not known."""
    if not node.level:
        return node.module or ""
    parts = package.split(".") if package else []
    kept = parts[: len(parts) - node.level + 1]
    return (
        ".".join(["", *kept, *filter(None, [node.module])])
        if not kept
        else ".".join([*kept, *filter(None, [node.module])])
    )


def read_number(node: ast.expr) -> int | None:
    """The whole number that an expression writes."""
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int(number)):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(number))) if not isinstance(number, bool):
            return -number
        case _:
            return None


def _list_imported(body: list[ast.stmt]) -> set[str]:
    imports = [item for part in body for item in walk(part) if isinstance(item, ast.Import | ast.ImportFrom)]
    return {(alias.asname or alias.name).partition(".")[0] for item in imports for alias in item.names}


def _list_targets(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    match target:
        case ast.Name(id=name):
            yield name, value
        case ast.Attribute(attr=name):
            yield f".{name}", value
        case ast.Tuple(elts=items) if isinstance(value, ast.Tuple) and len(value.elts) == len(items):
            for item, part in zip(items, value.elts, strict=True):
                yield from _list_targets(item, part)
        case _:
            pass


def _add_parameters(bindings: Bindings, arguments: ast.arguments) -> None:
    positional = [*arguments.posonlyargs, *arguments.args]
    pairs = list(zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True))
    pairs += [(item, value) for item, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value]
    for item, value in pairs:
        _add_switch(bindings, item.arg, value)


def _add_switch(bindings: Bindings, name: str, value: ast.expr) -> None:
    if read_number(value) is not None:
        bindings.defaults[name].append(value)
    if isinstance(value, ast.Constant) and (value.value is None or isinstance(value.value, bool)):
        standing = Standing.ON if value.value else Standing.OFF
        # Two functions may give one name two defaults.
        known = bindings.switches.get(name, standing)
        bindings.switches[name] = standing if known is standing else Standing.SWITCH


def _add_option(bindings: Bindings, node: ast.Call) -> None:
    names = [item.value for item in node.args if isinstance(item, ast.Constant) and isinstance(item.value, str)]
    settings = {item.arg: item.value for item in node.keywords}
    long = [name for name in names if name.startswith("--")] or names
    if not long:
        return
    target = settings.get("dest")
    name = str(target.value) if isinstance(target, ast.Constant) else long[0].lstrip("-").replace("-", "_")
    action, default = settings.get("action"), settings.get("default")
    match action:
        case ast.Constant(value="store_true"):
            standing = Standing.OFF
        case ast.Constant(value="store_false"):
            standing = Standing.ON
        case _ if default is None or (isinstance(default, ast.Constant) and not default.value):
            standing = Standing.OFF
        case _ if isinstance(default, ast.Constant) and default.value is True:
            standing = Standing.ON
        case _ if default is not None:
            bindings.values[f".{name}"].append(default)
            return
        case _:
            return
    if isinstance(default, ast.Constant) and isinstance(default.value, bool):
        standing = Standing.ON if default.value else Standing.OFF
    bindings.switches[name] = standing
