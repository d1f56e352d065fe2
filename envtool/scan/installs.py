"""Judges what a command installs: distributions whose modules cannot run here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from envtool.language import mark_message, tell
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
# Installers, with the words by which each installs.
INSTALLERS = {
    "pip": frozenset({"install"}),
    "pip3": frozenset({"install"}),
    "conda": frozenset({"install", "create"}),
    "mamba": frozenset({"install", "create"}),
    "micromamba": frozenset({"install", "create"}),
    "poetry": frozenset({"add"}),
    "uv": frozenset({"add"}),
    "pdm": frozenset({"add"}),
    "pipenv": frozenset({"install"}),
    "pixi": frozenset({"add"}),
}
_EXTRA = re.compile(r"^(jax|jaxlib|spacy|xgboost|deepspeed)\[cuda\w*\]", re.IGNORECASE)
_FAMILIES = {
    r"cupy_(?:cuda|rocm)\w+": "cupy",
    r"(?:nvidia_)?dali_cuda\d+|nvidia_dali\w*": "nvidia.dali",
    r"faiss_gpu\w*": "faiss_gpu",
    r"spconv_cu\d+": "spconv",
    r"onnxruntime_gpu\w*": "onnxruntime_gpu",
    r"tensorflow_gpu": "tensorflow_gpu",
    r"dgl_cu\d+": "dgl.cuda",
    r"pyg_lib|torch_(?:scatter|sparse|cluster|spline_conv)": "torch_scatter",
    r"c(?:udf|uml|ugraph)_cu\d+": "cudf",
}
_KINDS = frozenset({ScanKind.CUDA_LIBRARY, ScanKind.NVIDIA_APEX})
_REPOSITORY = re.compile(r"github\.com[/:][\w.-]+/([\w.-]+?)(?:\.git)?(?:[@#].*)?$", re.IGNORECASE)


def judge_install(program: str, words: Sequence[CommandWord]) -> Iterator[CommandFinding]:
    """What an installer is asked for; the words behind its name."""
    if words and words[0].text in INSTALLERS[program]:
        yield from judge_requirements(words[1:])


def judge_requirements(words: Sequence[CommandWord]) -> Iterator[CommandFinding]:
    """What of some requirements cannot run here."""
    for word in words:
        if word.text.startswith("-"):
            continue
        extra = _EXTRA.search(word.text)
        if extra is not None:
            yield CommandFinding(
                kind=ScanKind.CUDA_LIBRARY,
                severity=Severity.WARNING,
                line=word.line,
                identifier=extra[0],
                message=tell("{part} brings libraries of CUDA, which has no driver here", part=extra[0]),
                instead=extra[1],
            )
            continue
        repository = _REPOSITORY.search(word.text)
        name = repository[1] if repository is not None else re.split(r"[\[<>=!~@; ]", word.text)[0]
        key = name.replace("-", "_").replace(".", "_").lower()
        module = next((own for pattern, own in _FAMILIES.items() if re.fullmatch(pattern, key)), _MODULES.get(key, key))
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
                message=tell("{name}: {why}", name=name, why=mark_message(library.why)),
                instead=library.instead,
            )
