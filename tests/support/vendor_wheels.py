"""Stand-ins for the wheels of ten vendors: their names, versions and requirements, and nothing of their code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from envtool.demo.wheel_writer import WheelContent, write_wheel


@dataclass(frozen=True, kw_only=True)
class VendorCase:
    """What a vendor's environment holds: `torch` and, by name, each other distribution's version and requirements.

    `named`: the profile has to be named, because upstream's own build is not recognised as somebody's.
    """

    profile: str
    torch: str
    others: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    named: bool = False
    tag: str = "py3-none-any"

    @property
    def pinned(self) -> dict[str, str]:
        """Every distribution, by name."""
        return {"torch": self.torch, **{name: version for name, (version, _requires) in self.others.items()}}


CASES = (
    VendorCase(
        profile="hac",
        torch="1.7.1+cu110.moreh22.8.0",
        others={
            "torchvision": ("0.8.2", ("torch==1.7.1",)),
            "torchaudio": ("0.7.2", ("torch==1.7.1",)),
        },
    ),
    VendorCase(
        profile="ngc",
        torch="2.8.0a0+5228986c39.nv25.5",
        others={
            "torchvision": ("0.22.0a0", ("torch",)),
            "apex": ("0.1", ()),
            "pytorch-triton": ("3.2.0+git0d4682f0b.nvinternal", ()),
        },
    ),
    VendorCase(
        profile="jetson",
        torch="2.5.0a0+872d972e41.nv24.8.17622132",
        others={"torchvision": ("0.20.0a0", ("torch",))},
    ),
    VendorCase(
        profile="rocm",
        torch="2.9.0+rocmsdk20251116",
        others={
            "torchvision": ("0.24.0+rocmsdk20251116", ("torch==2.9.0+rocmsdk20251116",)),
            "pytorch-triton-rocm": ("3.5.0", ()),
        },
    ),
    VendorCase(
        profile="habana",
        torch="2.10.0a0+git979b46c",
        others={
            "habana-torch-plugin": ("1.24.0.1007", ()),
            # As Habana's is: it names the release, which its torch comes before, and pillow, which is another there.
            "torchvision": ("0.25.0+cpu", ("torch==2.10.0", "pillow")),
            "pillow-simd": ("9.5.0.post20+habana", ()),
        },
    ),
    VendorCase(
        profile="xpu",
        torch="2.8.0+xpu",
        others={"torchvision": ("0.23.0+xpu", ("torch==2.8.0",)), "pytorch-triton-xpu": ("3.4.0", ())},
    ),
    VendorCase(
        profile="ascend",
        torch="2.5.1",
        others={
            "torch-npu": ("2.5.1.post1.dev20250619", ("torch==2.5.1",)),
            "torchvision": ("0.20.1", ("torch==2.5.1",)),
        },
    ),
    VendorCase(
        profile="rebellions",
        torch="2.8.0+cpu",
        others={"torch-rbln": ("0.5.0rc0", ("torch==2.8.0",)), "torchvision": ("0.23.0+cpu", ("torch==2.8.0",))},
    ),
    VendorCase(
        profile="cpu",
        torch="2.6.0+cpu",
        others={"torchvision": ("0.21.0+cpu", ("torch==2.6.0",))},
        named=True,
    ),
    VendorCase(
        profile="cuda",
        torch="2.8.0+cu128",
        others={"torchvision": ("0.23.0+cu128", ("torch==2.8.0",))},
        named=True,
    ),
)
# What an index has beside: torches that are nobody's but upstream's, and packages of users that ask for torch.
UPSTREAM = {
    "torch": ("1.7.1", "1.13.1", "2.5.1", "2.6.0", "2.8.0", "2.9.0", "2.10.0", "2.13.0"),
    "torchvision": ("0.28.0",),
    "pillow": ("11.0.0",),
    "triton": ("3.9.0",),
}
_REQUIRES = {("torchvision", "0.28.0"): ("torch==2.13.0",)}
PACKAGES = {
    "any-torch": ("1.0", ("torch",)),
    "newer-torch": ("1.0", ("torch>=2.12",)),
    "by-vision": ("1.0", ("torchvision>=0.28",)),
}


def get_case(profile: str) -> VendorCase:
    """The case of a profile."""
    return next(case for case in CASES if case.profile == profile)


def write_stand_in(
    folder: Path, name: str, version: str, requires: tuple[str, ...] = (), tag: str = "py3-none-any"
) -> Path:
    """A wheel with a module of its name that says which version it is."""
    module = name.replace("-", "_")
    code = f"__version__ = {version!r}\nSTAND_IN = True\n".encode()
    content = WheelContent(
        name=module,
        version=version,
        tag=tag,
        files={f"{module}/__init__.py": code},
        summary="a stand-in, which computes nothing",
        requires=requires,
    )
    return write_wheel(content, folder)


def write_vendor_wheels(case: VendorCase, folder: Path) -> None:
    """The vendor's wheels, which no public index has."""
    write_stand_in(folder, "torch", case.torch, tag=case.tag)
    for name, (version, requires) in case.others.items():
        write_stand_in(folder, name, version, requires)


def write_upstream_wheels(folder: Path) -> None:
    """What an index has: upstream's torches, and packages that ask for torch."""
    for name, versions in UPSTREAM.items():
        for version in versions:
            write_stand_in(folder, name, version, _REQUIRES.get((name, version), ()))
    for name, (version, requires) in PACKAGES.items():
        write_stand_in(folder, name, version, requires)
