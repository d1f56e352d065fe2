"""Judges settings that are written in Python: of MMEngine's registries, Ultralytics' and Composer's trainers."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from envtool.language import tell
from envtool.scan.commands import ONE_PROCESS
from envtool.scan.kinds import NO_TENSORRT, ScanKind
from envtool.scan.libraries import ONE_DEVICE
from envtool.scan.python.values import keyword, read_text_constant

if TYPE_CHECKING:
    from envtool.scan.python.module import Module

_TYPES = frozenset(
    {
        "SyncBN",
        "SyncBatchNorm",
        "NaiveSyncBatchNorm",
        "MMDistributedDataParallel",
        "MMFullyShardedDataParallel",
        "DeepSpeedStrategy",
        "FSDPStrategy",
        "ColossalAIStrategy",
    }
)
_SEVERAL = re.compile(r"^\s*\d+\s*(?:,\s*\d+\s*)+$")
_COMPOSER = ("fsdp_config", "deepspeed_config", "parallelism_config")


def judge_registry(module: Module, call: ast.Call, dotted: str, name: str) -> None:
    """A call that makes settings, or a trainer that reads them."""
    if name in {"dict", "ConfigDict"}:
        kind = keyword(call, "type")
        text = read_text_constant(kind) if kind is not None else None
        if kind is not None and text in _TYPES:
            _emit_needless(module, kind, text)
    elif dotted.startswith("composer.") and name == "Trainer":
        for key in _COMPOSER:
            value = keyword(call, key)
            if value is not None and not (isinstance(value, ast.Constant) and value.value is None):
                _emit_needless(module, value, key)
    elif "ultralytics" in module.bindings.packages:
        _judge_ultralytics(module, call, name)


def judge_launcher_setting(module: Module, target: ast.expr, value: ast.expr) -> None:
    """`launcher = "pytorch"` at the top of a configuration."""
    text = read_text_constant(value)
    if isinstance(target, ast.Name) and target.id == "launcher" and text in {"pytorch", "slurm", "mpi"}:
        _emit_needless(module, value, f"launcher {text}")


def _judge_ultralytics(module: Module, call: ast.Call, name: str) -> None:
    device = keyword(call, "device")
    if name == "train" and device is not None:
        text = read_text_constant(device) or ""
        if _SEVERAL.match(text) or (isinstance(device, ast.List | ast.Tuple) and len(device.elts) > 1):
            module.emit(
                ScanKind.PROCESS_PER_DEVICE,
                device,
                "device",
                tell("train starts a process for each of its devices: they wait for each other for ever"),
                ONE_PROCESS,
            )
    form = keyword(call, "format")
    if name == "export" and form is not None and read_text_constant(form) in {"engine", "tensorrt"}:
        module.emit(
            ScanKind.CUDA_LIBRARY,
            form,
            "format=engine",
            tell("format=engine is {what}", what=NO_TENSORRT),
            "onnx",
        )


def _emit_needless(module: Module, node: ast.expr, name: str | None) -> None:
    module.emit(ScanKind.PARALLEL_NEEDLESS, node, str(name), tell("{name} is for several GPUs", name=name), ONE_DEVICE)
