"""Judges commands that a program runs: `subprocess.run([...])`, `os.system("...")`."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from envtool.language import tell
from envtool.release.read_profile import load_service
from envtool.scan.commands import ONE_PROCESS, UNKNOWN, CommandWord
from envtool.scan.kinds import ScanKind
from envtool.scan.launchers import judge_command
from envtool.scan.python.values import read_text_constant
from envtool.scan.shell import judge_script
from envtool.told_kind import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envtool.scan.commands import CommandFinding
    from envtool.scan.python.module import Module

_RUNNERS = frozenset(
    [
        "run",
        "call",
        "check_call",
        "check_output",
        "Popen",
        "system",
        "popen",
        "getoutput",
        "getstatusoutput",
        "execute",
        "exec_command",
        "run_command",
        "run_cmd",
        "run_shell",
        "shell",
        "cmd",
        "sh",
        "create_subprocess_shell",
        "create_subprocess_exec",
        "execvp",
        "execv",
        "spawnv",
        "cmd_output",
        "run_process",
        "safe_run",
        "execute_command",
        "check_cmd",
    ]
)
# How many arguments have a magic and its text.
_MAGICS = {"run_line_magic": 2, "run_cell_magic": 3}
# A text with none of these is no command of ours to judge; most texts are not.
_WORTH = re.compile(
    r"torchrun|torch\.distributed|accelerate|deepspeed|mpirun|srun|horovodrun|nvcc|--n|VISIBLE_DEVICES|"
    r"pip install|yolo |vllm|docker run|--gpus|trtexec|composer "
)
_KINDS = frozenset(
    {
        ScanKind.PROCESS_PER_DEVICE,
        ScanKind.CUDA_SOURCE,
        ScanKind.CUDA_LIBRARY,
        ScanKind.NVIDIA_QUERY,
        ScanKind.NVIDIA_CONTAINER,
        ScanKind.SECOND_DEVICE,
    }
)
_QUERY = re.compile(r"(?:^|[\s;&|(/\"'`])nvidia-smi(?:\.exe)?(?=$|[\s;&|)\"'`,])")


def judge_command_call(module: Module, call: ast.Call, name: str) -> None:
    """A call that runs a command."""
    if name == "which" and call.args and isinstance(call.args[0], ast.Constant) and call.args[0].value == "nvidia-smi":
        _emit_query(module, call.args[0], Severity.NOTE)
        return
    if name in _MAGICS:
        _judge_magic(module, call, name)
        return
    if name not in _RUNNERS:
        return
    texts = [item for item in call.args if read_text_constant(item) is not None]
    if len(texts) > 1 and texts == call.args and name in {"run", "run_always", "create_subprocess_exec"}:
        # Each word by itself, as nox and asyncio take them.
        words = [CommandWord(_read(item), item.lineno) for item in texts]
        if words[0].text == "nvidia-smi":
            _emit_query(module, texts[0], Severity.ERROR)
            return
        _keep(module, call, judge_command(words, lambda _path: None))
        return
    for command in _list_commands(module, call):
        _judge_text_or_list(module, command)


def _judge_magic(module: Module, call: ast.Call, name: str) -> None:
    """`get_ipython().run_line_magic("pip", "install ...")`, as a notebook is exported."""
    texts = [read_text_constant(item) for item in call.args]
    if len(texts) != _MAGICS[name] or texts[0] is None or texts[-1] is None:
        return
    if texts[0] in {"pip", "conda"} and name == "run_line_magic":
        _judge_commands(module, call, f"{texts[0]} {texts[-1]}")
    elif texts[0] in {"sx", "system", "bash", "sh", "script", "!"}:
        _judge_commands(module, call, texts[-1])


def _judge_commands(module: Module, node: ast.expr, text: str) -> None:
    if _QUERY.search(text):
        _emit_query(module, node, Severity.WARNING)
    _keep(module, node, judge_script(text, lambda _path: None))


def read_call_commands(module: Module, call: ast.Call) -> Iterator[list[CommandWord]]:
    """The words of the commands that a call may run."""
    for command in _list_commands(module, call):
        if isinstance(command, ast.List | ast.Tuple):
            yield [CommandWord(_read(item), item.lineno) for item in command.elts]
        else:
            yield [CommandWord(word, command.lineno) for word in _read(command).split()]


def _list_commands(module: Module, call: ast.Call) -> Iterator[ast.expr]:
    for item in [*call.args, *(part.value for part in call.keywords if part.arg in {"args", "cmd", "command"})]:
        if isinstance(item, ast.Name):
            # A command that was put into a variable.
            values = [value for value in module.bindings.values.get(item.id, []) if _is_command(value)]
            if item.id in module.bindings.additions and len(values) == 1:
                yield item
            yield from values
        else:
            yield item


def _list_parts(module: Module, node: ast.expr, depth: int = 0) -> list[ast.expr] | None:
    """The words of a command that is put together of lists; `None` where it is of something else."""
    match node:
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return list(items)
        case ast.BinOp(op=ast.Add(), left=left, right=right) if depth < 20:
            first, second = _list_parts(module, left, depth + 1), _list_parts(module, right, depth + 1)
            return [*first, *second] if first is not None and second is not None else None
        case ast.Name(id=name) if depth < 20:
            values = module.bindings.values.get(name, [])
            first = _list_parts(module, values[0], depth + 1) if len(values) == 1 else None
            return [*first, *module.bindings.additions.get(name, [])] if first is not None else None
        case _:
            return None


def _is_command(node: ast.expr) -> bool:
    return isinstance(node, ast.List | ast.JoinedStr | ast.BinOp) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _judge_text_or_list(module: Module, node: ast.expr) -> None:
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"split", "format", "strip"}
    ):
        is_shlex = isinstance(node.func.value, ast.Name) and node.func.value.id == "shlex"
        node = node.args[0] if is_shlex and node.args else node.func.value
    parts = _list_parts(module, node)
    if parts is not None and isinstance(node, ast.Name | ast.BinOp):
        words = [CommandWord(_read(item), item.lineno) for item in parts]
        _keep(module, parts[0] if parts else node, judge_command(words, lambda _path: None))
        return
    if isinstance(node, ast.List | ast.Tuple):
        words = [CommandWord(_read(item), item.lineno) for item in node.elts]
        if words and re.fullmatch(r"(?:.*/)?nvidia-smi(?:\.exe)?", words[0].text):
            _emit_query(module, node.elts[0], Severity.ERROR)
            return
        if len(words) > 2 and words[1].text in {"-c", "-lc"}:
            _judge_text_or_list(module, node.elts[2])
            return
        _keep(module, node, judge_command(words, lambda _path: None))
        return
    text = _read(node)
    if text.strip(UNKNOWN) == "":
        return
    if _QUERY.search(text):
        _emit_query(module, node, Severity.ERROR)
    elif _WORTH.search(text):
        _keep(module, node, judge_script(text, lambda _path: None))


def _read(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=value):
            return str(value)
        case ast.JoinedStr(values=values):
            return "".join(_read(item) if isinstance(item, ast.Constant) else UNKNOWN for item in values)
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return _read(left) + _read(right)
        case ast.BinOp(op=ast.Mod(), left=left):
            return re.sub(r"%[sdr]", UNKNOWN, _read(left))
        case ast.Attribute(attr="executable"):
            return "python"
        case _:
            return UNKNOWN


def _emit_query(module: Module, node: ast.expr, severity: Severity) -> None:
    module.emit(
        ScanKind.NVIDIA_QUERY,
        node,
        "nvidia-smi",
        tell("nvidia-smi sees no accelerator"),
        load_service().words.query,
        severity=severity,
    )


def _keep(module: Module, node: ast.expr, findings: Iterable[CommandFinding]) -> None:
    for finding in findings:
        if finding.kind in _KINDS:
            module.emit(
                finding.kind,
                node,
                finding.identifier,
                finding.message,
                finding.instead or ONE_PROCESS,
                severity=finding.severity,
            )
