"""Known errors in what programs print: in the wording of the programs themselves, with innocent twins."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import validate
from typer.testing import CliRunner

import envtool.known_errors
from envtool.cli.application import app
from envtool.doctor.finding_kind import FindingKind
from envtool.known_errors.error_kind import ErrorKind
from envtool.known_errors.find import LogSearch, search_file, search_log
from envtool.scan.kinds import ScanKind

PAGES = Path(envtool.known_errors.__file__).parent / "pages"
SCHEMA = json.loads((Path(__file__).parents[3] / "docs/explain.schema.json").read_text())
KINDS = [pytest.param(kind, id=kind.id) for kind in ErrorKind]
BUSY = (
    "[2024-03-01 10:11:12.013] [warning] Moreh SDA is already in use by another process:\n"
    "[2024-03-01 10:11:12.013] [warning]   (pid: 4711) python train.py\n"
    "[2024-03-01 10:11:12.013] [warning] Two or more processes cannot use Moreh SDA at the same time. "
    "The program will resume automatically after the process 4711 terminates...\n"
)
# What programs print, each with what it is. Several wordings of one error.
LINES: list[tuple[str, str]] = [
    ("torch-api-gone", "AttributeError: module 'torch' has no attribute 'rfft'"),
    ("torch-api-gone", "AttributeError: module 'torch' has no attribute 'symeig'. Did you mean: 'addr'?"),
    ("torch-api-gone", "ImportError: cannot import name 'container_abcs' from 'torch._six' (/opt/env/torch/_six.py)"),
    ("torch-api-gone", "ModuleNotFoundError: No module named 'torch._six'"),
    ("torch-api-gone", "ModuleNotFoundError: No module named 'torchvision.transforms.functional_tensor'"),
    ("torch-api-gone", "ImportError: cannot import name 'zero_gradients' from 'torch.autograd.gradcheck' (/x.py)"),
    ("torch-api-gone", "RuntimeError: This function was deprecated since version 1.9 and is now removed."),
    ("torch-api-gone", "module \u2018torch\u2019 has no attribute \u2018irfft\u2019"),
    ("torch-api-missing", "AttributeError: module 'torch.fft' has no attribute 'rfft2'"),
    ("torch-api-missing", "[rank3]: AttributeError: module 'torch.utils._pytree' has no attribute 'tree_map_only'"),
    (
        "torch-api-missing",
        r'{"severity":"ERROR","message":"ModuleNotFoundError: No module named \u0027torch.accelerator\u0027"}',
    ),
    ("apex-missing", r'"\u001b[0;31mModuleNotFoundError\u001b[0m: No module named \"apex\""'),
    ("host-out-of-memory", "[rank0]: MemoryError: Unable to allocate 3.0 GiB"),
    ("host-out-of-memory", "2024-03-01T10:11:12.013456Z stderr F Killed"),
    ("host-out-of-memory", "trainer-0  | Killed"),
    (
        "nccl-error",
        "[rank0]: RuntimeError: NCCL Error 2: unhandled system error (run with NCCL_DEBUG=INFO for details)",
    ),
    ("nccl-error", "(WorkerProcess pid=1252) ERROR 12-25 01:10:28 utils.py:229] ncclUnhandledCudaError: call failed"),
    ("cuda-device-missing", "3: RuntimeError: CUDA error: invalid device ordinal"),
    ("python-too-old", "[rank0]: TypeError: 'type' object is not subscriptable"),
    (
        "glibc-too-old",
        "ImportError: /lib/x86_64-linux-gnu/libm.so.6: version `GLIBC_2.29' not found (required by /opt/env/lib/_m.so)",
    ),
    ("glibc-too-old", "OSError: /lib64/libc.so.6: version 'GLIBC_2.34' not found (required by /opt/x.so)"),
    ("glibc-too-old", "ImportError: libstdc++.so.6: version `GLIBCXX_3.4.29' not found (required by /opt/x.so)"),
    ("numpy-too-old", "ImportError: numpy.core.multiarray failed to import"),
    ("numpy-too-old", "RuntimeError: module compiled against API version 0xe but this version of numpy is 0xd"),
    (
        "numpy-too-old",
        "ValueError: numpy.ndarray size changed, may indicate binary incompatibility. "
        "Expected 88 from C header, got 80 from PyObject",
    ),
    ("numpy-too-new", "A module that was compiled using NumPy 1.x cannot be run in"),
    ("numpy-too-new", "AttributeError: _ARRAY_API not found"),
    ("numpy-too-new", "AttributeError: module 'numpy' has no attribute 'bool'."),
    ("numpy-too-new", "AttributeError: `np.float_` was removed in the NumPy 2.0 release. Use `np.float64` instead."),
    ("numpy-too-new", "RuntimeError: Numpy is not available"),
    (
        "framework-outdated",
        "[error] The current version of Moreh AI Framework is outdated and no longer supported in the system",
    ),
    ("too-many-open-files", "RuntimeError: received 0 items of ancdata"),
    ("too-many-open-files", "OSError: [Errno 24] Too many open files: '/data/1.png'"),
    ("accelerator-busy", BUSY),
    ("no-free-resources", "[warning] Not enough resources are currently available for MoAI Accelerator. All resources"),
    ("connection-lost", "[error] The connection to the server has been lost. Please contact technical support"),
    ("worker-daemon-failed", "[error] Failed to initialize the worker daemon for KT AI Accelerator."),
    ("accelerator-internal-error", "[error] An internal error occurred in the KT AI Accelerator"),
    ("token-missing", "terminate called after throwing an instance of 'moreh::InvalidToken'"),
    ("token-missing", "SDA token is not given."),
    ("switch-while-in-use", "The model cannot be switched while the KT AI Accelerator is in use."),
    ("accelerator-out-of-memory", "RuntimeError: Error Code 4: OUT_OF_MEMORY"),
    ("accelerator-out-of-memory", 'Unexpected error: "KT AI Accelerator memory not enough. Try increasing..'),
    (
        "accelerator-out-of-memory",
        "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 15.78 GiB total)",
    ),
    ("accelerator-out-of-memory", "torch.OutOfMemoryError: HIP out of memory."),
    ("host-out-of-memory", "RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to"),
    ("host-out-of-memory", "RuntimeError: DataLoader worker (pid 1234) is killed by signal: Killed."),
    ("host-out-of-memory", "Killed"),
    (
        "host-out-of-memory",
        "E0325 20:57:27.6 26 api.py:869] failed (exitcode: -9) local_rank: 0 (pid: 2630)",
    ),
    ("host-out-of-memory", "  exitcode  : -9 (pid: 14750)"),
    ("host-out-of-memory", "[launch.py:321:sigkill_handler] ['python', 'fit.py'] exits with return code = -9"),
    ("host-out-of-memory", "run.sh: line 3: 31337 Killed                  python train.py"),
    ("shared-memory-full", "RuntimeError: DataLoader worker (pid 46) is killed by signal: Bus error."),
    (
        "shared-memory-full",
        "ERROR: Unexpected bus error encountered in worker. This might be insufficient shared memory",
    ),
    ("cuda-not-available", "AssertionError: Torch not compiled with CUDA enabled"),
    ("cuda-not-available", "RuntimeError: Found no NVIDIA driver on your system. Please check that you have"),
    ("cuda-not-available", "RuntimeError: No CUDA GPUs are available"),
    (
        "cuda-not-available",
        "RuntimeError: Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False.",
    ),
    ("cuda-kernel-missing", "RuntimeError: CUDA error: no kernel image is available for execution on the device"),
    ("cuda-device-missing", "RuntimeError: CUDA error: invalid device ordinal"),
    (
        "cuda-device-missing",
        "RuntimeError: Attempting to deserialize object on CUDA device 3 but torch.cuda.device_count() is 1.",
    ),
    (
        "cuda-library-missing",
        "ImportError: libcudart.so.11.0: cannot open shared object file: No such file or directory",
    ),
    ("cuda-library-missing", "OSError: libcublasLt.so.12: cannot open shared object file: No such file or directory"),
    (
        "cuda-compiler-missing",
        "OSError: CUDA_HOME environment variable is not set. Please set it to your CUDA install root.",
    ),
    ("torchvision-mismatch", "RuntimeError: Couldn't load custom C++ ops. This can happen if your PyTorch and"),
    ("torchvision-mismatch", "RuntimeError: operator torchvision::nms does not exist"),
    ("torchvision-mismatch", "RuntimeError: No such operator torchvision::nms"),
    (
        "torchvision-mismatch",
        "RuntimeError: Detected that PyTorch and torchvision were compiled with different CUDA major versions.",
    ),
    (
        "extension-of-other-torch",
        "ImportError: /opt/e/lib/python3.8/site-packages/x/_ext.so: undefined symbol: _ZNK2at6Tensor5numelEv",
    ),
    ("extension-of-other-torch", "ImportError: _C.so: undefined symbol: _ZN3c105ErrorC2ENS_14SourceLocationE"),
    ("nccl-error", "ValueError: ProcessGroupNCCL is only supported with GPUs, no GPUs found!"),
    (
        "nccl-error",
        "torch.distributed.DistBackendError: NCCL error in: ../torch/csrc/distributed/c10d/NCCLUtils.hpp:317",
    ),
    ("nccl-error", "ncclUnhandledCudaError: Call to CUDA function failed."),
    ("apex-missing", "ModuleNotFoundError: No module named 'apex'"),
    ("apex-missing", "ImportError: Please install apex from https://www.github.com/nvidia/apex to use fp16 training."),
    ("nvidia-tools-missing", "/bin/sh: 1: nvidia-smi: not found"),
    ("nvidia-tools-missing", "bash: nvidia-smi: command not found"),
    ("nvidia-tools-missing", "pynvml.NVMLError_LibraryNotFound: NVML Shared Library Not Found"),
    ("cuda-library-missing", "RuntimeError: CUDA Setup failed despite GPU being available. Please run the following"),
    ("cuda-library-missing", "libbitsandbytes_cpu.so: undefined symbol: cquantize_blockwise_fp16_nf4"),
    ("cuda-device-missing", "AssertionError: Invalid device id"),
    ("cuda-compiler-missing", "MissingCUDAException: CUDA_HOME does not exist, unable to compile CUDA op(s)"),
    ("cuda-package-missing", "ModuleNotFoundError: No module named 'flash_attn'"),
    ("cuda-package-missing", "ImportError: No module named bitsandbytes"),
    ("disk-full", "OSError: [Errno 28] No space left on device: 'checkpoint/7.pt'"),
    ("extension-of-other-torch", "ImportError: libtorch_cuda.so: cannot open shared object file: No such file"),
    ("extension-of-other-torch", "ImportError: libc10.so: cannot open shared object file: No such file or directory"),
    ("python-too-old", "TypeError: unsupported operand type(s) for |: 'type' and 'NoneType'"),
    ("python-too-old", "TypeError: 'type' object is not subscriptable"),
    ("python-too-old", "ERROR: Package 'x' requires a different Python: 3.8.18 not in '>=3.10'"),
    ("python-too-old", "ImportError: cannot import name 'TypeAlias' from 'typing' (/opt/lib/python3.8/typing.py)"),
    ("torch-api-missing", "AttributeError: module 'torch' has no attribute 'inference_mode'"),
    ("torch-api-missing", "AttributeError: module 'torch.utils._pytree' has no attribute 'register_pytree_node'"),
    ("torch-api-missing", "ImportError: cannot import name 'DeviceMesh' from 'torch.distributed' (/opt/x.py)"),
    ("torch-api-missing", "ModuleNotFoundError: No module named 'torch.distributed.tensor'"),
    ("torch-api-missing", "Disabling PyTorch because PyTorch >= 2.1 is required but found 1.13.1"),
    ("torch-not-whole", "ModuleNotFoundError: No module named 'torch'"),
    ("torch-not-whole", "ModuleNotFoundError: No module named 'torch._C'"),
    ("torch-not-whole", "AttributeError: module 'torch' has no attribute '__version__'"),
    ("torch-not-whole", "AttributeError: partially initialized module 'torch' has no attribute 'nn'"),
    ("update-unreachable", "Moreh AI Platform is not available."),
]
BAR = "".join(
    f"\repoch 3:  {part}%|####      | {part}/100 [00:01<00:10, 9.1it/s, loss=0.{part}]" for part in range(100)
)
# Whole outputs: coloured as notebooks and rich do, behind progress bars, of several processes, in another's JSON.
OUTPUTS = [
    (
        "accelerator-out-of-memory",
        f"{BAR}\n\x1b[0;31mRuntimeError\x1b[0m: CUDA out of memory. Tried to allocate 20 MiB\n",
    ),
    (
        "accelerator-out-of-memory",
        f"{BAR}\rTraceback (most recent call last):\r\nOutOfMemoryError: CUDA out of memory.\r\n",
    ),
    ("accelerator-out-of-memory", '{"log":"RuntimeError: CUDA out of memory. Tried\\n","stream":"stderr"}\n'),
    (
        "glibc-too-old",
        "╭─ Traceback ─╮\n│ fit.py:1 in <module> │\n╰─╯\n\x1b[1;91mImportError: \x1b[0m\x1b[95mlibm.so.6\x1b[0m: "
        "version `GLIBC_2.\x1b[1;36m29\x1b[0m' not found \x1b[1m(\x1b[0mrequired by \x1b[95mlibtorch.so\x1b[0m)\n",
    ),
    (
        "too-many-open-files",
        '[rank0]:     raise RuntimeError("received %d items of ancdata" %\nError: received 0 items of ancdata\n',
    ),
    ("cuda-not-available", '    "\\u001b[0;31mAssertionError\\u001b[0m: Torch not compiled with CUDA enabled"\n'),
    ("torchvision-mismatch", "terminate called after throwing\n  what():  \nUnknown builtin op: torchvision::nms.\n"),
]
# What programs print in passing, or while all is well.
INNOCENT = [
    "failed (exitcode: 1) local_rank: 0 (pid: 1622990) of binary: /opt/env/bin/python",
    "[info] KT AI Accelerator is ready to use.",
    "raise RuntimeError('received %d items of ancdata' %",
    "ModuleNotFoundError: No module named 'apexcharts'",
    "ImportError: libGL.so.1: cannot open shared object file: No such file or directory",
    "ImportError: x.so: undefined symbol: PyUnicode_AsUTF8",
    "AttributeError: module 'numpy' has no attribute 'flaot'",
    "epoch 3  GLIBC_2.29 is fine",
    "loss 0.5  Killed 3 of 12 processes",
    "[warning] A newer version of Moreh AI Framework is available. You can update the software",
    "NCCL version 2.18.3+cuda11.0",
    "Found existing installation: numpy 1.23.5",
    "[info] [1/1] Connecting to resources on the server (192.0.2.7:24158)...",
    "INFO nvcc compiles for 3 seconds",
    "error: the connection to the database has been lost",
    "raise MemoryErrorHandler()",
    "ModuleNotFoundError: No module named 'torchmetrics'",
    "ModuleNotFoundError: No module named 'torch_geometric'",
    "TypeError: 'NoneType' object is not subscriptable",
    "TypeError: unsupported operand type(s) for |: 'set' and 'list'",
    "AttributeError: module 'torchtext' has no attribute 'data'",
    "AttributeError: 'Tensor' object has no attribute 'torch'",
    "ImportError: cannot import name 'x' from 'mytorch.utils'",
    "WARNING: a matching Triton is not available: No module named 'triton'",
    "the disk has space left on device 3",
    "worker-2  | Killed three dragons",
    "[rank0]: module 'own' has no attribute 'rfft'",
    "[rank0]: raise MemoryErrorHandler()",
]


def find(text: str, size: int = 1 << 18) -> LogSearch:
    data = io.BytesIO(text.encode())
    return search_log(iter(lambda: data.read(size), b""))


def ids(text: str) -> list[str]:
    return [item.kind.id for item in find(text).errors]


@pytest.mark.parametrize(("id", "line"), LINES, ids=[f"{number}-{id}" for number, (id, _line) in enumerate(LINES)])
def test_an_error_is_known_by_its_words(id: str, line: str) -> None:
    log = f"loading\n{line}\nthe end\n"
    assert ids(log) == [id]
    assert ids(log.replace("\n", "\r\n")) == [id]
    assert ids("\x1b[31m" + log.replace("\n", "\x1b[0m\n\x1b[31m")) == [id]


@pytest.mark.parametrize(("id", "output"), OUTPUTS)
@pytest.mark.parametrize("size", [7, 1 << 18])
def test_an_error_is_found_in_a_whole_output(id: str, output: str, size: int) -> None:
    assert [item.kind.id for item in find(output, size).errors] == [id]


def test_every_kind_has_a_line() -> None:
    assert {id for id, _line in LINES} == {kind.id for kind in ErrorKind}


@pytest.mark.parametrize("line", INNOCENT)
def test_innocent_lines(line: str) -> None:
    assert ids(f"start\n{line}\nend\n") == []


def test_a_wait_that_is_over_is_none() -> None:
    over = "[info] Moreh Accelerator is ready to use.\n"
    assert ids(BUSY + over) == []
    assert ids(BUSY + over + BUSY) == ["accelerator-busy"]


def test_the_newer_numpy_explains_what_an_older_one_would_say() -> None:
    log = (
        "A module that was compiled using NumPy 1.x cannot be run in\nNumPy 2.1.2\nImportError: numpy.core.multiarray "
    )
    assert ids(log + "failed to import\n") == ["numpy-too-new"]


@pytest.mark.parametrize("size", [1, 7, 64, 1 << 18])
def test_lines_are_counted_and_the_first_is_shown_however_it_comes(size: int) -> None:
    text = (
        "a\nb\nRuntimeError: received 0 items of ancdata\nc\n"
        + "x" * 3000
        + "\nRuntimeError: received 0 items of ancdata"
    )
    found = find(text, size)
    (error,) = found.errors
    assert (error.line, error.count, error.text) == (3, 2, "RuntimeError: received 0 items of ancdata")
    assert found.lines == 6


def test_a_progress_bar_is_many_lines() -> None:
    bar = "\r".join(f"{number}%|####      |" for number in range(100))
    assert ids(f"{bar}\rRuntimeError: No CUDA GPUs are available\n") == ["cuda-not-available"]


def test_a_line_without_end_takes_no_memory() -> None:
    assert find("x" * (8 << 20) + "\nRuntimeError: No CUDA GPUs are available\n").errors[0].line >= 2


def test_any_bytes() -> None:
    assert search_log([bytes(range(256)) * 40, b"\n\xff No CUDA GPUs are available \xfe"]).errors[0].kind is (
        ErrorKind.CUDA_NOT_AVAILABLE
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_has_its_parts(kind: ErrorKind) -> None:
    title, severity, meaning, cause, remedy = (
        part.split("\n", 1)[0] for part in re.split(r"\n\n(?=#|Sev)", kind.read_page())
    )
    assert title == f"# {kind.id}: {kind.title}"
    assert severity == f"Severity: {kind.severity.value}"
    assert [meaning, cause, remedy] == ["## What it means", "## How it comes about", "## What to do"]


def test_ids_are_one_world_with_the_findings() -> None:
    ids = [kind.id for kinds in (ErrorKind, FindingKind, ScanKind) for kind in kinds]
    assert len(set(ids)) == len(ids)
    assert {path.stem.partition(".")[0] for path in PAGES.iterdir()} == {kind.id for kind in ErrorKind}
    assert {kind.unless for kind in ErrorKind} - {None} <= {kind.id for kind in ErrorKind}


def test_a_log_is_explained(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text("MOREH_SDA_TOKEN=c2VjcmV0c2VjcmV0 No CUDA GPUs are available\n")
    result = CliRunner().invoke(app, ["explain", "--from", str(log)])
    assert result.exit_code == 1
    assert "[cuda-not-available]" in result.output
    assert "line 1:" in result.output
    assert "run  envtool doctor" in result.output
    assert "c2VjcmV0c2VjcmV0" not in result.output
    log.write_text("all is well\n")
    result = CliRunner().invoke(app, ["explain", "--from", str(log)])
    assert (result.exit_code, result.output) == (0, "no known error in 1 lines\n")


def test_the_document_is_as_its_schema_says(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text(f"MOREH_SDA_TOKEN=c2VjcmV0c2VjcmV0 No CUDA GPUs are available\n{BUSY}{BUSY}")
    command = ["explain", "--from", str(log), "--format", "json"]
    result = CliRunner().invoke(app, command)
    document = json.loads(result.output)
    validate(document, SCHEMA)
    assert (result.exit_code, document["status"], document["lines"]) == (1, "found", 7)
    assert [(row["id"], row["line"], row["count"]) for row in document["errors"]] == [
        ("cuda-not-available", 1, 1),
        ("accelerator-busy", 4, 2),
    ]
    assert "c2VjcmV0c2VjcmV0" not in result.output
    log.write_text("all is well\n")
    result = CliRunner().invoke(app, command)
    document = json.loads(result.output)
    validate(document, SCHEMA)
    assert (result.exit_code, document["status"], document["errors"]) == (0, "none", [])
    assert CliRunner().invoke(app, ["explain", "nccl-error", "--format", "json"]).exit_code == 2


def test_a_programs_output_is_read_as_it_comes() -> None:
    command = f"echo 'RuntimeError: No CUDA GPUs are available' | {sys.executable} -m envtool explain --from -"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert "[cuda-not-available]" in done.stdout


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_a_log_that_cannot_be_read(tmp_path: Path, kind: str) -> None:
    log = tmp_path / "log"
    if kind == "folder":
        log.mkdir()
    elif kind == "pipe":
        os.mkfifo(log)
    done = subprocess.run(
        [sys.executable, "-m", "envtool", "explain", "--from", str(log)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "cannot be read" in done.stderr


def test_an_id_and_a_log_are_not_asked_for_together() -> None:
    assert CliRunner().invoke(app, ["explain", "torch-replaced", "--from", "x"]).exit_code == 2


def test_a_known_errors_page_is_printed() -> None:
    result = CliRunner().invoke(app, ["explain", "nccl-error"])
    assert (result.exit_code, result.output) == (0, ErrorKind.NCCL_ERROR.read_page())


def test_a_file_is_searched_as_a_stream_is(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(BUSY)
    assert search_file(log) == find(BUSY)
