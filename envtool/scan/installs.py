"""Judges what a command installs: distributions whose modules cannot run here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from envtool.scan.commands import CommandFinding, CommandWord
from envtool.scan.kinds import ScanKind
from envtool.scan.libraries import find_library
from envtool.told_kind import Severity

# Distributions that are not called as their module is.
_MODULES = {
    "flash_attn": "flash_attn",
    "autoawq": "awq",
    "auto_gptq": "auto_gptq",
    "nvidia_ml_py": "pynvml",
    "nvidia_tensorrt": "tensorrt",
    "torch_tensorrt": "torch_tensorrt",
    "tensorrt_cu11": "tensorrt",
    "tensorrt_cu12": "tensorrt",
    "sageattention": "sageattention",
    "liger_kernel": "liger_kernel",
    "causal_conv1d": "causal_conv1d",
    "mamba_ssm": "mamba_ssm",
    "minkowskiengine": "MinkowskiEngine",
}
_KINDS = frozenset({ScanKind.CUDA_LIBRARY, ScanKind.NVIDIA_APEX})
_REPOSITORY = re.compile(r"github\.com[/:][\w.-]+/([\w.-]+?)(?:\.git)?(?:[@#].*)?$", re.IGNORECASE)


def judge_install(words: Sequence[CommandWord]) -> Iterator[CommandFinding]:
    """What `pip install` is asked for; the words behind `pip`."""
    if not words or words[0].text != "install":
        return
    for word in words[1:]:
        if word.text.startswith("-"):
            continue
        repository = _REPOSITORY.search(word.text)
        name = repository[1] if repository is not None else re.split(r"[\[<>=!~@; ]", word.text)[0]
        key = name.replace("-", "_").replace(".", "_").lower()
        module = "cupy" if re.fullmatch(r"cupy_(?:cuda|rocm)\w+", key) else _MODULES.get(key, key)
        # apex of PyPI is another program.
        if module == "apex" and repository is None:
            continue
        library = find_library(module)
        if library is not None and library.kind in _KINDS:
            yield CommandFinding(
                kind=library.kind,
                severity=Severity.WARNING,
                line=word.line,
                identifier=name,
                message=f"{name}: {library.why}",
                instead=library.instead,
            )
