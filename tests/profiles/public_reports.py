"""More public reports of a lost torch, of vendors with and without a profile of the tool's.

Whoever has none writes one: `own` is such a file. Names of packages stand for what these require, and nothing else.
"""

from __future__ import annotations

from tests.profiles.public_report import PublicReport


def write_plugin_profile(identity: str, title: str, *plugins: str) -> str:
    """A user's own profile for a plug-in that stands beside a torch."""
    rules = "".join(f"[[version]]\ndistribution = \"{name}\"\npattern = '{{public}}(?:\\+.*)?'\n\n" for name in plugins)
    pinned = "".join(f'[[pinned]]\nname = "{name}"\n\n' for name in ("torch", "torchvision", *plugins))
    return (
        f'schema = 1\nid = "{identity}"\ntitle = "{title}"\n\n{rules}{pinned}'
        f'[cure]\nlost = "{plugins[0]} does not load into it"\nrestore = "envtool restore"\n'
    )


XLA = write_plugin_profile("xla", "a torch with torch_xla for TPUs", "torch-xla")
TENSTORRENT = write_plugin_profile("tenstorrent", "a torch with Tenstorrent's plug-in", "pjrt-plugin-tt", "tt-torch")
NEURON = write_plugin_profile("neuron", "a torch with AWS's torch-neuronx", "torch-neuronx")
MUSA = write_plugin_profile("musa", "a torch with Moore Threads' torch_musa", "torch-musa")
MLU = write_plugin_profile("mlu", "a torch with Cambricon's torch_mlu", "torch-mlu")
GRAPHCORE = write_plugin_profile("graphcore", "a torch with Graphcore's PopTorch", "poptorch")

METAX = """
schema = 1
id = "metax"
title = "MetaX's build for MACA"
label = "metax"

[[version]]
pattern = '{public}\\+(?P<vendor>metax)(?P<release>[0-9.]+)'

[[pinned]]
name = "torch"
version = '.*\\+metax.*'

[[pinned]]
name = "torchvision"
version = '.*\\+metax.*'

[cure]
lost = "the MetaX GPU is lost"
restore = "envtool restore --vendor FOLDER"
"""

