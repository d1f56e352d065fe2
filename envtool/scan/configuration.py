"""Reads configurations in YAML and JSON: of accelerate, DeepSpeed, Lightning, and of programs with such options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from envtool.language import tell
from envtool.scan.cluster import make_request
from envtool.scan.commands import (
    ONE_PROCESS,
    VISIBLE,
    AccelerateSettings,
    CommandFinding,
    CommandWord,
    judge_variable,
    needless,
)
from envtool.scan.configuration_reader import ConfigurationSyntax, Setting, read_configuration
from envtool.scan.configured_commands import judge_commands
from envtool.scan.containers import make_container
from envtool.scan.images import judge_image
from envtool.scan.kinds import ScanKind
from envtool.scan.libraries import ONE_DEVICE
from envtool.scan.program_options import judge_option
from envtool.scan.workflow import list_own_jobs
from envtool.told_kind import Severity

if TYPE_CHECKING:
    from envtool.scan.process_launch import Follow

# A file without any of these words has nothing for us; parsing takes long.
_WORDS = re.compile(
    rb"distributed_type|num_processes|zero_optimization|per_gpu|extras_require|deepspeed|fsdp|strategy|devices|gpus|ddp|nccl|nvidia|flash_attn|"
    rb"flash_attention|quantiz|load_in_|bnb|8bit|4bit|apex|xformers|sync_batchnorm|num_nodes|_backend|pytorch/pytorch|torchrun|launcher|"
    rb"dependencies|gpu|GPU|cuda:|device:|sync_bn|SyncBN|parallel_size|transformer_engine|tasks_per_node|fused_|"
    rb"tensor_parallel|torch\.distributed|horovod|bitsandbytes|accelerate|mpirun|srun|--gpus|VISIBLE_DEVICES|num-gpus"
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
        "optimizer",
        "optimizer_type",
        "attn_impl",
        "attention_backend",
        "transformer_engine",
        "use_transformer_engine",
        "multi_gpu",
        "sync_bn",
        "use_8bit_adam",
        "ddp_strategy",
        "quantization",
        "quantize",
    ]
)
_IMAGES = frozenset(
    [
        "image",
        "container",
        "base_image",
        "docker_image",
        "container_image",
        "image_uri",
        "baseimage",
        "docker",
        "image_name",
    ]
)
_PROCESSES = frozenset(
    ["nproc_per_node", "num_processes", "nprocs", "tasks_per_node", "ntasks_per_node", "num_proc_per_node"]
)
_TRAINERS = re.compile(r"(?:^|_|\.)(?:trainer|pl_trainer|lightning|fabric)(?:$|_|\.)", re.IGNORECASE)
_STRATEGIES = re.compile(r"^(?:ddp|fsdp|deepspeed|dp$|horovod|ddp2|bagua|colossalai)")
_STRATEGY_CLASSES = re.compile(r"(?:^|\.)(?:DDP|FSDP|DeepSpeed|DataParallel|ModelParallel)\w*(?:Strategy|Plugin)$")


def judge_configuration(
    data: bytes, follow: Follow, syntax: ConfigurationSyntax, *, group: str = "", is_workflow: bool = False
) -> Iterator[CommandFinding]:
    """What a configuration asks for; `group` is the folder that it is in, which hydra has for a key.

    `is_workflow`: it is one of GitHub's, whose jobs run on machines of theirs unless they say otherwise.
    Raises `ValueError` where it cannot be read.
    """
    if len(data) > LIMIT or not _WORDS.search(data):
        return
    settings = list(read_configuration(data, syntax))
    if is_workflow:
        settings = list_own_jobs(settings)
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
            message=tell("a configuration of DeepSpeed, which is for several GPUs"),
            instead=ONE_DEVICE,
        )
    else:
        has_trainer = _TRAINERS.search(group) is not None and "." not in group
        for setting in settings:
            yield from _judge_setting(setting, settings, has_trainer=has_trainer)
        yield from judge_commands(settings, follow)


def read_accelerate(data: bytes) -> AccelerateSettings | None:
    """What a configuration of accelerate says of processes; `None` where it is none."""
    try:
        settings = read_configuration(data, ConfigurationSyntax.YAML)
        top = {setting.keys[0]: setting.value for setting in settings if len(setting.keys) == 1}
    except ValueError:
        return None
    processes, machines = _number(top.get("num_processes")), _number(top.get("num_machines"))
    if machines is not None and machines > 1:
        processes = max(processes or 0, machines)
    return AccelerateSettings(processes, str(top.get("distributed_type", "NO")).upper())


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
            message=tell("distributed_type {value} is for several GPUs", value=kind.value),
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
                message=tell("{key} is {number}: the processes wait for each other for ever", key=key, number=number),
                instead=f"{key}: 1",
            )


_TRAINER_SETTINGS = frozenset({"strategy", "devices", "num_nodes", "num_processes", "sync_batchnorm"})


def _judge_setting(setting: Setting, settings: list[Setting], *, has_trainer: bool) -> Iterator[CommandFinding]:
    name, value = setting.keys[-1].replace("-", "_").lower(), setting.value
    word = CommandWord(name, setting.line)
    yield from _judge_environment(setting, settings)
    found_request = _judge_request(setting)
    if found_request is not None:
        yield found_request
    elif name in _IMAGES and isinstance(value, str):
        found = judge_image(value.removeprefix("docker://"))
        if found is not None:
            yield replace(found, line=setting.line)
    elif name in _TRAINER_SETTINGS and _find_siblings(setting, settings).get("accelerator") == "cpu":
        # The processes are the CPU's, and wait for nobody.
        return
    elif name in _OPTIONS:
        yield from _judge_known_option(word, name, value)
    elif name == "name" and isinstance(value, str) and any("optim" in key.lower() for key in setting.keys[:-1]):
        yield from judge_option(word, "optim", [value])
    elif isinstance(value, str) and re.fullmatch(r"Sync(?:BN|BatchNorm)", value):
        yield needless(CommandWord(value, setting.line), value)
    elif name.endswith("backend") and isinstance(value, str) and value == "nccl":
        yield CommandFinding(
            kind=ScanKind.NCCL,
            severity=Severity.NOTE,
            line=setting.line,
            identifier="nccl",
            message=tell("a process group over NCCL is needless for one process"),
            instead=tell("leave it out"),
        )
    elif name in _PROCESSES and (number := _number(value)) is not None and number > 1:
        yield CommandFinding(
            kind=ScanKind.PROCESS_PER_DEVICE,
            severity=Severity.ERROR,
            line=setting.line,
            identifier=name,
            message=tell("{name} is {number}: the processes wait for each other for ever", name=name, number=number),
            instead=ONE_PROCESS,
        )
    elif has_trainer or _is_of_trainer(setting, settings):
        yield from _judge_trainer(setting, name)
    elif "resources" not in setting.keys:
        yield from _judge_devices(word, name, value)


def _judge_known_option(word: CommandWord, name: str, value: Any) -> Iterator[CommandFinding]:
    """An option of many programs; one that has a list, or settings of its own, is on."""
    if isinstance(value, str | bool | int):
        yield from judge_option(word, name, [str(value)])
    elif value is None or (isinstance(value, list) and value):
        is_mapping = value is None and name in {"deepspeed", "deepspeed_config", "fsdp", "fsdp_config"}
        if is_mapping or isinstance(value, list):
            yield from judge_option(word, name, ["true"])


def _judge_devices(word: CommandWord, name: str, value: Any) -> Iterator[CommandFinding]:
    """Devices by number or name, and how many of them."""
    values = [str(item) for item in value] if isinstance(value, list) else [str(value)] if value is not None else []
    if name in {"device", "devices"} and re.fullmatch(r"\d+", str(value)):
        # Of whatever: a number alone names no GPU.
        return
    if values and isinstance(value, str | int | list) and not isinstance(value, bool):
        if len(values) == 1 and re.fullmatch(r"cuda:[1-9]\d*", values[0]):
            yield from judge_option(word, "device", values)
        else:
            yield from judge_option(word, name, [item.strip("[]") for item in values])


def _judge_environment(setting: Setting, settings: list[Setting]) -> Iterator[CommandFinding]:
    """Variables that name devices: a mapping's, Compose's lists of assignments, and Kubernetes' names with values."""
    name, value = setting.keys[-1], setting.value
    if name in VISIBLE and isinstance(value, str | int):
        yield from judge_variable(CommandWord(f"{name}={value}", setting.line))
    elif name in {"environment", "env"} and isinstance(value, list):
        for item, line in zip(value, setting.lines, strict=False):
            if str(item).partition("=")[0] in VISIBLE:
                yield from judge_variable(CommandWord(str(item), line))
    elif name == "value" and isinstance(value, str) and re.match(r"[\d, ]+$", value):
        beside = {item.keys[-1]: item.value for item in settings if item.mapping == setting.mapping}
        if beside.get("name") in VISIBLE:
            yield from judge_variable(CommandWord(f"{beside['name']}={value}", setting.line))


