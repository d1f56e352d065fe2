"""Judges calls: processes that are started, extensions, trainers, models, devices, and commands that are run."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from packaging.version import Version

from envtool.language import tell
from envtool.scan.commands import VISIBLE
from envtool.scan.kinds import ScanKind
from envtool.scan.python import command_rules, concurrent_rules, default_rules, registry_rules, trainer_rules
from envtool.scan.python.name_rules import judge_setting, judge_visible
from envtool.scan.python.newer_rules import judge_newer_parameters
from envtool.scan.python.standing import Standing
from envtool.scan.python.tree import walk
from envtool.scan.python.values import called_name, keyword, list_values, read_text_constant
from envtool.told_kind import Severity

if TYPE_CHECKING:
    from envtool.scan.python.module import Module

ONE_PROCESS = tell("call the function itself: one process for one accelerator")
_SPAWNERS = re.compile(r"(?:^|\.)multiprocessing(?:\.spawn)?\.(?:spawn|start_processes)$")
_LAUNCHERS = {
    "accelerate.notebook_launcher": ("num_processes", 2),
    "accelerate.launchers.notebook_launcher": ("num_processes", 2),
    "detectron2.engine.launch": ("num_gpus_per_machine", 1),
    "detectron2.engine.launch.launch": ("num_gpus_per_machine", 1),
    "fastreid.engine.launch": ("num_gpus_per_machine", 1),
    "ray.train.ScalingConfig": ("num_workers", 0),
    "ray.air.config.ScalingConfig": ("num_workers", 0),
    "ray.air.ScalingConfig": ("num_workers", 0),
    "ignite.distributed.Parallel": ("nproc_per_node", 9),
    "pyspark.ml.torch.distributor.TorchDistributor": ("num_processes", 0),
    "torch.distributed.launcher.api.LaunchConfig": ("nproc_per_node", 2),
    "torch.distributed.launcher.LaunchConfig": ("nproc_per_node", 2),
}
_EXTENSIONS = re.compile(r"(?:^|\.)cpp_extension\.(load|load_inline)$")
_CUDA_LIBRARIES = re.compile(
    r"(?:^|[/\\])lib(?:cuda|cudart|cublas\w*|cudnn\w*|nccl|nvrtc|nvidia-ml|nvinfer\w*|curand|cusparse|cufft)\.so|^(?:cuda|cudart|nccl|nvrtc|nvidia-ml)$"
)


def judge_call(module: Module, call: ast.Call) -> None:
    """A call, by all rules."""
    dotted = module.bindings.resolve(call.func) or ""
    name = called_name(call)
    judge_newer_parameters(module, call, dotted)
    _note_call(module, call, name)
    if _SPAWNERS.search(dotted) or (name == "spawn" and dotted.startswith("torch_xla")):
        _judge_spawn(module, call)
    elif dotted in _LAUNCHERS:
        _judge_launcher(module, call, dotted)
    elif dotted.endswith("multiprocessing.Process") or (name == "Process" and "multiprocessing" in dotted):
        _judge_process(module, call)
    elif match := _EXTENSIONS.search(dotted):
        _judge_extension(module, call, match[1])
    elif dotted.startswith("torch.") or dotted.startswith("torchvision."):
        _judge_parameters(module, call, dotted)
    _judge_backend(module, call, name)
    _judge_device(module, call, dotted, name)
    if name in {"setdefault", "putenv", "setenv"} and len(call.args) == 2:
        judge_visible(module, read_text_constant(call.args[0]) or "", call.args[1])
    if name in {"CDLL", "LoadLibrary", "find_library", "cdll_load", "PyDLL"} and call.args:
        text = read_text_constant(call.args[0])
        if text is not None and _CUDA_LIBRARIES.search(text):
            module.emit(
                ScanKind.CUDA_LIBRARY,
                call,
                text,
                tell("{text} is CUDA's own, which is not there", text=text),
                attempt=module.attempt,
            )
    trainer_rules.judge_trainer(module, call, dotted, name)
    command_rules.judge_command_call(module, call, name)
    concurrent_rules.judge_concurrent(module, call, dotted, name)
    default_rules.judge_declared_option(module, call, name)
    registry_rules.judge_registry(module, call, dotted, name)
    for item in call.keywords:
        if item.arg in VISIBLE:
            judge_visible(module, item.arg, item.value)


def _note_call(module: Module, call: ast.Call, name: str) -> None:
    """Remember who is called, or handed on to be called, and under which conditions."""
    names = [name] if name else []
    for item in [*call.args, *(item.value for item in call.keywords)]:
        match item:
            case ast.Name(id=handed) | ast.Attribute(attr=handed):
                names.append(handed)
            case _:
                pass
    place = module.place(call)
    for item_name in names:
        if item_name in module.bindings.defined:
            module.calls.setdefault(item_name, []).append(place)


def _judge_spawn(module: Module, call: ast.Call) -> None:
    number = keyword(call, "nprocs") or (call.args[2] if len(call.args) > 2 else None)
    count = 1 if number is None else _count(module, number)
    _emit_processes(module, call, "mp.spawn", count)


def _emit_processes(module: Module, call: ast.Call, name: str, count: int | None) -> None:
    if count is not None and count <= 1:
        module.emit(
            ScanKind.PROCESS_PER_DEVICE,
            call,
            name,
            tell("{name} starts one process here", name=name),
            ONE_PROCESS,
            severity=Severity.NOTE,
        )
        return
    told = str(count) if count is not None else tell("an unknown number")
    module.emit(
        ScanKind.PROCESS_PER_DEVICE,
        call,
        name,
        tell(
            "{name} starts several processes ({told}) for one accelerator: they wait for each other for ever",
            name=name,
            told=told,
        ),
        ONE_PROCESS,
    )


def _count(module: Module, node: ast.expr) -> int | None:
    return module.conditions.count(node, is_certain=True)


def _judge_launcher(module: Module, call: ast.Call, dotted: str) -> None:
    name, position = _LAUNCHERS[dotted]
    number = keyword(call, name) or (call.args[position] if len(call.args) > position else None)
    if number is None:
        return
    count = module.conditions.count(number)
    if count is not None and count > 1:
        _emit_processes(module, call, dotted.rpartition(".")[2], count)


def _judge_process(module: Module, call: ast.Call) -> None:
    """A process for each rank, as tutorials start them."""
    arguments = keyword(call, "args")
    if arguments is None or not module.uses_process_group:
        return
    names = {item.id.lower() for item in walk(arguments) if isinstance(item, ast.Name)}
    if any(re.fullmatch(r"(?:\w+_)?rank|world_?size|size|(?:\w+_)?gpu|proc_id", name) for name in names):
        _emit_processes(module, call, "Process", None)


def _judge_extension(module: Module, call: ast.Call, name: str) -> None:
    sources = keyword(call, "cuda_sources") if name == "load_inline" else keyword(call, "sources")
    if name == "load_inline" and sources is None:
        return
    if name == "load":
        sources = sources or (call.args[1] if len(call.args) > 1 else None)
        texts = (
            [read_text_constant(item) for item in walk(sources) if isinstance(item, ast.Constant)] if sources else []
        )
        known = [text for text in texts if text]
        if (
            isinstance(sources, ast.List | ast.Tuple | ast.Constant)
            and known
            and all(re.search(r"\.(?:cpp|cc|cxx|c)$", text) for text in known)
        ):
            return
    module.emit(
        ScanKind.CUDA_SOURCE,
        call,
        f"cpp_extension.{name}",
        tell("it compiles CUDA sources at run time, by nvcc, which is not there"),
        tell("torch's own operations"),
        attempt=module.attempt,
    )


def _judge_parameters(module: Module, call: ast.Call, dotted: str) -> None:
    padding = keyword(call, "padding")
    if (
        padding is not None
        and read_text_constant(padding) is not None
        and re.search(r"\.(?:Conv|conv)[123]d$", dotted)
        and Version(module.api.torch) < Version("1.9")
    ):
        module.emit(
            ScanKind.NEWER_TORCH,
            padding,
            f"{dotted}(padding)",
            tell("{dotted} takes padding as a text from torch 1.9 on", dotted=dotted),
            tell("padding as a number"),
        )
    for item in call.keywords:
        since = module.api.find_parameter(dotted, item.arg) if item.arg else None
        if since is not None and not (isinstance(item.value, ast.Constant) and item.value.value is None):
            since = since if " " in since else f"torch {since}"
            attempt = module.attempt
            is_forgiven = attempt is not None and not module.attempts[attempt].raises
            module.emit(
                ScanKind.NEWER_TORCH,
                item.value,
                f"{dotted}({item.arg})",
                tell("{dotted} takes {arg} from {since} on", dotted=dotted, arg=item.arg, since=since),
                tell("leave {arg} out", arg=item.arg),
                standing=Standing.ABSENT if is_forgiven else None,
            )


def _judge_backend(module: Module, call: ast.Call, name: str) -> None:
    if name in {"add_argument", "add_option", "option", "DEFINE_string"}:
        default = keyword(call, "default") or (call.args[1] if name == "DEFINE_string" and len(call.args) > 1 else None)
        text = read_text_constant(default) if default is not None else None
        if default is not None and text == "nccl":
            judge_setting(module, "backend", default, severity=Severity.NOTE)
        return
    if name in {"init_process_group", "new_group", "init_distributed", "initialize_dist"} and call.args:
        judge_setting(module, "backend", call.args[0])
    # A dictionary of settings says what is used where something is distributed.
    severity = Severity.NOTE if name in {"dict", "ConfigDict"} else None
    for item in call.keywords:
        if item.arg is not None:
            judge_setting(module, item.arg, item.value, severity=severity)


def _judge_device(module: Module, call: ast.Call, dotted: str, name: str) -> None:
    """Devices by number: `.cuda(1)`, `torch.device("cuda", 1)`, `device_ids=[0, 1]`, `device_map={"": 1}`."""
    nodes: list[ast.expr] = []
    if (name == "cuda" and isinstance(call.func, ast.Attribute) and not dotted) or dotted in {
        "torch.cuda.set_device",
        "torch.cuda.device",
        "torch.cuda.get_device_properties",
        "torch.cuda.get_device_name",
    }:
        nodes = [*call.args[:1], *filter(None, [keyword(call, "device")])]
    elif dotted == "torch.device":
        nodes = [*call.args[1:2], *filter(None, [keyword(call, "index")])]
    elif name == "to" and isinstance(call.func, ast.Attribute) and not dotted:
        nodes = [*call.args[:1], *filter(None, [keyword(call, "device")])]
    elif dotted.startswith("torch.") or dotted == "transformers.pipeline":
        nodes = [*filter(None, [keyword(call, "device")])]
    for item in call.keywords:
        if item.arg == "device_ids" and isinstance(item.value, ast.List):
            nodes += item.value.elts
        elif item.arg in {"device_map", "max_memory"} and isinstance(item.value, ast.Dict):
            nodes += item.value.values if item.arg == "device_map" else [key for key in item.value.keys if key]
        elif item.arg in {"output_device", "device_id"} and "arallel" in name:
            nodes.append(item.value)
    for node in nodes:
        for item_node, standing in list_values(node, module.conditions):
            if isinstance(item_node, ast.Constant) and type(item_node.value) is int and item_node.value > 0:
                number = item_node.value
                module.emit(
                    ScanKind.SECOND_DEVICE,
                    call if item_node is node and name == "cuda" else item_node,
                    f"cuda:{number}",
                    tell("device {number}: there is one accelerator, cuda:0", number=number),
                    "cuda:0",
                    standing=standing,
                )
                break