MORE_REPORTS = (
    # The vendor's torchvision has a number of its own; what requires upstream's torch takes both.
    PublicReport(
        address="sgl-project/sglang#21063",
        profile="metax",
        own=METAX,
        vendor={"torch==2.6.0+metax3.1.0.4": (), "torchvision==0.15.1+metax3.1.0.4": ("torch",)},
        index={
            "sglang==0.5": ("torch==2.9.1", "torchvision"),
            "torch==2.9.1": (),
            "torchvision==0.24.1": ("torch==2.9.1",),
        },
        lines=("sglang",),
        lost="torch",
        culprit="sglang",
        cure=("--no-deps sglang",),
    ),
    # The plug-in of the day was there, and a package of the same vendor names the release.
    PublicReport(
        address="vllm-project/vllm-ascend#3245",
        profile="ascend",
        vendor={"torch==2.7.1": (), "torch-npu==2.7.1.dev20250724": ("torch==2.7.1",)},
        index={"vllm-ascend==0.10.2rc1": ("torch-npu==2.7.1",), "torch-npu==2.7.1": ("torch==2.7.1",)},
        lines=("vllm-ascend",),
        lost="torch-npu",
        verdict="blocked",
        culprit="vllm-ascend",
        cure=("--no-deps vllm-ascend",),
    ),
    # An upper bound that the container's torch meets: bounds leave labels out of account.
    PublicReport(
        address="ai-dynamo/dynamo#2569",
        profile="ngc",
        vendor={"torch==2.8.0a0+5228986c39.nv25.5": ()},
        index={"tensorrt-llm==1.0.0rc4": ("torch<=2.8.0a0,>=2.7.1",), "torch==2.7.1": ()},
        lines=("tensorrt-llm",),
    ),
    # The wheel on the index was built with upstream's torch; the one with the container's label was not.
    PublicReport(
        address="NVIDIA/TensorRT-LLM#15087",
        profile="ngc",
        vendor={"torch==2.12.0a0+0291f960b6.nv26.4.48445190": ()},
        index={
            "tensorrt-llm==1.2.0": ("torch==2.10.0",),
            "tensorrt-llm==1.2.0+ngcpytorch2604": ("torch>=2.10",),
            "torch==2.10.0": (),
        },
        lines=("tensorrt-llm===1.2.0",),
        lost="torch",
        culprit="tensorrt-llm",
        cure=("tensorrt-llm==1.2.0+ngcpytorch2604",),
    ),
    # torch_xla requires no torch in its metadata, and loads into one only. Somebody installed torch once more.
    PublicReport(
        address="pytorch/xla#2259",
        profile="xla",
        own=XLA,
        vendor={"torch==2.7.0+cpu": (), "torch-xla==2.7.0": ()},
        index={"torch==2.8.0": ()},
        lines=("torch>=2.8",),
        lost="torch",
        culprit="requirements.txt",
        cure=("torch",),
    ),
    # Two wheels of the same vendor, and each names another torch.
    PublicReport(
        address="tenstorrent/tt-xla#2210",
        profile="tenstorrent",
        own=TENSTORRENT,
        vendor={"torch==2.7.1+cpu": (), "pjrt-plugin-tt==0.1.251117": ("torch==2.7.1",)},
        index={"vllm-tt==0.1": ("torch==2.6.0",), "torch==2.6.0": ()},
        lines=("vllm-tt",),
        lost="torch",
        culprit="vllm-tt",
        cure=("vllm-tt",),
        override="torch==2.7.1+cpu",
    ),
    # A test's own requirements came first, and brought the next torch.
    PublicReport(
        address="tenstorrent/tt-forge#377",
        profile="tenstorrent",
        own=TENSTORRENT,
        vendor={"torch==2.7.0+cpu": (), "tt-torch==0.1": ("torch==2.7.0",)},
        index={
            "torchvision==0.22.0": ("torch==2.7.0",),
            "torchvision==0.23.0": ("torch==2.8.0",),
            "torch==2.8.0": (),
        },
        lines=("torchvision==0.23.0",),
        lost="torch",
        culprit="torchvision",
        cure=("torchvision==0.22.0",),
    ),
    # The library was built for one torch, and a model wanted the next series.
    PublicReport(
        address="aws-neuron/aws-neuron-sdk#686",
        profile="neuron",
        own=NEURON,
        vendor={"torch==1.13.1": (), "torch-neuronx==1.13.1.1.7.0": ("torch==1.13.*",)},
        index={"torch==2.0.1": (), "model-zoo==2.0": ("torch>=2.0",), "model-zoo==1.0": ("torch>=1.10",)},
        lines=("model-zoo>=2",),
        lost="torch",
        culprit="model-zoo",
        cure=("model-zoo<2",),
    ),
    # The line that had been right for CUDA, in the container of another vendor.
    PublicReport(
        address="MooreThreads/torch_musa#119",
        profile="musa",
        own=MUSA,
        vendor={"torch==2.5.0": (), "torch-musa==2.5.0": ("torch",), "torchvision==0.20.0": ("torch==2.5.0",)},
        index={"torch==1.9.0+cu111": (), "torchvision==0.10.0+cu111": ("torch==1.9.0",)},
        lines=("torch==1.9.0+cu111", "torchvision==0.10.0+cu111"),
        lost="torch",
        culprit="requirements.txt",
        cure=("torch", "torchvision"),
    ),
    # The plug-in's label names the torch that it is for; what is installed beside it does not read it.
    PublicReport(
        address="Cambricon/torch_mlu#2",
        profile="mlu",
        own=MLU,
        vendor={"torch==2.5.0": (), "torch-mlu==1.24.1+torch2.5.0": ()},
        index={"vllm==0.6.2": ("torch==2.4.0",), "torch==2.4.0": ()},
        lines=("vllm==0.6.2",),
        lost="torch",
        culprit="vllm",
        cure=("--no-deps vllm==0.6.2",),
    ),
    # A new SDK is for a new torch, and the library named the old one until its next release.
    PublicReport(
        address="huggingface/optimum-graphcore#239",
        profile="graphcore",
        own=GRAPHCORE,
        vendor={"torch==1.13.0+cpu": (), "poptorch==3.1.0+98668": ("torch==1.13.0",)},
        index={
            "optimum-graphcore==0.4.3": ("torch==1.10.0",),
            "optimum-graphcore==0.5.0": ("torch",),
            "torch==1.10.0": (),
        },
        lines=("optimum-graphcore<0.5",),
        lost="torch",
        culprit="optimum-graphcore",
        cure=("optimum-graphcore",),
    ),
    # The same torch by its public version, with or without the extra for Intel's GPUs.
    PublicReport(
        address="Physical-Intelligence/openpi#1009",
        profile="xpu",
        vendor={"torch==2.11.0+xpu": (), "torchvision==0.26.0+xpu": ("torch==2.11.0",)},
        index={"openpi==0.1": ("torch==2.7.1",), "openpi==0.2": ("torch>=2.7.1",), "torch==2.7.1": ()},
        lines=("openpi==0.1",),
        lost="torch",
        culprit="openpi",
        cure=("openpi==0.2",),
    ),
    # A nightly was needed for the driver, and the extension named the stable release.
    PublicReport(
        address="bmaltais/kohya_ss#3366",
        profile="xpu",
        vendor={"torch==2.9.0.dev20250725+xpu": ()},
        index={"intel-extension-for-pytorch==2.7.10+xpu": ("torch==2.7.1",), "torch==2.7.1": ()},
        lines=("intel-extension-for-pytorch",),
        lost="torch",
        culprit="intel-extension-for-pytorch",
        cure=("intel-extension-for-pytorch",),
        override="torch==2.9.0.dev20250725+xpu",
    ),
    # A policy's library wanted a newer torch than the one that was compiled on the board; the index's is for CPUs.
    PublicReport(
        address="strands-labs/robots#374",
        profile="jetson",
        vendor={"torch==2.8.0": ()},
        variables={"L4T_VERSION": "38.4.0"},
        index={"lerobot==0.5.1": ("torch>=2.10",), "lerobot==0.4.0": ("torch>=2.2",), "torch==2.10.0": ()},
        lines=("lerobot==0.5.1",),
        lost="torch",
        culprit="lerobot",
        cure=("lerobot==0.4.0",),
    ),
    # DGX Spark: where the wheel for CUDA 13 is there already, the project's own line keeps it.
    PublicReport(
        address="hanyeol/model-compose#24",
        profile="cuda",
        named=True,
        vendor={"torch==2.10.0+cu130": ()},
        index={"torch==2.10.0": ()},
        lines=("torch==2.10.0",),
    ),
    # The lock said cu128, of which this board cannot run anything.
    PublicReport(
        address="OpenRAL/openral#167",
        profile="cuda",
        named=True,
        vendor={"torch==2.9.1+cu130": (), "torchvision==0.24.1+cu130": ("torch==2.9.1",)},
        index={"torch==2.9.1+cu128": ()},
        lines=("torch==2.9.1+cu128",),
        lost="torch",
        culprit="requirements.txt",
        cure=("torch==2.9.1",),
    ),
    # vLLM pins the torch that it was built with, whatever is there.
    PublicReport(
        address="vllm-project/vllm#21745",
        profile="cuda",
        named=True,
        vendor={"torch==2.7.1+cu128": ()},
        index={"vllm==0.9.2": ("torch==2.7.0",), "vllm==0.10.0": ("torch==2.7.1",), "torch==2.7.0": ()},
        lines=("vllm<0.10",),
        lost="torch",
        culprit="vllm",
        cure=("vllm==0.10.0",),
    ),
    # No wheel for AMD fits this Python, so the index's came, and with it the torch that it was built with.
    PublicReport(
        address="vllm-project/vllm#44660",
        profile="rocm",
        vendor={"torch==2.9.1+rocm7.2": (), "torchvision==0.24.1+rocm7.2": ("torch==2.9.1+rocm7.2",)},
        index={"vllm==0.22.1": ("torch==2.10.0",), "torch==2.10.0": ()},
        lines=("vllm",),
        lost="torch",
        culprit="vllm",
        cure=("--no-deps vllm",),
    ),
    # A program's requirements name the three without a version; the one that was not there is for another torch.
    PublicReport(
        address="amd/playbooks#69",
        profile="rocm",
        vendor={"torch==2.9.1+rocm7.1": (), "torchvision==0.24.1+rocm7.1": ("torch==2.9.1+rocm7.1",)},
        index={"torchaudio==2.10.0": ("torch==2.10.0",), "torch==2.10.0": (), "torchsde==0.2.6": ("torch>=1.6",)},
        lines=("torch", "torchsde", "torchaudio"),
        lost="torch",
        culprit="torchaudio",
        cure=("torch", "torchsde"),
    ),
    # A node of a program that loads dozens: one line of it took everybody's torch.
    PublicReport(
        address="zhongpei/Comfyui_image2prompt#79",
        profile="rocm",
        vendor={"torch==2.4.0+rocm6.1": ()},
        index={"image-to-prompt==1.0": ("torch<2.4",), "torch==2.3.1": ()},
        lines=("image-to-prompt",),
        lost="torch",
        culprit="image-to-prompt",
        cure=("--no-deps image-to-prompt",),
    ),
)
