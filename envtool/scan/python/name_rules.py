"""Judges names, texts, assignments and demands on torch's version."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from packaging.version import Version

from envtool.language import tell
from envtool.scan.commands import VISIBLE
from envtool.scan.kinds import ScanKind
from envtool.scan.libraries import ONE_DEVICE, find_library
from envtool.scan.python.expressions import read_version
from envtool.scan.python.import_rules import SUGGESTIONS
from envtool.scan.python.newer_rules import judge_newer_name
from envtool.scan.python.standing import Standing
from envtool.scan.python.tree import walk
from envtool.scan.python.values import list_values, read_text_constant
from envtool.told_kind import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envtool.scan.python.module import Module

_GRAPHS = re.compile(r"^torch\.cuda(?:\.graphs)?\.(?:CUDAGraph|graph|make_graphed_callables|graph_pool_handle)\b")
_STREAMS = re.compile(r"^torch\.cuda(?:\.streams)?\.(?:Stream|ExternalStream|stream|StreamContext|set_stream)$")
_KERNELS = re.compile(
    r"^(?:triton(?:\.runtime)?\.(?:jit|autotune|heuristics)|numba\.cuda\.(?:jit|reduce|grid)|cupy\.(?:RawKernel|RawModule|fuse))"
)
# Parts of libraries that have others for the CPU.
_GPU_PARTS = re.compile(
    r"^(?:faiss\.(?:StandardGpuResources|index_cpu_to_(?:all_)?gpus?\w*|GpuIndex\w+)|cv2\.cuda(?:_GpuMat)?|decord\.gpu)(?=\.|$)"
)
_STRATEGY_OBJECTS = re.compile(r"^tensorflow\.distribute\.(?:experimental\.)?(?:MultiWorker)?MirroredStrategy$")
_WRAPPERS = (
    "DistributedDataParallel",
    "DataParallel",
    "SyncBatchNorm",
    "FullyShardedDataParallel",
    "fully_shard",
    "ZeroRedundancyOptimizer",
)
_VERSION_NAME = re.compile(r"torch_?(?:ver|major|minor)")
_DEVICE = re.compile(r"cuda:[1-9]\d*")
_BACKEND = re.compile(r"backend", re.IGNORECASE)
_STRATEGIES = re.compile(r"^(?:ddp|fsdp|deepspeed|dp$|horovod|ddp2|bagua|colossalai)")
_SOURCE = re.compile(r"\.cuh?$")
NCCL_INSTEAD = tell("leave the process group out: there is one process")


def judge_dotted(module: Module, node: ast.Attribute | ast.Name) -> bool:
    """A dotted name as a whole; whether it is one that was imported."""
    dotted = module.bindings.resolve(node)
    judge_newer_name(module, node, dotted)
    if dotted is None:
        return False
    if isinstance(node, ast.Name):
        _note_use(module, node.id, node)
    else:
        _note_use(module, dotted_root(node), node)
    if _KERNELS.match(dotted):
        library = find_library(dotted)
        module.emit(
            ScanKind.CUDA_LIBRARY,
            node,
            ".".join(dotted.split(".")[-2:]),
            tell("a kernel that is compiled for CUDA"),
            library.instead if library else "",
            attempt=module.attempt,
        )
        return True
    part = _GPU_PARTS.match(dotted)
    if part is not None:
        message = tell("{part} calls the CUDA driver", part=part[0])
        module.emit(
            ScanKind.CUDA_LIBRARY, node, part[0], message, tell("the same without a GPU"), attempt=module.attempt
        )
    elif _STRATEGY_OBJECTS.match(dotted):
        module.emit(
            ScanKind.PARALLEL_NEEDLESS, node, dotted, tell("{dotted} is for several GPUs", dotted=dotted), ONE_DEVICE
        )
    elif dotted.partition(".")[0] in {"torch", "torchvision"}:
        _judge_torch_name(module, node, dotted)
    elif isinstance(node, ast.Name) or dotted.count(".") > 1:
        _judge_wrapper(module, node, dotted)
    return True


def dotted_root(node: ast.expr) -> str:
    """The name that a dotted one begins with."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _note_use(module: Module, name: str, node: ast.AST) -> None:
    if name in module.bindings.tried or name == "CUDAExtension":
        module.name_uses.setdefault(name, []).append(module.place(node))


def _judge_torch_name(module: Module, node: ast.expr, dotted: str) -> None:
    if _GRAPHS.match(dotted):
        module.emit(
            ScanKind.CUDA_GRAPH,
            node,
            "CUDAGraph",
            tell("{dotted}: nothing says that CUDA graphs run here", dotted=dotted),
            tell("call the model as it is"),
        )
    elif _STREAMS.match(dotted):
        module.emit(
            ScanKind.CUDA_STREAM,
            node,
            dotted,
            tell("{dotted}: nothing says that streams of one's own run here", dotted=dotted),
            tell("the default stream"),
        )
    elif dotted.rpartition(".")[2] == "CUDAExtension" and dotted.startswith("torch.utils.cpp_extension"):
        if isinstance(node, ast.Attribute):
            module.emit(
                ScanKind.CUDA_SOURCE,
                node,
                "CUDAExtension",
                tell("CUDAExtension: it is compiled by nvcc, which is not there"),
                tell("CppExtension, or torch's own operations"),
            )
    elif not _judge_wrapper(module, node, dotted):
        judge_missing(module, node, dotted)


