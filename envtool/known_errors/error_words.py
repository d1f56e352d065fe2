"""Words that several known errors are told by, as patterns."""

from __future__ import annotations

CUDA_LIBRARY = (
    r"lib(?:cudart|cublas(?:Lt)?|cudnn\w*|cufft|curand|cusparse\w*|cusolver|nvrtc\S*|nccl|nvToolsExt|cupti"
    r"|nvJitLink|nvinfer\w*|cuda)\.so[.\d]*: cannot open shared object file"
)
OWN_LIBRARY = r"lib(?:torch\w*|c10\w*|caffe2\w*)\.so: cannot open shared object file"
NVIDIA_PACKAGES = (
    r"flash_attn\w*|bitsandbytes|xformers|cupy|pycuda|mamba_ssm|causal_conv1d|tensorrt|pynvml|vllm|auto_gptq"
)
# What torch once had: the transforms of 1.7, its own six, linear algebra of before torch.linalg.
GONE = r"(?:i?rfft|i?fft2?|gels|gesv|potr[fs]|btri\w+|symeig|eig|lstsq|solve|matrix_rank|trtrs|svd_lowrank_?)"
GONE_ATTRIBUTE = (
    rf"module 'torch' has no attribute '(?:{GONE}|_six|legacy)'"
    r"|module 'torch\.utils' has no attribute 'ffi'"
    r"|module 'torch\.distributed' has no attribute '(?:reduce_op|deprecated)'"
    r"|module 'torch\.onnx' has no attribute 'set_training'"
)
GONE_NAME = (
    r"cannot import name '(?:container_abcs|string_classes|int_classes|PY3|inf|queue|with_metaclass)'"
    r" from 'torch\._six'"
    r"|cannot import name 'zero_gradients' from 'torch\.autograd"
    r"|cannot import name '_?DataLoaderIter' from 'torch\.utils"
)
GONE_MODULE = (
    r"No module named 'torch(?:\._six|\.legacy|\.utils\.ffi|text\.legacy"
    r"|vision\.models\.utils|vision\.transforms\.functional_tensor)\b"
)
# A C++ name of torch's, as the compiler writes it.
TORCH_SYMBOL = r"undefined symbol: _Z\w*(?:c10|2at|5torch|6caffe2|THP|at4_ops)"
NUMPY_ATTRIBUTE = (
    r"module 'numpy(?:\.\w+)?' has no attribute '(?:bool8?|int0?|float_?|object0?|complex_?"
    r"|str0?|long|unicode_?|typeDict|Inf|NaN|product|cumproduct|string_|sctypes|alltrue|sometrue|in1d|trapz)'"
)
LATER_ATTRIBUTE = rf"(?!{GONE_ATTRIBUTE})(?<!initialized )module 'torch(?:\.\w+)*' has no attribute"
NVIDIA_PACKAGE = rf"No module named ['\"]?(?:{NVIDIA_PACKAGES})\b"
