"""Reads configurations in YAML and JSON: of accelerate, DeepSpeed, Lightning, and of programs with such options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from envtool.documents import parse_json
from envtool.scan.commands import AccelerateSettings, CommandFinding, CommandWord
from envtool.scan.images import judge_image
from envtool.scan.kinds import ScanKind
from envtool.scan.launchers import INSTEAD
from envtool.scan.libraries import ONE_DEVICE
from envtool.scan.program_options import judge_option
from envtool.told_kind import Severity

if TYPE_CHECKING:
    from yaml.nodes import Node

# A file without any of these words has nothing for us; parsing takes long.
_WORDS = re.compile(
    rb"distributed_type|num_processes|zero_optimization|per_gpu|deepspeed|fsdp|strategy|devices|gpus|ddp|nccl|nvidia|flash_attn|"
    rb"flash_attention|quantiz|load_in_|bnb|8bit|4bit|apex|xformers|sync_batchnorm|num_nodes|_backend|pytorch/pytorch|torchrun|launcher|"
    rb"tensor_parallel|torch\.distributed|horovod|bitsandbytes"
)
# Files with more than this are data.
LIMIT = 1 << 20
_DISTRIBUTED = frozenset({"FSDP", "DEEPSPEED", "MEGATRON_LM", "MULTI_GPU", "MULTI_HPU", "MULTI_NPU", "TP"})
_OPTIONS = frozenset(
    [
        "deepspeed",
        "deepspeed_config",
        "fsdp",
        "fsdp_config",
        "flash_attn",
        "flash_attention",
        "use_flash_attention",
        "use_flash_attention_2",
        "use_flash_attn",
        "quantization_bit",
        "load_in_4bit",
        "load_in_8bit",
        "attn_implementation",
        "_attn_implementation",
        "optim",
        "xformers",
        "enable_xformers_memory_efficient_attention",
        "xformers_attention",
        "half_precision_backend",
        "fp16_backend",
        "amp_backend",
        "use_xformers",
        "enable_liger_kernel",
        "use_unsloth",
        "use_liger_kernel",
        "use_liger",
    ]
)
_TRAINERS = re.compile(r"(?:^|_|\.)(?:trainer|pl_trainer|lightning|fabric)(?:$|_|\.)", re.IGNORECASE)
_STRATEGIES = re.compile(r"^(?:ddp|fsdp|deepspeed|dp$|horovod|ddp2|bagua|colossalai)")
_STRATEGY_CLASSES = re.compile(r"(?:^|\.)(?:DDP|FSDP|DeepSpeed|DataParallel|ModelParallel)\w*(?:Strategy|Plugin)$")


@dataclass(frozen=True)
class Setting:
    """A scalar, or a mapping or list, of a configuration: its keys from the outermost, its value, its line."""

    keys: tuple[str, ...]
    value: Any
    line: int


def judge_configuration(data: bytes, *, is_json: bool) -> Iterator[CommandFinding]:
    """What a configuration asks for. Raises `ValueError` where it cannot be read."""
    if len(data) > LIMIT or not _WORDS.search(data):
        return
    settings = list(read_configuration(data, is_json=is_json))
    top = {setting.keys[0]: setting for setting in settings if len(setting.keys) == 1 and setting.keys}
    if _is_accelerate(top):
        yield from _judge_accelerate(top)
    elif "zero_optimization" in top or "train_micro_batch_size_per_gpu" in top:
        setting = top.get("zero_optimization") or top["train_micro_batch_size_per_gpu"]
        yield CommandFinding(
            kind=ScanKind.PARALLEL_NEEDLESS,
            severity=Severity.WARNING,
            line=setting.line,
            identifier=setting.keys[0],
            message="a configuration of DeepSpeed, which is for several GPUs",
            instead=ONE_DEVICE,
        )
    else:
        for setting in settings:
            yield from _judge_setting(setting, settings)


def read_accelerate(data: bytes) -> AccelerateSettings | None:
    """What a configuration of accelerate says of processes; `None` where it is none."""
    try:
        settings = read_configuration(data, is_json=False)
        top = {setting.keys[0]: setting.value for setting in settings if len(setting.keys) == 1}
    except ValueError:
        return None
    processes, machines = _number(top.get("num_processes")), _number(top.get("num_machines"))
    if machines is not None and machines > 1:
        processes = max(processes or 0, machines)
    return AccelerateSettings(processes, str(top.get("distributed_type", "NO")).upper())


def read_configuration(data: bytes, *, is_json: bool) -> Iterator[Setting]:
    """The settings of a file, mappings before what is in them. Raises `ValueError`."""
    text = data.decode("utf-8", "replace")
    if is_json:
        try:
            document = parse_json(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
        except ValueError as error:
            raise ValueError(f"it is no JSON: {error}") from None
        yield from _walk_json(document, text, (), [0])
        return
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for document in yaml.compose_all(text, Loader=loader):
            if document is not None:
                yield from _walk_yaml(document, ())
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"it is no YAML: {str(error).splitlines()[0]}") from None


def _walk_yaml(node: Node, keys: tuple[str, ...], depth: int = 0) -> Iterator[Setting]:
    import yaml

    if depth > 50:
        return
    match node:
        case yaml.MappingNode():
            for key, value in node.value:
                name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
                inner = (*keys, name)
                yield Setting(inner, _plain(value), key.start_mark.line + 1)
                yield from _walk_yaml(value, inner, depth + 1)
        case yaml.SequenceNode():
            for item in node.value:
                yield from _walk_yaml(item, keys, depth + 1)
        case _:
            pass


def _plain(node: Node) -> Any:
    import yaml

    if isinstance(node, yaml.ScalarNode):
        return node.value
    if isinstance(node, yaml.SequenceNode):
        return [str(item.value) for item in node.value if isinstance(item, yaml.ScalarNode)]
    return None


def _walk_json(value: Any, text: str, keys: tuple[str, ...], cursor: list[int]) -> Iterator[Setting]:
    if isinstance(value, dict):
        for key, item in value.items():
            match = re.compile(rf'"{re.escape(key)}"\s*:').search(text, cursor[0])
            if match is not None:
                cursor[0] = match.start()
            yield Setting((*keys, key), None if isinstance(item, dict) else item, text.count("\n", 0, cursor[0]) + 1)
            yield from _walk_json(item, text, (*keys, key), cursor)
    elif isinstance(value, list):
        for item in value:
            yield from _walk_json(item, text, keys, cursor)


def _is_accelerate(top: dict[str, Setting]) -> bool:
    return "distributed_type" in top or {"compute_environment", "num_processes"} <= top.keys()


def _judge_accelerate(top: dict[str, Setting]) -> Iterator[CommandFinding]:
    kind = top.get("distributed_type")
    if kind is not None and str(kind.value).upper() in _DISTRIBUTED:
        yield CommandFinding(
            kind=ScanKind.PARALLEL_NEEDLESS,
            severity=Severity.WARNING,
            line=kind.line,
            identifier=str(kind.value),
            message=f"distributed_type {kind.value} is for several GPUs",
            instead="distributed_type: 'NO'",
        )
    for key in ("num_processes", "num_machines"):
        number = _number(top[key].value) if key in top else None
        if number is not None and number > 1:
            yield CommandFinding(
                kind=ScanKind.PROCESS_PER_DEVICE,
                severity=Severity.ERROR,
                line=top[key].line,
                identifier=key,
                message=f"{key} is {number}: the processes wait for each other for ever",
                instead=f"{key}: 1",
            )


def _judge_setting(setting: Setting, settings: list[Setting]) -> Iterator[CommandFinding]:
    name, value = setting.keys[-1].replace("-", "_"), setting.value
    word = CommandWord(name, setting.line)
    if name == "image" and isinstance(value, str):
        found = judge_image(value)
        if found is not None:
            yield replace(found, line=setting.line)
    elif name in _OPTIONS and isinstance(value, str | bool | int):
        yield from judge_option(word, name, [str(value)])
    elif name.endswith("backend") and isinstance(value, str) and value == "nccl":
        yield CommandFinding(
            kind=ScanKind.NCCL,
            severity=Severity.NOTE,
            line=setting.line,
            identifier="nccl",
            message="a process group over NCCL is needless for one process",
            instead="leave it out",
        )
    elif (
        name in {"nproc_per_node", "num_processes", "nprocs"} and (number := _number(value)) is not None and number > 1
    ):
        yield CommandFinding(
            kind=ScanKind.PROCESS_PER_DEVICE,
            severity=Severity.ERROR,
            line=setting.line,
            identifier=name,
            message=f"{name} is {number}: the processes wait for each other for ever",
            instead=INSTEAD,
        )
    elif _is_of_trainer(setting, settings):
        yield from _judge_trainer(setting, name)


def _is_of_trainer(setting: Setting, settings: list[Setting]) -> bool:
    if any(_TRAINERS.search(key) for key in setting.keys[:-1]):
        return True
    beside = {item.keys[-1] for item in settings if item.keys[:-1] == setting.keys[:-1]}
    return bool(
        beside
        & {
            "max_epochs",
            "accumulate_grad_batches",
            "gradient_clip_val",
            "check_val_every_n_epoch",
            "limit_train_batches",
        }
    )


def _judge_trainer(setting: Setting, name: str) -> Iterator[CommandFinding]:
    value = setting.value
    text = str(value).strip() if isinstance(value, str | int) else ""
    severity: Severity | None = None
    if (
        name in {"strategy", "accelerator", "distributed_backend"}
        and (_STRATEGIES.match(text) or _STRATEGY_CLASSES.search(text))
    ) or (name == "_target_" and _STRATEGY_CLASSES.search(text)):
        severity = Severity.WARNING
    elif name in {"gpus", "devices", "num_nodes"}:
        parts = [str(part) for part in value] if isinstance(value, list) else re.split(r"\s*,\s*", text.strip(","))
        numbers = [int(part) for part in parts if re.fullmatch(r"\d+", part)]
        is_list = isinstance(value, list) or "," in text
        if (is_list and (len(numbers) > 1 or any(numbers))) or (not is_list and numbers and numbers[0] > 1):
            severity = Severity.ERROR
        elif text == "-1":
            severity = Severity.NOTE
        text = text or ", ".join(parts)
    elif name == "sync_batchnorm" and text.lower() == "true":
        severity = Severity.WARNING
    if severity is not None:
        yield CommandFinding(
            kind=ScanKind.TRAINER_SETTING,
            severity=severity,
            line=setting.line,
            identifier=text if name in {"strategy", "accelerator"} else name,
            message=f"{name} {text} is for several devices",
            instead="one device, and no strategy",
        )


def _number(value: Any) -> int | None:
    return int(str(value)) if re.fullmatch(r"\d+", str(value)) else None
