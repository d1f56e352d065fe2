"""Runs in the environment's own interpreter, Python 3.6 or newer: imports torch and computes with it.

Each step is announced before it is tried, so that a crash or a hang has a place. One JSON object a line goes to the
descriptor that the first argument names; what torch itself prints stays apart from that. The second argument is the
name by which the vendor's `torch.version` tells its release.
"""

import json
import os
import sys

SIZE = 64


def main() -> None:
    """Compute on `cuda:0` and report to the file descriptor that the first argument names."""
    report = os.fdopen(int(sys.argv[1]), "w", 1)

    def tell(**values: object) -> None:
        report.write(json.dumps(values) + "\n")

    tell(step="import torch")
    import torch  # type: ignore[import-not-found]

    tell(
        file=str(getattr(torch, "__file__", "")),
        version=str(getattr(torch, "__version__", "")),
        release=getattr(getattr(torch, "version", None), sys.argv[2], None),
    )
    tell(step="torch.cuda.is_available()")
    tell(available=bool(torch.cuda.is_available()))
    tell(step="torch.cuda.device_count()")
    count = int(torch.cuda.device_count())
    tell(count=count)
    if not count:
        return
    tell(step="torch.cuda.get_device_name(0)")
    tell(name=str(torch.cuda.get_device_name(0)))
    tell(step="a matrix product on cuda:0")
    torch.manual_seed(0)
    left, right = torch.rand(SIZE, SIZE), torch.rand(SIZE, SIZE)
    expected = torch.matmul(left, right)
    found = torch.matmul(left.to("cuda:0"), right.to("cuda:0")).to("cpu")
    # Sums of 64 products of numbers below 1; reduced precision errs by hundredths, a wrong result by far more.
    tell(difference=float((expected - found).abs().max()))


main()
