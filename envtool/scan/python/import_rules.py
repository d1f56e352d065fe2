"""Judges imports: libraries that call CUDA, names that the pinned torch lacks, and modules of the project itself."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from envtool.language import mark_message, tell
from envtool.scan.kinds import ScanKind
from envtool.scan.libraries import find_library
from envtool.scan.python import newer_rules
from envtool.scan.python.bindings import name_source
from envtool.scan.python.standing import Standing
from envtool.told_kind import Severity

if TYPE_CHECKING:
    from envtool.scan.libraries import Library
    from envtool.scan.python.module import Module

# Names that DDP goes by: imported here, and judged where they are used as well.
_BUILDERS = frozenset({"CUDAExtension"})


def judge_import(module: Module, node: ast.Import) -> None:
    """`import a.b`, `import a.b as c`."""
    for item in node.names:
        newer_rules.judge_newer_import(module, item, item.name)
        library = find_library(item.name)
        module.local_imports.append((item.name, module.place(node)))
        if library is not None:
            _emit(module, node, library, library.module)
        elif item.name.partition(".")[0] in {"torch", "torchvision"}:
            _judge_torch(module, node, item.name)


def judge_import_from(module: Module, node: ast.ImportFrom) -> None:
    """`from a import b, c`."""
    source = name_source(node, "")
    if node.level:
        module.local_imports.append((f"{'.' * node.level}{node.module or ''}", module.place(node)))
        for item in node.names:
            module.local_imports.append(
                (f"{'.' * node.level}{'.'.join(filter(None, [node.module, item.name]))}", module.place(node))
            )
        return
    module.local_imports.append((source, module.place(node)))
    newer_rules.judge_newer_import(module, node, source)
    told: set[str] = set()
    for item in node.names:
        dotted = f"{source}.{item.name}"
        newer_rules.judge_newer_import(module, item, dotted)
        module.local_imports.append((dotted, module.place(node)))
        library = find_library(dotted)
        if library is not None:
            if library.module not in told:
                told.add(library.module)
                at = item if library.module == dotted else node
                _emit(
                    module,
                    at,
                    library,
                    item.name if library.kind is ScanKind.NVIDIA_APEX and item.name[0].isupper() else library.module,
                )
        elif source.partition(".")[0] in {"torch", "torchvision"}:
            if item.name in _BUILDERS:
                _emit_builder(module, item)
            else:
                _judge_torch(module, item, dotted)


def _emit(module: Module, node: ast.AST, library: Library, identifier: str) -> None:
    name = library.module
    if library.kind is ScanKind.PARALLEL_NEEDLESS and name.partition(".")[0] == "torch":
        identifier = name.rpartition(".")[2]
        missing = module.api.find_missing(name)
        if missing is not None:
            _judge_torch(module, node, name)
    attempt = module.attempt
    module.emit(
        library.kind,
        node,
        identifier,
        tell("{name}: {why}", name=name, why=mark_message(library.why)),
        library.instead,
        severity=library.severity,
        attempt=attempt,
        is_lazy=module.is_in_function,
    )


def _judge_torch(module: Module, node: ast.AST, dotted: str) -> None:
    missing = module.api.find_missing(dotted)
    if missing is None:
        return
    name, since = missing
    since = since if " " in since else f"torch {since}"
    standing = Standing.ABSENT if module.attempt is not None and not module.attempts[module.attempt].raises else None
    module.emit(
        ScanKind.NEWER_TORCH,
        node,
        name,
        tell("{name} is there from {since} on", name=name, since=since),
        _suggest(name),
        standing=standing,
    )


def _suggest(name: str) -> str:
    return SUGGESTIONS.get(name, "")


SUGGESTIONS = {
    "torch.compile": tell("leave it out: the model runs as it is"),
    "torch.accelerator": tell("torch.cuda: the accelerator is cuda:0"),
    "torch.autocast": "torch.cuda.amp.autocast()",
    "torch.amp": "torch.cuda.amp",
    "torch.amp.GradScaler": "torch.cuda.amp.GradScaler()",
    "torch.inference_mode": "torch.no_grad()",
    "torch.nn.functional.scaled_dot_product_attention": "softmax(q @ k.transpose(-2, -1) / sqrt(d)) @ v",
    "torch.set_float32_matmul_precision": tell("leave it out"),
    "torch.linalg.norm": "torch.norm",
}


def _emit_builder(module: Module, node: ast.AST) -> None:
    """An extension for CUDA, whose uses decide how bad the import is."""
    module.emit(
        ScanKind.CUDA_SOURCE,
        node,
        "CUDAExtension",
        tell("CUDAExtension: it is compiled by nvcc, which is not there"),
        tell("CppExtension, or torch's own operations"),
        severity=Severity.ERROR,
    )
