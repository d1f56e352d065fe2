"""Options that programs commonly have for several devices, for CUDA's libraries, and for DeepSpeed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from envtool.language import tell
from envtool.release.read_profile import load_service
from envtool.scan.commands import UNKNOWN, CommandFinding, CommandWord, make_several
from envtool.scan.kinds import NO_APEX, ScanKind
from envtool.told_kind import Severity

_FALSE = frozenset({"false", "0", "no", "none", "off", "null", "auto", "", "eager", "sdpa", "math"})
_NEEDLESS = tell("leave it out: the vendor torch distributes the work by itself")


@dataclass(frozen=True)
class OptionRule:
    """Options of some names, with some values; without `values` whatever is not false."""

    names: re.Pattern[str]
    kind: ScanKind
    message: str
    instead: str
    values: re.Pattern[str] | None = None

    def matches(self, name: str, value: str) -> bool:
        """Whether the rule speaks of the option."""
        if not self.names.fullmatch(name):
            return False
        return self.values.search(value) is not None if self.values is not None else value.lower() not in _FALSE


def _rule(names: str, kind: ScanKind, message: str, instead: str, values: str | None = None) -> OptionRule:
    pattern = re.compile(values, re.IGNORECASE) if values is not None else None
    return OptionRule(re.compile(names), kind, message, instead, pattern)


_RULES = (
    _rule(
        r"deepspeed|deepspeed_config|use_deepspeed|ds_config|zero_stage|fsdp|use_fsdp|fsdp_config|use_ddp|ddp|multi_gpu|"
        r"multigpu|data_?parallel|sync_bn|sync_batchnorm|multiprocessing_distributed|distributed|use_horovod|horovod",
        ScanKind.PARALLEL_NEEDLESS,
        tell("it is for several GPUs"),
        _NEEDLESS,
    ),
    _rule(
        r"strategy|accelerator|distributed_backend|distributed_strategy",
        ScanKind.TRAINER_SETTING,
        tell("it is for several GPUs"),
        tell("leave it out, with one device"),
        r"^(?:ddp|fsdp|deepspeed|dp$|horovod|ddp2|bagua|colossalai|tp$|full_shard|shard_grad_op|hybrid_shard)",
    ),
    _rule(
        "launcher",
        ScanKind.PARALLEL_NEEDLESS,
        tell("it is for several processes"),
        _NEEDLESS,
        "^(?:pytorch|slurm|mpi|torchrun|deepspeed|dist|ddp)$",
    ),
    _rule(
        r"(?:dist_|distributed_|ddp_)?backend",
        ScanKind.NCCL,
        tell("a process group over NCCL is needless for one process"),
        tell("leave it out"),
        "nccl",
    ),
    _rule(
        r"(?:use_|enable_|with_)*(?:flash_?attn\w*|flash_?attention\w*|xformers\w*|mem_eff_attn|sageattn|sage_attention|"
        r"memory_efficient_attention|liger\w*|unsloth\w*|triton\w*|transformer_engine)",
        ScanKind.CUDA_LIBRARY,
        tell("it needs a library of CUDA kernels"),
        tell("leave it out, or choose the model's own attention"),
    ),
    _rule(
        r"_?attn_implementation|attention_implementation|attn|attention|attn_impl|attn_mode|attention_backend|attn_type",
        ScanKind.CUDA_LIBRARY,
        tell("it needs a library of CUDA kernels"),
        tell("the model's own attention"),
        "flash|xformers|sage|triton",
    ),
    _rule(
        r"(?:use_|load_in_|load_|quantize_)*(?:4_?bit|8_?bit|bnb|bitsandbytes|nf4|qlora|8bit_adam)",
        ScanKind.CUDA_LIBRARY,
        tell("it needs bitsandbytes or another library of CUDA kernels"),
        tell("load the model in 16 bits"),
    ),
    _rule(
        r"bits|quantization_bit|quantization|quantize",
        ScanKind.CUDA_LIBRARY,
        tell("it needs bitsandbytes or another library of CUDA kernels"),
        tell("load the model in 16 bits"),
        r"^(?:4|8|nf4|int8|int4|gptq|awq|bitsandbytes|bnb|4bit|8bit)$",
    ),
    _rule(
        r"optim|optimizer|optimizer_type|opt",
        ScanKind.CUDA_LIBRARY,
        tell("it is an optimizer of bitsandbytes"),
        "adamw_torch",
        "bnb|8bit|paged|bitsandbytes",
    ),
    _rule(
        r"optim|opt|fp16_backend|half_precision_backend|amp_backend",
        ScanKind.NVIDIA_APEX,
        tell("it needs {what}", what=NO_APEX),
        load_service().words.amp,
        r"apex|^(?:distributed_)?fused_?(?:adam|lamb|sgd|novograd)",
    ),
    _rule(
        r"apex_amp|use_apex",
        ScanKind.NVIDIA_APEX,
        tell("it needs {what}", what=NO_APEX),
        load_service().words.amp,
    ),
)
_PROCESSES = re.compile(r"nproc_per_(?:node|gpu|host)|num_processes_per_node")
_COUNTS = re.compile(
    r"(?:num|n)_?(?:gpus?|devices|nodes)|ngpus?|gpus?_num|gpus_per_node|ngpus_per_node|world_size|devices|"
    r"(?:tensor|pipeline|context|expert|sequence)(?:_model)?_parallel(?:_size)?|tp_size|pp_size|gpu_num|gpu_count|gpus|"
    r"distributed_world_size|distributed_num_procs"
)
_DEVICES = re.compile(r"gpus|gpu_?ids?|device_?ids?|devices|gpu|device|cuda_devices|gpu_list")


def judge_options(words: Sequence[CommandWord]) -> Iterator[CommandFinding]:
    """What the options of a program ask for; also overrides of hydra's and Lightning's form, `trainer.gpus=4`."""
    for at, word in enumerate(words):
        text = word.text
        is_option = text.startswith("-")
        key, separator, value = text.lstrip("-").lstrip("+~").partition("=")
        values = [value] if separator else []
        if not separator and is_option:
            for following in words[at + 1 :]:
                if following.text.startswith("-"):
                    break
                values.append(following.text)
        elif not is_option and not separator:
            continue
        name = key.rpartition(".")[2].replace("-", "_").lower()
        if not is_option or text.startswith("--"):
            is_trainers = "trainer" in key.rpartition(".")[0]
            yield from judge_option(word, name, [item.strip("'\"[]") for item in values], is_trainers=is_trainers)


def judge_option(
    word: CommandWord, name: str, values: Sequence[str], *, is_trainers: bool = False
) -> Iterator[CommandFinding]:
    """What one option, or a setting of that name, asks for; `is_trainers`: it is one of Lightning's trainer."""
    first = values[0] if values else "true"
    rule = next((rule for rule in _RULES if rule.matches(name, first)), None)
    if rule is not None:
        shown = name if rule.values is None else f"{name} {first}"
        yield CommandFinding(
            kind=rule.kind,
            severity=Severity.WARNING,
            line=word.line,
            identifier=shown,
            message=tell("{shown}: {message}", shown=shown, message=rule.message),
            instead=rule.instead,
        )
    elif values and _PROCESSES.fullmatch(name) and not re.fullmatch(r"[01]|auto|gpu|cpu|", first):
        yield make_several(word.line, name, first)
    elif values and (_COUNTS.fullmatch(name) or _DEVICES.fullmatch(name)):
        for finding in _judge_devices(word, name, values):
            is_setting = is_trainers and finding.kind is ScanKind.SECOND_DEVICE
            yield replace(finding, kind=ScanKind.TRAINER_SETTING, severity=Severity.ERROR) if is_setting else finding


def _judge_devices(word: CommandWord, name: str, values: Sequence[str]) -> Iterator[CommandFinding]:
    numbers = [part.strip() for value in values for part in value.split(",") if re.fullmatch(r"\s*\d+\s*", part)]
    if values[0].lower().startswith("cuda:") and values[0][5:] not in {"0", ""} and UNKNOWN not in values[0]:
        several = True
    elif not numbers:
        return
    elif len(numbers) == 1 and _COUNTS.fullmatch(name):
        # A number for Lightning, a device's number for others.
        several = int(numbers[0]) > 1
    else:
        several = any(int(number) > 0 for number in numbers)
    if several:
        text = ",".join(values[:8])
        yield CommandFinding(
            kind=ScanKind.SECOND_DEVICE,
            severity=Severity.WARNING,
            line=word.line,
            identifier=f"{name} {text}",
            message=tell("{name} {text} names devices that there are not", name=name, text=text),
            instead=tell("one device, 0"),
        )
