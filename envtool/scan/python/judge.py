"""Reads a Python source and judges its uses: what guards each, where its function is called, what is optional."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envtool.language import tell
from envtool.scan.kinds import ScanKind
from envtool.scan.python.bindings import gather_bindings
from envtool.scan.python.conditions import Conditions
from envtool.scan.python.module import Module
from envtool.scan.python.standing import Standing, all_of, any_of, is_reached
from envtool.scan.python.tree import walk
from envtool.scan.python.uses import Place, Use, judge_severity
from envtool.scan.python.visitor import ModuleVisitor
from envtool.told_kind import Severity

if TYPE_CHECKING:
    from envtool.scan.torch_api import TorchApi

_DEPTH = 4
_OPTIONAL = frozenset(
    {
        ScanKind.CUDA_LIBRARY,
        ScanKind.NVIDIA_APEX,
        ScanKind.NVIDIA_QUERY,
        ScanKind.CUDA_SOURCE,
        ScanKind.PARALLEL_NEEDLESS,
    }
)
_BUILD_TESTS = frozenset({"is_available", "CUDA_HOME", "FORCE_CUDA", "WITH_CUDA"})
_METHODS = frozenset({"__init__", "forward", "__call__", "setup"})


@dataclass(frozen=True)
class JudgedUse:
    """A use with the severity that it has where it stands. `is_forgiven`: the module goes on where it fails."""

    use: Use
    severity: Severity
    is_forgiven: bool = False


@dataclass(frozen=True)
class LocalImport:
    """A module that is imported, as it is written; `severity` is how bad it is if that module cannot be.

    `is_needed`: whoever imports the one that it is in, needs it.
    """

    name: str
    line: int
    severity: Severity
    is_needed: bool = False


@dataclass(frozen=True)
class JudgedModule:
    """What is found in a source, and what it imports. `needs_python` is the first version that its syntax needs."""

    uses: tuple[JudgedUse, ...]
    imports: tuple[LocalImport, ...]


def judge_source(text: str, api: TorchApi, *, is_build_file: bool = False) -> JudgedModule:
    """Judge a source. Raises `ValueError` or `SyntaxError` where it cannot be parsed."""
    with warnings.catch_warnings():
        # Invalid escapes in what is read are not ours to complain of.
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(text)
        except (RecursionError, MemoryError):
            raise ValueError(tell("its expressions are nested too deeply")) from None
    bindings = gather_bindings(tree)
    conditions = Conditions(bindings, api.torch, api.python, lambda name: api.find_missing(name) is None)
    module = Module(bindings=bindings, conditions=conditions, api=api, is_build_file=is_build_file)
    module.lines = tuple(text.split("\n"))
    module.uses_process_group = "init_process_group" in text or "init_distributed" in text
    try:
        ModuleVisitor(module).visit(tree)
    except RecursionError:
        raise ValueError(tell("its expressions are nested too deeply")) from None
    return JudgedModule(tuple(_judge_uses(module)), tuple(_judge_imports(module)))


def _judge_uses(module: Module) -> Iterator[JudgedUse]:
    builders = _are_builders_optional(module)
    imported_wrappers = _list_wrapper_severities(module)
    for use in module.uses:
        standing = _stand(module, use.place)
        severity = judge_severity(use, standing)
        if severity is None:
            continue
        if use.attempt is not None and use.kind in _OPTIONAL and _is_optional(module, use):
            severity = Severity.NOTE
        elif use.attempt is not None and use.kind is ScanKind.NEWER_TORCH and _is_use_tested(module, use):
            continue
        elif use.is_lazy and severity is Severity.ERROR and not _is_called(module, use.place):
            # Only who calls the function, from elsewhere, needs it.
            severity = Severity.WARNING
        if use.kind is ScanKind.CUDA_SOURCE and builders and severity is Severity.ERROR:
            severity = Severity.WARNING
        if use.kind is ScanKind.PARALLEL_NEEDLESS and (use.place.line, use.identifier) in imported_wrappers:
            severity = imported_wrappers[use.place.line, use.identifier]
        is_forgiven = use.place.is_tried and use.attempt is not None and not module.attempts[use.attempt].raises
        yield JudgedUse(use, severity, is_forgiven)


def _stand(module: Module, place: Place, depth: int = 0) -> Standing:
    """How all conditions stand: those around it, and those around the calls of its functions."""
    own = all_of(guard.standing for guard in place.guards)
    return all_of([own, _stand_function(module, place, depth)])


def _stand_function(module: Module, place: Place, depth: int) -> Standing:
    if depth > _DEPTH:
        return Standing.HOLDS
    standings = []
    for at, name in enumerate(place.functions):
        if name.startswith("class "):
            # A class's body is run where it stands; its methods where it is made.
            inner = place.functions[at + 1] if at + 1 < len(place.functions) else ""
            sites = module.calls.get(name[6:], []) if inner in _METHODS else []
        elif name in _METHODS:
            continue
        else:
            sites = module.calls.get(name, [])
        sites = [
            site
            for site in sites
            if name.removeprefix("class ") not in {item.removeprefix("class ") for item in site.functions}
        ]
        if sites:
            standings.append(any_of(_stand(module, site, depth + 1) for site in sites))
    return all_of(standings)


def _is_called(module: Module, place: Place) -> bool:
    return any(name in module.calls or name == "main" for name in place.functions) or not any(
        not name.startswith("class ") for name in place.functions
    )


def _is_optional(module: Module, use: Use) -> bool:
    """Whether an import under `try` has a handler that goes on, and every use of its names is tested."""
    attempt = module.attempts[use.attempt or 0]
    if attempt.raises:
        return False
    tested = attempt.names | attempt.flags
    places = [
        place
        for name in attempt.names - attempt.replaced
        for place in module.name_uses.get(name, [])
        if not (place.is_tried and place.functions == use.place.functions)
    ]
    return all(_is_tested(module, place, tested, is_lenient=attempt.falls_back) for place in places)


def _is_use_tested(module: Module, use: Use) -> bool:
    """Whether a name that an import under `try` binds is used only where it was asked for."""
    attempt = module.attempts[use.attempt or 0]
    tested = attempt.names | attempt.flags
    return not attempt.raises and _is_tested(module, use.place, tested, is_lenient=attempt.falls_back)


def _is_tested(module: Module, place: Place, tested: set[str], *, is_lenient: bool, depth: int = 0) -> bool:
    for guard in place.guards:
        if any(name in tested or _speaks_of(name, tested) for name in guard.names):
            return True
        if is_lenient and not is_reached(guard.standing):
            return True
    if depth > _DEPTH:
        return False
    for at, name in enumerate(place.functions):
        inner = place.functions[at + 1] if at + 1 < len(place.functions) else ""
        key = name[6:] if name.startswith("class ") else name
        if name.startswith("class ") and inner not in _METHODS and is_lenient and inner:
            continue
        sites = _list_callers(module, key)
        if sites and all(_is_tested(module, site, tested, is_lenient=is_lenient, depth=depth + 1) for site in sites):
            return True
    # A function with a fallback beside it, which nobody in this file calls unasked, is others' to choose.
    return (
        is_lenient
        and bool(place.functions)
        and not any(_list_callers(module, name.removeprefix("class ")) for name in place.functions)
    )


def _list_callers(module: Module, name: str) -> list[Place]:
    """Where a function is called, but for calls in itself, such as of a method of the same name."""
    return [site for site in module.calls.get(name, []) if name not in site.functions]


def _speaks_of(name: str, tested: set[str]) -> bool:
    """`is_xformers_available` speaks of xformers."""
    lowered = name.lower()
    return any(
        len(item) > 3 and item.lower() in lowered and ("avail" in lowered or "has" in lowered or "use" in lowered)
        for item in tested
    )


def _are_builders_optional(module: Module) -> bool:
    """Whether CUDAExtension is chosen only in a block that asks for CUDA, and CppExtension else."""
    if not any(value.endswith(".CppExtension") for value in module.bindings.imports.values()):
        return False
    places = module.name_uses.get("CUDAExtension", [])
    return bool(places) and all(
        any(_BUILD_TESTS & _follow_names(module, guard.names) for guard in place.guards) for place in places
    )


def _follow_names(module: Module, names: frozenset[str]) -> set[str]:
    """The names, and those in what they were given."""
    values = [value for name in names for value in module.bindings.values.get(name, ())]
    inner = [item for value in values for item in walk(value)]
    return (
        set(names)
        | {item.attr for item in inner if isinstance(item, ast.Attribute)}
        | {item.id for item in inner if isinstance(item, ast.Name)}
    )


def _list_wrapper_severities(module: Module) -> dict[tuple[int, str], Severity]:
    """For each import of DDP and its like the severity of its worst use."""
    order = [Severity.NOTE, Severity.WARNING, Severity.ERROR]
    imports: dict[tuple[int, str], Severity] = {}
    for use in module.uses:
        if use.kind is not ScanKind.PARALLEL_NEEDLESS or not use.message.startswith("torch."):
            continue
        worst: Severity | None = None
        for other in module.uses:
            if (
                other is not use
                and other.identifier == use.identifier
                and other.kind is use.kind
                and other.place.line != use.place.line
            ):
                severity = judge_severity(other, _stand(module, other.place)) or Severity.NOTE
                worst = max([worst or severity, severity], key=order.index)
        if worst is not None:
            imports[use.place.line, use.identifier] = worst
    return imports


def is_for_scripts(place: Place) -> bool:
    """Whether something is reached only where the module itself is run."""
    return any("__name__" in guard.names for guard in place.guards)


def _judge_imports(module: Module) -> Iterator[LocalImport]:
    for name, place in module.local_imports:
        standing = _stand(module, place)
        if place.is_tried or (not is_reached(standing) and standing not in {Standing.OPEN}):
            severity = Severity.NOTE
        else:
            severity = Severity.ERROR if not place.functions else Severity.WARNING
        is_needed = severity is Severity.ERROR and not is_for_scripts(place)
        yield LocalImport(name, place.line, severity, is_needed)
