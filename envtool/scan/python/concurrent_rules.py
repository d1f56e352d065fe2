"""Judges programs that a loop starts without waiting for them, and accelerators that are asked of Ray."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from envtool.language import tell
from envtool.scan.accelerator_use import make_concurrent, uses_accelerator
from envtool.scan.cluster import make_request
from envtool.scan.commands import CommandWord, make_several
from envtool.scan.kinds import ScanKind
from envtool.scan.python.command_rules import read_call_commands
from envtool.scan.python.tree import walk
from envtool.scan.python.values import keyword
from envtool.told_kind import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envtool.scan.python.module import Module

_STARTERS = frozenset({"Popen", "create_subprocess_exec", "create_subprocess_shell"})
_WAITS = frozenset({"wait", "communicate", "join"})
_DEVICE = re.compile(r"(?:\w+_)?gpu(?:_?(?:id|idx|index|num))?|(?:cuda_)?device_?(?:id|idx|index)")
_SUBMITTED = frozenset({"gpus_per_node", "tasks_per_node", "ntasks_per_node"})
_REQUESTS = {"ray.init": Severity.WARNING, "ray.remote": Severity.ERROR}


def starts_again(body: Sequence[ast.stmt]) -> bool:
    """Whether a loop goes on before what it started has ended: nothing in it waits unconditionally."""
    for statement in body:
        if isinstance(statement, ast.Expr | ast.Assign | ast.AnnAssign):
            calls = [item for item in walk(statement) if isinstance(item, ast.Call)]
            if any(isinstance(call.func, ast.Attribute) and call.func.attr in _WAITS for call in calls):
                return False
    return True


def judge_concurrent(module: Module, call: ast.Call, dotted: str, name: str) -> None:
    """A call that starts a program or a process, or asks for accelerators."""
    if module.loop is not None and name in _STARTERS:
        _judge_popen(module, call, module.loop)
    elif module.loop is not None and name == "Process" and "multiprocessing" in dotted:
        _judge_process(module, call)
    elif name == "update_parameters" and "submitit" in module.bindings.packages:
        _judge_submission(module, call)
    elif dotted in _REQUESTS:
        number = keyword(call, "num_gpus")
        if isinstance(number, ast.Constant) and isinstance(number.value, int | float) and number.value > 1:
            module.emit(
                ScanKind.SECOND_DEVICE,
                call,
                f"num_gpus={number.value}",
                tell("{dotted} asks for {value} GPUs: there is one accelerator", dotted=dotted, value=number.value),
                "num_gpus=1",
                severity=_REQUESTS[dotted],
            )


def _judge_submission(module: Module, call: ast.Call) -> None:
    """What a job of submitit's asks for."""
    for item in call.keywords:
        name = (item.arg or "").removeprefix("slurm_")
        number = module.conditions.count(item.value, is_certain=True) if name in _SUBMITTED else None
        if number is None or number < 2:
            continue
        if name == "gpus_per_node":
            finding = make_request(item.value.lineno, name, str(number))
        else:
            finding = make_several(item.value.lineno, name, str(number))
        module.emit(
            finding.kind, item.value, finding.identifier, finding.message, finding.instead, severity=finding.severity
        )


def _judge_popen(module: Module, call: ast.Call, loop: ast.AST) -> None:
    sets_device = any(
        (isinstance(item, ast.Constant) and item.value == "CUDA_VISIBLE_DEVICES")
        or (isinstance(item, ast.keyword) and item.arg == "CUDA_VISIBLE_DEVICES")
        for item in walk(loop)
    )
    assigned = [CommandWord("CUDA_VISIBLE_DEVICES=?", call.lineno)] if sets_device else []
    if any(uses_accelerator([*assigned, *words]) for words in read_call_commands(module, call)):
        _emit(module, call, "Popen")


def _judge_process(module: Module, call: ast.Call) -> None:
    """A process for each device, as a pool of workers is made by hand."""
    arguments = keyword(call, "args")
    if arguments is None or module.uses_process_group or "torch" not in module.bindings.imports:
        return
    if any(isinstance(item, ast.Name) and _DEVICE.fullmatch(item.id.lower()) for item in walk(arguments)):
        _emit(module, call, "Process")


def _emit(module: Module, call: ast.Call, name: str) -> None:
    finding = make_concurrent(call.lineno, name)
    severity = Severity.NOTE if _runs_once(module) else finding.severity
    module.emit(finding.kind, call, finding.identifier, finding.message, finding.instead, severity=severity)


def _runs_once(module: Module) -> bool:
    """Whether the loop is one over all devices, of which there is one."""
    loops = module.loop.generators if isinstance(module.loop, ast.ListComp) else [module.loop]
    for loop in loops:
        if isinstance(loop, ast.For | ast.comprehension) and isinstance(loop.iter, ast.Call) and loop.iter.args:
            return module.conditions.count(loop.iter.args[-1]) == 1
    return False