def _judge_wrapper(module: Module, node: ast.expr, dotted: str) -> bool:
    """DDP and its like, wherever they are used; whether it is one."""
    library = find_library(dotted)
    if library is None or library.kind is not ScanKind.PARALLEL_NEEDLESS:
        return False
    name = next((part for part in dotted.split(".") if part in _WRAPPERS), None)
    if name is None and not (isinstance(node, ast.Attribute) and dotted.startswith("torch.distributed.")):
        return False
    identifier = name or dotted
    module.emit(
        ScanKind.PARALLEL_NEEDLESS,
        node,
        identifier,
        tell("{identifier} is for several GPUs", identifier=identifier),
        ONE_DEVICE,
        severity=Severity.NOTE if module.is_type else library.severity,
    )
    return True


def judge_missing(module: Module, node: ast.expr, dotted: str) -> None:
    """A name of torch's or torchvision's that the pinned release lacks."""
    missing = module.api.find_missing(dotted)
    if missing is None or missing[0] in module.bindings.provided:
        return
    name, since = missing
    is_forgiven = module.attempt is not None and not module.attempts[module.attempt].raises
    root = dotted_root(node)
    binding = module.find_attempt(root) if root else None
    if binding is not None and root in module.attempts[binding].replaced:
        return
    since = since if " " in since else f"torch {since}"
    module.emit(
        ScanKind.NEWER_TORCH,
        node,
        name,
        tell("{name} is there from {since} on", name=name, since=since),
        SUGGESTIONS.get(name, ""),
        standing=Standing.ABSENT if is_forgiven else None,
        attempt=binding,
    )


def judge_text(module: Module, node: ast.Constant) -> None:
    """A text that is a device or a file of CUDA's."""
    text = read_text_constant(node)
    if text is None:
        return
    if _DEVICE.fullmatch(text):
        module.emit(
            ScanKind.SECOND_DEVICE, node, text, tell("{text}: there is one accelerator, cuda:0", text=text), "cuda:0"
        )
    elif module.is_build_file and _SOURCE.search(text):
        module.emit(
            ScanKind.CUDA_SOURCE,
            node,
            text,
            tell("{text}: CUDA sources are compiled by nvcc, which is not there", text=text),
            tell("CppExtension, or torch's own operations"),
        )


def judge_assignment(module: Module, targets: Sequence[ast.expr], value: ast.expr) -> None:
    """What a variable, an attribute or an item is set to."""
    for target in targets:
        name = _target_name(target)
        if name is None:
            continue
        judge_setting(module, name, value)
        if isinstance(target, ast.Subscript) and name in VISIBLE:
            judge_visible(module, name, value)
        elif name.lower() in {"strategy", "accelerator", "distributed_backend"} and not isinstance(target, ast.Name):
            for item, standing in list_values(value, module.conditions):
                text = read_text_constant(item)
                if text is not None and _STRATEGIES.match(text):
                    module.emit(
                        ScanKind.TRAINER_SETTING,
                        item,
                        text,
                        tell("{name} {text} is for several GPUs", name=name, text=text),
                        tell("leave it out"),
                        standing=standing,
                    )


def judge_visible(module: Module, name: str, value: ast.expr) -> None:
    """A variable that says which devices a program sees."""
    if name not in VISIBLE:
        return
    text = read_text_constant(value)
    if (
        text is None
        and isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and value.func.attr == "join"
    ):
        numbers = [item.value for item in walk(value) if isinstance(item, ast.Constant)]
        text = ",".join(str(number) for number in numbers if type(number) is int)
    if text is not None and re.search(r"(?:^|,)\s*[1-9]", text):
        module.emit(
            ScanKind.SECOND_DEVICE,
            value,
            f"{name}={text}",
            tell("{name} names a device other than the one there is", name=name),
            tell("leave {name} out", name=name),
            severity=Severity.WARNING,
        )


def judge_setting(module: Module, name: str, value: ast.expr, *, severity: Severity | None = None) -> None:
    """A backend that is NCCL."""
    if not _BACKEND.search(name):
        return
    for item, standing in list_values(value, module.conditions):
        text = read_text_constant(item)
        if text is not None and re.search(r"\bnccl\b", text):
            module.emit(
                ScanKind.NCCL,
                item,
                "nccl",
                tell("a process group over NCCL is needless for one process"),
                NCCL_INSTEAD,
                standing=standing,
                severity=severity,
            )


def _target_name(target: ast.expr) -> str | None:
    match target:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
        case _:
            return None


def judge_version_demand(module: Module, node: ast.Assert | ast.If) -> None:
    """A program that ends where torch is older than it wants."""
    wanted = read_version(node.test) if _speaks_of_torch(module, node.test) else None
    if wanted is None or wanted.release[:2] < (1, 0):
        return
    judged = module.conditions.judge(node.test)
    if isinstance(node, ast.Assert):
        is_refused = judged is Standing.ABSENT
    else:
        is_refused = judged is Standing.HOLDS and _raises(node.body) and Version(module.api.torch) < wanted
    if is_refused:
        module.emit(
            ScanKind.NEWER_TORCH,
            node,
            str(wanted),
            tell("the program ends where torch is older than {wanted}", wanted=wanted),
            tell("an earlier version of the program, for torch {torch}", torch=module.api.torch),
        )


def _speaks_of_torch(module: Module, test: ast.expr) -> bool:
    dotted = {module.bindings.resolve(item) for item in walk(test) if isinstance(item, ast.Attribute)}
    names = {item.id.lower() for item in walk(test) if isinstance(item, ast.Name)}
    return "torch.__version__" in dotted or any(_VERSION_NAME.search(name) for name in names)


def _raises(body: Sequence[ast.stmt]) -> bool:
    match body[-1]:
        case ast.Raise():
            return True
        case ast.Expr(value=ast.Call(func=function)):
            return ast.unparse(function) in {"sys.exit", "exit", "quit"}
        case _:
            return False
