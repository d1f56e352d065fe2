"""`doctor --probe`, with modules that stand in for torch and behave as it does when all is well, or something wrong."""

from __future__ import annotations

import pytest

from tests.support.environment import RealEnvironment
from tests.support.verdict import Verdict

# A stand-in for torch with an accelerator: lists of numbers for tensors, of which those "on cuda:0" may go wrong.
WORKING = """
class Tensor:
    def __init__(self, values, error=0.0): self.values, self.error = values, error
    def to(self, device): return Tensor(self.values, ERROR if device == "cuda:0" else self.error)
    def __sub__(self, other): return Tensor([a - b - other.error for a, b in zip(self.values, other.values)])
    def abs(self): return Tensor([abs(value) for value in self.values])
    def max(self): return max(self.values)

ERROR = {error}
def manual_seed(seed): pass
def rand(*shape): return Tensor([0.5] * shape[0])
def matmul(left, right): return Tensor([a * b for a, b in zip(left.values, right.values)], max(left.error, right.error))
class cuda:
    is_available = staticmethod(lambda: True)
    device_count = staticmethod(lambda: 1)
    get_device_name = staticmethod(lambda number: "KT AI Accelerator")
"""
PLAIN = "from torch.version import __version__\nfrom torch import version\n"


def put(environment: RealEnvironment, code: str) -> None:
    """Let `import torch` run this code; of the rest of the environment nothing changes."""
    (environment.site_packages / "torch/__init__.py").write_text(PLAIN + code)


def ids(environment: RealEnvironment, *arguments: str) -> set[str]:
    return environment.finding_ids("--probe", *arguments) - {"torch-files-changed"}


def test_an_accelerator_that_works(environment: RealEnvironment) -> None:
    put(environment, WORKING.format(error=0.0))
    assert ids(environment) == set()
    put(environment, WORKING.format(error=0.01))
    assert ids(environment) == set()


@pytest.mark.parametrize("error", ["1.0", "float('nan')", "float('inf')"], ids=["large", "nan", "infinite"])
def test_an_accelerator_that_computes_something_else(environment: RealEnvironment, error: str) -> None:
    put(environment, WORKING.format(error=error))
    assert ids(environment) == {"probe-wrong-result"}


def test_the_stand_in_has_no_accelerator(environment: RealEnvironment, verdict: Verdict) -> None:
    verdict.finds(environment, "probe-no-accelerator", "--probe", cause="no driver")
    assert environment.doctor()["findings"] == []


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("raise ImportError('libmoreh.so: cannot open shared object file')", "ImportError: libmoreh.so"),
        ("import os; os.abort()", None),
        ("import sys; sys.exit(5)", None),
        ("import", "SyntaxError"),
    ],
    ids=["import error", "abort", "exit", "syntax error"],
)
def test_it_fails_or_crashes(environment: RealEnvironment, verdict: Verdict, code: str, cause: str | None) -> None:
    put(environment, code + "\n")
    finding = verdict.finds(environment, "probe-failed", "--probe", cause=cause)
    assert "import torch" in finding["title"]


def test_it_hangs(environment: RealEnvironment, verdict: Verdict) -> None:
    put(environment, WORKING.format(error=0.0) + "import time\ncuda.device_count = lambda: time.sleep(600)\n")
    finding = verdict.finds(environment, "probe-timeout", "--probe", "--time-limit", "5", cause="held by another")
    assert "torch.cuda.device_count()" in finding["title"]


def test_another_torch_is_imported(environment: RealEnvironment, verdict: Verdict) -> None:
    (environment.site_packages / "torch/version.py").write_text("__version__ = '1.7.1'\nmoreh = '22.7.0'\n")
    finding = verdict.finds(environment, "probe-other-torch", "--probe", cause="exchanged in place")
    assert finding["title"] == "the torch that is imported is 1.7.1 of release 22.7.0"


def test_what_torch_prints_is_not_taken_for_an_answer(environment: RealEnvironment) -> None:
    put(environment, WORKING.format(error=0.0) + "print(chr(123) + '\"difference\": 9.0' + chr(125))\n")
    assert ids(environment) == set()
