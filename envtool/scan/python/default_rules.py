"""Judges what is used where nobody says otherwise: defaults of options, and of the fields of settings."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from envtool.scan.commands import CommandWord
from envtool.scan.kinds import ScanKind
from envtool.scan.program_options import judge_option
from envtool.scan.python.values import called_name, keyword
from envtool.told_kind import Severity

if TYPE_CHECKING:
    from envtool.scan.python.module import Module

_DECLARING = frozenset({"add_argument", "add_option", "option"})
# Judged where the text itself stands.
_ELSEWHERE = frozenset({ScanKind.NCCL})


def judge_declared_option(module: Module, call: ast.Call, name: str) -> None:
    """An option of argparse's, click's or absl's: its default is what most people run."""
    texts = [item.value for item in call.args if isinstance(item, ast.Constant) and isinstance(item.value, str)]
    default = keyword(call, "default")
    if name in _DECLARING:
        option = next((text for text in texts if text.startswith("--")), None)
    elif name.startswith("DEFINE_") and texts:
        option, default = texts[0], default or (call.args[1] if len(call.args) > 1 else None)
    else:
        return
    if option is not None and default is not None:
        _judge_default(module, option.lstrip("-"), default)


def judge_field(module: Module, target: ast.expr, value: ast.expr) -> None:
    """A field of a class of settings, with its default."""
    if not module.is_in_class or not isinstance(target, ast.Name):
        return
    if isinstance(value, ast.Call) and called_name(value) in {"field", "Field"}:
        default = keyword(value, "default") or (value.args[0] if value.args else None)
        if default is None:
            return
        value = default
    _judge_default(module, target.id, value)


def _judge_default(module: Module, option: str, value: ast.expr) -> None:
    name = option.rpartition(".")[2].replace("-", "_").lower()
    items = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
    values = [str(item.value) for item in items if isinstance(item, ast.Constant) and item.value is not None]
    # A device as a text is judged as such; `--gpu 1` may be a switch.
    if not values or values[0].startswith("cuda:") or (name == "gpu" and values[0] == "1"):
        return
    for finding in judge_option(CommandWord(name, value.lineno), name, values):
        if finding.kind not in _ELSEWHERE:
            module.emit(
                finding.kind,
                value,
                finding.identifier,
                finding.message,
                finding.instead,
                severity=Severity.WARNING,
            )
