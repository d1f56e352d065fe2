"""Judges what is asked of Lightning's and Hugging Face's trainers, and of models that need CUDA's libraries."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from envtool.language import tell
from envtool.scan.kinds import NO_APEX, ScanKind
from envtool.scan.libraries import ONE_DEVICE
from envtool.scan.python.tree import walk
from envtool.scan.python.values import called_name, keyword, list_values, read_text_constant
from envtool.told_kind import Severity

if TYPE_CHECKING:
    from envtool.scan.python.module import Module
    from envtool.scan.python.standing import Standing

_LIGHTNING = re.compile(
    r"^(?:pytorch_lightning|lightning(?:\.pytorch|\.fabric)?|lightning_fabric|lightning_lite)(?:\.\w+)*\.(?:Trainer|Fabric|LightningLite|Lite)$"
)
_STRATEGIES = re.compile(r"^(?:ddp|fsdp|deepspeed|dp$|horovod|ddp2|bagua|colossalai|auto_ddp)")
_STRATEGY_CLASSES = re.compile(
    r"(?:DDP|FSDP|DeepSpeed|DataParallel|Horovod|FullySharded|ModelParallel|Colossal|Bagua|DDPSharded)\w*(?:Strategy|Plugin|Accelerator)$"
)
_ARGUMENTS = re.compile(
    r"(?:^|\.)(?:Seq2Seq)?TrainingArguments$|^trl\.\w+Config$|(?:SFT|DPO|PPO|GRPO|ORPO|KTO|Reward)Config$"
)
_FLASH = re.compile(r"flash_attention|^flash_attn|^xformers$|^sage")
_ATTENTION = 'attn_implementation="eager"'
_PROVIDERS = re.compile(r"^(?:CUDA|Tensorrt|NvTensorRTRTX)ExecutionProvider$")
_SWITCHES = {
    "load_in_8bit": ("bitsandbytes", tell("load the model in 16 bits: torch_dtype=torch.float16")),
    "load_in_4bit": ("bitsandbytes", tell("load the model in 16 bits: torch_dtype=torch.float16")),
    "use_flash_attention_2": ("flash-attn", _ATTENTION),
    "use_flash_attention": ("flash-attn", _ATTENTION),
    "use_flash_attn": ("flash-attn", _ATTENTION),
    "use_xformers": ("xformers", tell("leave it out")),
}
_METHODS = {
    "enable_xformers_memory_efficient_attention": ("xformers", tell("leave it out, or enable_attention_slicing()")),
    "set_use_memory_efficient_attention_xformers": ("xformers", tell("leave it out")),
    "prepare_model_for_int8_training": ("bitsandbytes", tell("load the model in 16 bits")),
    "prepare_model_for_kbit_training": ("bitsandbytes", tell("load the model in 16 bits")),
    "BitsAndBytesConfig": ("bitsandbytes", tell("load the model in 16 bits")),
    "GPTQConfig": ("auto-gptq", tell("load the model in 16 bits")),
    "AwqConfig": ("autoawq", tell("load the model in 16 bits")),
}
_LIGHTNING_PACKAGES = frozenset({"pytorch_lightning", "lightning", "lightning_fabric"})


def judge_trainer(module: Module, call: ast.Call, dotted: str, name: str) -> None:
    """A call that may be a trainer, its arguments, or one that loads a model."""
    has_lightning = not _LIGHTNING_PACKAGES.isdisjoint(module.bindings.packages)
    if (
        _LIGHTNING.match(dotted)
        or (has_lightning and name in {"Trainer", "from_argparse_args", "Fabric", "instantiate_trainer"})
        or (has_lightning and name == "dict" and keyword(call, "strategy", "accelerator") is not None)
    ):
        _judge_lightning(module, call)
    elif has_lightning and name in {"dict", "update", "set_defaults", "OmegaConf"}:
        _judge_strategy(module, call)
    if _ARGUMENTS.search(dotted or name):
        _judge_arguments(module, call)
    if name in _METHODS and (name[0].islower() or dotted.startswith("transformers") or dotted.startswith("diffusers")):
        library, instead = _METHODS[name]
        module.emit(
            ScanKind.CUDA_LIBRARY,
            call,
            name,
            tell("{name} needs {library}, whose kernels are CUDA's", name=name, library=library),
            instead,
            attempt=module.attempt,
        )
    if name in {"add_argument", "add_option", "partial_defaults"}:
        return
    _judge_model_switches(module, call)


def _judge_model_switches(module: Module, call: ast.Call) -> None:
    # A class or function of the program's own may mean torch's attention by the same word.
    is_own = called_name(call) in module.bindings.defined
    for item in call.keywords:
        if item.arg in _SWITCHES and not is_own:
            library, instead = _SWITCHES[item.arg]
            if isinstance(item.value, ast.Constant) and not item.value.value:
                continue
            standing = None if isinstance(item.value, ast.Constant) else module.conditions.judge(item.value)
            module.emit(
                ScanKind.CUDA_LIBRARY,
                item.value,
                item.arg,
                tell("{arg} needs {library}, whose kernels are CUDA's", arg=item.arg, library=library),
                instead,
                standing=standing,
            )
        elif item.arg in {"attn_implementation", "_attn_implementation", "attention_implementation"}:
            for value, standing in list_values(item.value, module.conditions):
                text = read_text_constant(value)
                if text is not None and _FLASH.search(text):
                    module.emit(
                        ScanKind.CUDA_LIBRARY,
                        value,
                        text,
                        tell("{text} needs a library of CUDA kernels", text=text),
                        _ATTENTION,
                        standing=standing,
                    )
        elif item.arg == "providers":
            for part in walk(item.value):
                if isinstance(part, ast.Constant) and isinstance(part.value, str) and _PROVIDERS.match(part.value):
                    module.emit(
                        ScanKind.CUDA_LIBRARY,
                        part,
                        part.value,
                        tell("{value} is CUDA's", value=part.value),
                        "CPUExecutionProvider",
                        severity=Severity.WARNING,
                    )


def _judge_lightning(module: Module, call: ast.Call) -> None:
    where = keyword(call, "accelerator")
    if where is not None and read_text_constant(where) == "cpu":
        # Its processes are the CPU's, and wait for nobody.
        return
    for item in call.keywords:
        if item.arg in {"gpus", "devices", "num_nodes", "num_processes"}:
            for value, standing in list_values(item.value, module.conditions):
                _judge_devices(module, item.arg, value, standing)
        elif item.arg == "sync_batchnorm" and not (isinstance(item.value, ast.Constant) and not item.value.value):
            _emit_setting(module, item.value, item.arg, tell("{arg} is for several GPUs", arg=item.arg))
    _judge_strategy(module, call)


def _judge_strategy(module: Module, call: ast.Call) -> None:
    for item in call.keywords:
        if item.arg not in {"strategy", "accelerator", "distributed_backend", "plugins"}:
            continue
        for value, standing in list_values(item.value, module.conditions):
            parts = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
            for part in parts:
                text = read_text_constant(part)
                function = part.func if isinstance(part, ast.Call) else part
                name = (module.bindings.resolve(function) or "").rpartition(".")[2]
                if text is not None and _STRATEGIES.match(text):
                    _emit_setting(
                        module, part, text, tell("{arg} {text} is for several GPUs", arg=item.arg, text=text), standing
                    )
                elif _STRATEGY_CLASSES.search(name):
                    _emit_setting(module, part, name, tell("{name} is for several GPUs", name=name), standing)


def _judge_devices(module: Module, name: str, value: ast.expr, standing: Standing) -> None:
    text = read_text_constant(value)
    if isinstance(value, ast.List | ast.Tuple):
        numbers = [item.value for item in value.elts if isinstance(item, ast.Constant) and isinstance(item.value, int)]
        if len(numbers) > 1 or any(numbers):
            _emit_setting(
                module,
                value,
                f"{name} {numbers}",
                tell("{name} names devices that there are not", name=name),
                standing,
                Severity.ERROR,
            )
        return
    if text is not None and not text.isdecimal():
        if re.search(r"[1-9]", text) and re.fullmatch(r"[\d, ]+", text):
            _emit_setting(
                module,
                value,
                f"{name} {text}",
                tell("{name} names devices that there are not", name=name),
                standing,
                Severity.ERROR,
            )
        elif text == "-1":
            _emit_setting(module, value, f"{name} -1", tell("all devices are one here"), standing, Severity.NOTE)
        return
    count = module.conditions.count(value)
    is_constant = isinstance(value, ast.Constant)
    if count is not None and count > 1:
        _emit_setting(
            module,
            value,
            f"{name} {count}",
            tell("{name} {count}: there is one device", name=name, count=count),
            standing,
            Severity.ERROR,
        )
    elif count == -1:
        _emit_setting(module, value, f"{name} -1", tell("all devices are one here"), standing, Severity.NOTE)
    elif count == 1 and not is_constant and "device_count" in ast.unparse(value):
        _emit_setting(module, value, "device_count", tell("{name} is 1 here", name=name), standing, Severity.NOTE)


def _emit_setting(
    module: Module,
    node: ast.expr,
    identifier: str,
    message: str,
    standing: Standing | None = None,
    severity: Severity | None = None,
) -> None:
    module.emit(
        ScanKind.TRAINER_SETTING,
        node,
        identifier,
        message,
        tell("one device, and no strategy"),
        standing=standing,
        severity=severity,
    )


def _judge_arguments(module: Module, call: ast.Call) -> None:
    for name in ("deepspeed", "fsdp"):
        value = keyword(call, name)
        if value is not None and not (isinstance(value, ast.Constant) and not value.value):
            standing = None if isinstance(value, ast.Constant) else module.conditions.judge(value)
            module.emit(
                ScanKind.PARALLEL_NEEDLESS,
                value,
                name,
                tell("{name} is for several GPUs", name=name),
                ONE_DEVICE,
                standing=standing,
            )
    for name in ("optim", "fp16_backend", "half_precision_backend"):
        value = keyword(call, name)
        for item, standing in list_values(value, module.conditions) if value is not None else ():
            text = read_text_constant(item) or ""
            if re.search(r"bnb|8bit|paged", text):
                module.emit(
                    ScanKind.CUDA_LIBRARY,
                    item,
                    text,
                    tell("{text} needs bitsandbytes, whose kernels are CUDA's", text=text),
                    "adamw_torch",
                    standing=standing,
                )
            elif "apex" in text:
                module.emit(
                    ScanKind.NVIDIA_APEX,
                    item,
                    text,
                    tell("{text} needs {what}", text=text, what=NO_APEX),
                    "adamw_torch",
                    standing=standing,
                )
    compiled = keyword(call, "torch_compile")
    if (
        compiled is not None
        and module.api.find_missing("torch.compile")
        and isinstance(compiled, ast.Constant)
        and compiled.value
    ):
        module.emit(
            ScanKind.NEWER_TORCH,
            compiled,
            "torch_compile",
            tell("torch.compile is there from torch 2.0 on"),
            tell("leave it out"),
        )
