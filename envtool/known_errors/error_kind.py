"""Every known error: its severity, its title, the words that tell it, and the command to run."""

from __future__ import annotations

from enum import unique

from envtool.known_errors import error_words as words
from envtool.known_errors.error_sign import ErrorSign
from envtool.release.read_profile import load_service
from envtool.told_kind import Severity, ToldKind

_S = ErrorSign
_SERVICE = load_service()
_DOCTOR = "envtool doctor"
_JOBS = "envtool jobs"


@unique
class ErrorKind(ToldKind):
    """A known error. Each has a page, `pages/<id>.md`.

    `passes` are words after which it is over. `unless` names the kind that explains it, where that is found as well.
    """

    def __init__(
        self,
        severity: Severity,
        title: str,
        remedy: str,
        signs: tuple[ErrorSign, ...],
        *more: bytes | str,
    ) -> None:
        super().__init__(severity, title)
        self.remedy = remedy
        self.signs = signs
        self.passes = next((item for item in more if isinstance(item, bytes)), None)
        self.unless = next((item for item in more if isinstance(item, str)), None)

    ACCELERATOR_BUSY = (
        Severity.WARNING,
        "a second program waits for the first: one accelerator runs one program",
        _JOBS,
        (
            _S(b"cannot use", r"Two or more processes cannot use .{1,80} at the same time"),
            _S(b"is already in use by another process", r"Accelerator is already in use by another process"),
        ),
        b"Accelerator is ready to use",
    )
    ACCELERATOR_INTERNAL_ERROR = (
        Severity.ERROR,
        "the accelerator itself failed while it computed",
        _JOBS,
        (_S(b"An internal error occurred in the", r"internal error occurred in the .{0,40}Accelerator"),),
    )
    ACCELERATOR_OUT_OF_MEMORY = (
        Severity.ERROR,
        "the accelerator's memory is too small for this",
        "envtool flavour",
        (
            _S(b"OUT_OF_MEMORY", r"Error Code \d+: OUT_OF_MEMORY"),
            _S(b"memory not enough", r"Accelerator memory not enough"),
            _S(b"CUDA out of memory"),
            _S(b"HIP out of memory"),
            _S(b"OutOfMemoryError", r"torch\.(?:cuda\.)?OutOfMemoryError"),
            _S(b"CUDA error: out of memory"),
            _S(b"CUBLAS_STATUS_ALLOC_FAILED"),
        ),
    )
    APEX_MISSING = (
        Severity.ERROR,
        "NVIDIA's apex is not there; the vendor's torch has its own",
        "envtool explain apex-missing",
        (
            _S(b"No module named", r"No module named ['\"]?(?:apex|amp_C|fused_layer_norm_cuda)\b"),
            _S(b"nvidia/apex", r"(?i)please install apex"),
        ),
    )
    CONNECTION_LOST = (
        *(Severity.ERROR, "the connection to the accelerator's server was lost", _JOBS),
        (_S(b"The connection to the server has been lost"),),
    )
    CUDA_COMPILER_MISSING = (
        Severity.ERROR,
        "something is built from CUDA sources, which cannot run here",
        "envtool explain cuda-compiler-missing",
        (
            _S(b"CUDA_HOME environment variable is not set"),
            _S(b"CUDA_HOME does not exist"),
            _S(b"nvcc", r"\bnvcc['\"]?:? (?:command )?not found|No such file or directory: '[^']*nvcc'"),
        ),
    )
    CUDA_DEVICE_MISSING = (
        Severity.ERROR,
        "a second device was asked for, such as cuda:1; there is one accelerator, cuda:0",
        "envtool explain cuda-device-missing",
        (
            _S(b"invalid device ordinal"),
            _S(b"Invalid device id"),
            _S(b"Attempting to deserialize object on CUDA device", r"on CUDA device \d+ but torch\.cuda\.device_count"),
        ),
    )
    CUDA_KERNEL_MISSING = (
        Severity.ERROR,
        "compiled CUDA code was called that this device cannot run",
        _DOCTOR,
        (
            _S(b"no kernel image is available for execution"),
            _S(b"device kernel image is invalid"),
            _S(b"CUDA error: invalid device function"),
            _S(b"is not compatible with the current PyTorch installation"),
        ),
    )
    CUDA_LIBRARY_MISSING = (
        Severity.ERROR,
        "a library of CUDA is asked for, which the service does not have",
        _DOCTOR,
        (
            _S(b"cannot open shared object file", words.CUDA_LIBRARY),
            _S(b"CUDA Setup failed"),
            _S(b"cquantize_blockwise"),
        ),
    )
    CUDA_NOT_AVAILABLE = (
        Severity.ERROR,
        "this torch sees no accelerator: it is not the vendor's, or the driver is missing",
        _DOCTOR,
        (
            _S(b"Torch not compiled with CUDA enabled"),
            _S(b"Found no NVIDIA driver on your system"),
            _S(b"No CUDA GPUs are available"),
            _S(b"no CUDA-capable device is detected"),
            _S(b"CUDA driver version is insufficient for CUDA runtime version"),
            _S(b"The NVIDIA driver on your system is too old"),
            _S(b"torch.cuda.is_available() is False"),
            _S(b"CUDA initialization", r"CUDA initialization: (?:CUDA|Unexpected error|The NVIDIA)"),
            _S(b"CUDA is not available"),
            _S(b"CUDA driver initialization failed"),
        ),
    )
    CUDA_PACKAGE_MISSING = (
        Severity.ERROR,
        "the program wants a package that is for NVIDIA's hardware only",
        "envtool explain cuda-package-missing",
        (_S(b"No module named", words.NVIDIA_PACKAGE), _S(b"flash_attn seems to be not")),
    )
    DISK_FULL = (
        Severity.ERROR,
        "a disk, or shared memory, is full",
        "df -h",
        (_S(b"No space left on device"), _S(b"Disk quota exceeded")),
        "shared-memory-full",
    )
    EXTENSION_OF_OTHER_TORCH = (
        Severity.ERROR,
        "a compiled extension belongs to another torch",
        _DOCTOR,
        (
            _S(b"undefined symbol", words.TORCH_SYMBOL),
            _S(b"cannot open shared object file", words.OWN_LIBRARY),
            _S(b"undefined symbol", r"\btorch\w*/\S*\.so\b.{0,40}undefined symbol"),
        ),
    )
    FRAMEWORK_OUTDATED = (
        Severity.ERROR,
        "the service no longer accepts this release",
        _SERVICE.update,
        (_S(b"is outdated and no longer supported"),),
    )
    GLIBC_TOO_OLD = (
        Severity.ERROR,
        "the system's C library is older than the vendor's torch needs",
        "ldd --version",
        (
            _S(b"GLIBC_2.", r"version .?GLIBC_2\.\d+.? not found"),
            _S(b"GLIBCXX_3.", r"version .?GLIBCXX_3\.4\.\d+.? not"),
        ),
    )
    HOST_OUT_OF_MEMORY = (
        Severity.ERROR,
        "the machine's own memory is full",
        "free -m",
        (
            _S(b"DefaultCPUAllocator", r"DefaultCPUAllocator: (?:can't allocate|not enough) memory"),
            _S(b"killed by signal: Killed"),
            _S(b"exitcode", r"\(exitcode: -9\)|exitcode +: -9\b"),
            _S(b"exits with return code = -9"),
            _S(b"Killed", r"^(?:.*: line \d+: +\d+ )?Killed\b[^a-z]*(?:$|python)"),
            _S(b"MemoryError", r"^(?:\w+\.)*_?(?:Array)?MemoryError\b"),
            _S(b"Cannot allocate memory", r"\[Errno 12\] Cannot allocate memory"),
        ),
    )
    NCCL_ERROR = (
        Severity.ERROR,
        "NCCL was asked to join several GPUs; there is one accelerator, which needs none of it",
        "envtool explain nccl-error",
        (
            _S(b"ProcessGroupNCCL is only supported with GPUs"),
            _S(b"nccl", r"\bnccl(?:UnhandledCuda|System|Internal|Remote)Error\b|\bncclInvalid(?:Usage|Argument)\b"),
            _S(b"NCCL error"),
            _S(b"NCCL Error", r"NCCL Error \d"),
            _S(b"Distributed package doesn't have NCCL built in"),
            _S(b"collective operation timeout", r"(?i)watchdog caught collective operation timeout"),
        ),
    )
    NO_FREE_RESOURCES = (
        Severity.WARNING,
        "the service has no accelerator of this size free at the moment",
        "envtool flavour",
        (_S(b"Not enough resources are currently available"),),
        b"Accelerator is ready to use",
    )
    NUMPY_TOO_NEW = (
        Severity.ERROR,
        "numpy is newer than what torch, or the program, was made for",
        "envtool install 'numpy<2'",
        (
            _S(b"compiled using NumPy 1.x cannot be run in"),
            _S(b"_ARRAY_API not found"),
            _S(b"Numpy is not available"),
            _S(b"has no attribute", words.NUMPY_ATTRIBUTE),
            _S(b"was removed in the NumPy 2.0 release"),
            _S(b"numpy.dtype size changed", r"Expected 88 from C header, got 96"),
        ),
    )
    NUMPY_TOO_OLD = (
        Severity.ERROR,
        "numpy is older than what torch, or a package, was made for",
        "envtool install 'numpy>=1.16,<2'",
        (
            _S(b"numpy.core.multiarray failed to import"),
            _S(b"module compiled against", r"API version 0x\w+ but this version of numpy is 0x"),
            _S(b"size changed, may indicate binary incompatibility", r"numpy\.(?:ndarray|ufunc) size changed"),
            _S(b"numpy.dtype size changed", r"Expected 96 from C header, got 88"),
            _S(b"No module named", r"No module named 'numpy\._core"),
        ),
        "numpy-too-new",
    )
    NVIDIA_TOOLS_MISSING = (
        Severity.WARNING,
        _SERVICE.words.shown_by,
        _JOBS,
        (
            _S(
                b"nvidia-smi", r"nvidia-smi['\"]?:? (?:command )?not found|No such file or directory: '[^']*nvidia-smi'"
            ),
            _S(b"NVIDIA-SMI has failed"),
            _S(b"NVML", r"NVMLError|NVML Shared Library Not Found|NVML: Driver"),
        ),
    )
    PYTHON_TOO_OLD = (
        Severity.ERROR,
        "the program is written for a newer Python than the environment has",
        "envtool explain python-too-old",
        (
            _S(b"unsupported operand type(s) for |", r"for \|: '(?:type|NoneType|\w*Alias|\w*Meta)'"),
            _S(b"object is not subscriptable", r"'(?:type|ABCMeta)' object is not subscriptable"),
            _S(b"requires a different Python"),
            _S(b"No module named", r"No module named '(?:tomllib|zoneinfo|graphlib)'"),
            _S(b"cannot import name", r"cannot import name '\w+' from 'typing' "),
        ),
    )
    SHARED_MEMORY_FULL = (
        Severity.ERROR,
        "DataLoader's workers ran out of shared memory",
        "df -h /dev/shm",
        (
            _S(b"killed by signal: Bus error"),
            _S(b"insufficient shared memory"),
            _S(b"shared memory", r"unable to (?:open|allocate|mmap|resize).{0,30}shared memory"),
            _S(b"unable to write to file </torch_"),
        ),
    )
    SWITCH_WHILE_IN_USE = (
        Severity.ERROR,
        "the flavour cannot be changed while a program holds the accelerator",
        _JOBS,
        (_S(b"cannot be switched while", r"model cannot be switched while the .{0,40}in use"),),
    )
    TOKEN_MISSING = (
        Severity.ERROR,
        "the accelerator's token is not there or not readable",
        f"ls -l {_SERVICE.token}",
        (_S(b"SDA token is not", r"SDA token is not (?:given|set)"), _S(_SERVICE.unknown_token.encode())),
    )
    TOO_MANY_OPEN_FILES = (
        Severity.ERROR,
        "DataLoader's workers ran out of open files",
        "envtool explain too-many-open-files",
        (_S(b"items of ancdata", r"received \d+ items of ancdata"), _S(b"Too many open files", r"\[Errno 24\]")),
    )
    TORCH_API_GONE = (
        Severity.ERROR,
        "the program, or a package, is written for an older torch than the one there",
        "envtool explain torch-api-gone",
        (
            _S(b"has no attribute", words.GONE_ATTRIBUTE),
            _S(b"cannot import name", words.GONE_NAME),
            _S(b"No module named", words.GONE_MODULE),
            _S(b"torch.utils.ffi is deprecated"),
            _S(b"This function was deprecated since version 1.9 and is now removed"),
        ),
    )
    TORCH_API_MISSING = (
        Severity.ERROR,
        "the program, or a package, is written for a newer torch than the vendor's",
        "envtool explain torch-api-missing",
        (
            _S(b"has no attribute", words.LATER_ATTRIBUTE),
            _S(b"cannot import name", rf"(?!{words.GONE_NAME})cannot import name '\w+' from 'torch(?:\.\w+)*'"),
            _S(b"No module named", rf"(?!{words.GONE_MODULE})No module named ['\"]torch\.(?!_C\b)"),
            _S(b"is required but found", r"PyTorch >= ?[\d.]+ is required but found"),
        ),
        "torch-not-whole",
    )
    TORCH_NOT_WHOLE = (
        Severity.ERROR,
        "the torch that is imported is not there, not whole, or another file of that name",
        _DOCTOR,
        (
            _S(b"No module named", r"No module named ['\"]?torch(?:\._C)?['\"]?(?:[;\s]|$)"),
            _S(b"partially initialized module 'torch'"),
            _S(
                b"has no attribute", r"module 'torch' has no attribute '(?:__version__|nn|[Tt]ensor|cuda|device|utils)'"
            ),
            _S(b"libtorch_python.so", r"libtorch_python\.so: (?:file too short|invalid ELF)"),
        ),
    )
    TORCHVISION_MISMATCH = (
        Severity.ERROR,
        "torchvision or torchaudio belongs to another torch",
        _DOCTOR,
        (
            _S(b"Couldn't load custom C++ ops"),
            _S(b"torchvision::", r"(?:operator|such operator|builtin op:?) torchvision::\w+"),
            _S(b"were compiled with different CUDA", r"torch(?:vision|audio) were compiled with different CUDA"),
            _S(b"undefined symbol", r"torch(?:vision|audio)\S*\.so\b.{0,40}undefined symbol"),
        ),
    )
    UPDATE_UNREACHABLE = (
        Severity.ERROR,
        f"{_SERVICE.update} cannot reach the service",
        f"{_SERVICE.update} --list",
        (_S(_SERVICE.unreachable.encode()),),
    )
    WORKER_DAEMON_FAILED = (
        Severity.ERROR,
        "the accelerator's resources could not be set up",
        _JOBS,
        (_S(b"Failed to initialize the worker daemon"),),
    )