def _judge_request(setting: Setting) -> CommandFinding | None:
    """NVIDIA's devices for a container, as Compose and Kubernetes ask for them."""
    name, value = setting.keys[-1], str(setting.value).strip().lower()
    if name == "nvidia.com/gpu" and setting.keys[-2:-1] == ("limits",):
        number = _number(value)
        if number is not None and number > 1:
            return make_request(setting.line, name, value)
        return make_container(name, setting.line, Severity.WARNING) if number else None
    is_service = "services" in setting.keys[:1]
    if is_service and ((name == "driver" and "devices" in setting.keys) or name == "runtime") and value == "nvidia":
        return make_container(f"{name}: {value}", setting.line)
    if name == "gpus" and ((is_service and len(setting.keys) == 3) or value == "all"):
        return make_container(name, setting.line)
    if setting.keys[-1] == "GPU" and setting.keys[-2:-1] == ("resources",):
        number = _number(value)
        return make_request(setting.line, "resources", value) if number is not None and number > 1 else None
    return None


# What Hydra makes of a group of settings.
_TRAINER_CLASS = re.compile(r"^(?:pytorch_)?lightning(?:_fabric)?\.(?:\w+\.)*(?:Trainer|Fabric)$")


def _find_siblings(setting: Setting, settings: list[Setting]) -> dict[str, Any]:
    return {item.keys[-1]: item.value for item in settings if item.keys[:-1] == setting.keys[:-1]}


def _is_of_trainer(setting: Setting, settings: list[Setting]) -> bool:
    if any(_TRAINERS.search(key) for key in setting.keys[:-1]):
        return True
    siblings = _find_siblings(setting, settings)
    if {"accelerator", "devices"} <= siblings.keys() or _TRAINER_CLASS.search(str(siblings.get("_target_", ""))):
        return True
    return bool(
        siblings.keys()
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
            message=tell("{name} {text} is for several devices", name=name, text=text),
            instead=tell("one device, and no strategy"),
        )


def _number(value: Any) -> int | None:
    return int(str(value)) if re.fullmatch(r"\d+", str(value)) else None
