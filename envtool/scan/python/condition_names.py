"""What names of functions, flags and variables say of the number of devices, processes, and of torch."""

from __future__ import annotations

import re

_SETTINGS = r"(?:is_?|use_?|do_?|in_?|with_?|enable_?|needs_?|run_?|has_?|args_?|_)*"
# Names of what is only there, or only true, where a launcher started several processes or a machine has several GPUs.
SEVERAL = re.compile(
    rf"^{_SETTINGS}(?:dist(?:ributed)?|ddp|fsdp|dp|multi_?(?:gpu|device|process|node|processing)s?|data_?parallel|"
    r"model_?parallel|parallel|sync_?bn|deepspeed|horovod|hvd|torchrun|slurm\w*|multiprocessing)"
    r"(?:_|$|\d)(?:on_\w+|(?:data_?)?parallel\w*|distributed|training|train|mode|run|launch\w*|enabled|env|gpu\w*|available|"
    r"and_initialized|avail_and_initialized|initialized|world|bn|launcher|environment)*$"
)
SEVERAL_CALLS = re.compile(r"(?:is_initialized|is_dist_avail_and_initialized|is_distributed|is_torchelastic_launched)$")
OTHER_DEVICES = re.compile(
    r"^_?is_(?:torch_)?(?:xpu|ipex|mps|npu|mlu|musa|hpu|habana|xla|tpu|neuron\w*|sdaa)_available$"
)
RANK = re.compile(r"^(?:\w+_)?(?:rank|ranks|process_index|process_id|node_rank|proc_id)$|^rank(?:_\w+)?$")
COUNT = re.compile(
    r"^(?:args_|_)*(?:n|num|ngpus|number|nr|nb|total|world|count)_?(?:of_)?(?:gpus?|devices?|process(?:es)?|procs?|nodes?|size|"
    r"workers_dist|ranks?|cuda_devices|available_gpus)?(?:_per_node|_count)?$|^(?:gpu|device|cuda|process|node)s?_?(?:count|num|number)s?$"
    r"|^(?:ddp_|dist_|dp_|mp_)?world_?size$|^n_?gpus?(?:_per_node)?$|^nproc\w*$"
)
COUNT_CALLS = re.compile(r"(?:^|\.)(?:device_count|get_world_size|num_gpus|count_gpus|get_num_gpus|world_size)$")
GPU_LISTS = re.compile(r"^(?:\w+_)?(?:gpus?|devices?|device_ids?|gpu_ids?)(?:_ids?|_list|_num)?$")
LAUNCHER_VARIABLES = re.compile(
    r"^(?:(?:LOCAL_|NODE_|GROUP_|GLOBAL_)?(?:RANK|WORLD_SIZE)|MASTER_(?:ADDR|PORT)|SLURM_\w+|OMPI_\w+|PMI_\w+|MV2_\w+|"
    r"TORCHELASTIC_\w+|NCCL_\w+)$"
)
VERSION_NAMES = re.compile(r"(?:^|_)(?:torch|pytorch|pt)_?(?:version|ver)$", re.IGNORECASE)
# Functions that compare torch's version, or ask whether it has something, wherever they are defined.
VERSION_TESTS = re.compile(
    r"^_?(?:is|check|has|min|at_least|require)_?(?:min_)?(?:py)?torch_?\w*$|^_?(?:py)?torch_(?:greater|less|ge|gte|lt|at_least|"
    r"version|is|has|min|supports)\w*$|^_?(?:is|check)_(?:greater|less)_\w*torch\w*$|^min_torch_version$"
)
# A flag that says which torch there is: `TORCH_2`, `IS_TORCH_2_0`, `_TORCH_GREATER_EQUAL_1_13`, `PT2`.
VERSION_FLAGS = re.compile(
    r"^_?(?:is_|has_|use_)?(?:py)?(?:torch|pt)_?(?:version_)?"
    r"(?:(?:ge|gte|greater(?:_equal)?|at_least|after|min|above|than)_?)*"
    r"v?_?[12](?:_?\d+)*(?:_?(?:or_later|plus|available|ge|and_up))*$",
    re.IGNORECASE,
)
# What is asked of a function elsewhere is asked for where torch, or a library, may lack it.
FEATURES = re.compile(
    r"^_?(?:is|has|use|can|supports?|enable)_\w*(?:fused|flash|sdpa?|attn|compile|dynamo|triton|fx)(?:_|$)"
)
