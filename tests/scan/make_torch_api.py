"""Makes `envtool/scan/tables/torch_api.json`: what torch and torchvision got after the oldest pin.

`python -m tests.scan.make_torch_api` reads the sources and stubs of published wheels from PyPI by range requests: some
megabytes of each wheel, not its gigabyte. A name is written down once, without those below it.
"""

from __future__ import annotations

import ast
import io
import json
import re
import struct
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from remotezip import RemoteZip
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

TABLE = Path(__file__).parents[2] / "envtool/scan/tables/torch_api.json"
# torch's version, torchvision's that belongs to it, and the Python of the wheels.
VERSIONS = (
    ("1.7.1", "0.8.2", "cp38"),
    ("1.8.0", "0.9.0", "cp38"),
    ("1.9.0", "0.10.0", "cp38"),
    ("1.10.0", "0.11.1", "cp38"),
    ("1.11.0", "0.12.0", "cp38"),
    ("1.12.0", "0.13.0", "cp38"),
    ("1.13.1", "0.14.1", "cp38"),
    ("2.0.0", "0.15.1", "cp310"),
    ("2.1.0", "0.16.0", "cp310"),
    ("2.2.0", "0.17.0", "cp310"),
    ("2.3.0", "0.18.0", "cp310"),
    ("2.4.0", "0.19.0", "cp310"),
    ("2.5.0", "0.20.0", "cp310"),
    ("2.6.0", "0.21.0", "cp310"),
    ("2.7.0", "0.22.0", "cp310"),
    ("2.8.0", "0.23.0", "cp310"),
    ("2.9.0", "0.24.0", "cp310"),
    ("2.10.0", "0.25.0", "cp310"),
    ("2.11.0", "0.26.0", "cp310"),
    ("2.12.0", "0.27.0", "cp310"),
    ("2.13.0", "0.28.0", "cp310"),
)
_SIMPLE = "application/vnd.pypi.simple.v1+json"
# Parts that nobody's program names, and that would be most of what is read.
_SKIPPED = (
    "torch/testing/_internal",
    "torch/_inductor",
    "torch/_dynamo",
    "torch/_refs",
    "torch/include",
    "torch/test/",
    "caffe2/",
)
# These hand keywords on to what refuses them.
_CLOSED = re.compile(r"^torch\.(?:load|utils\.checkpoint\.checkpoint)$|^torchvision\.models\.(?:\w+\.)*[a-z]\w+$")
# What programs name although it begins with an underscore.
_NAMED = frozenset(
    (
        "torch._dynamo",
        "torch._inductor",
        "torch._export",
        "torch._functorch",
        "torch._higher_order_ops",
        "torch.cuda.memory._record_memory_history",
        "torch.cuda.memory._dump_snapshot",
        "torch.cuda.memory._snapshot",
    )
)
_NAMED_SOURCES = frozenset(f"{name.replace('.', '/')}/__init__.py" for name in _NAMED)
# Compiled functions and types that were there before any stub had them, and what is nobody's API.
_KNOWN_BEFORE = frozenset(
    (
        "spmm",
        "dsmm",
        "hsmm",
        "saddmm",
        "get_device",
        "binary_cross_entropy_with_logits",
        "cosine_embedding_loss",
        "ctc_loss",
        "hinge_embedding_loss",
        "kl_div",
        "margin_ranking_loss",
        "triplet_margin_loss",
        "narrow_copy",
        "clamp_",
        "parse_ir",
        "parse_schema",
        "resize_as_sparse_",
        "sys",
        "attr",
        "candidate",
        "Node",
        "Block",
        "Argument",
        "Module",
        "Stream",
        "AliasDb",
        "LiteScriptModule",
        "e",
        "pi",
        "nan",
        "inf",
        "distributed.Store",
        "distributed.ProcessGroup",
        "distributed.Reducer",
        "distributed.BarrierOptions",
        "distributed.BuiltinCommHookType",
        "distributed.HashStore",
        "distributed.FileStore",
        "distributed.TCPStore",
        "distributed.GradBucket",
        "distributed.Logger",
        "distributed.logger",
        "distributed.sys",
    )
)
# Types and settings that are made at run time.
_DYNAMIC = re.compile(r"^torch\.(?:cuda\.)?(?:sparse\.)?\w+(?:Tensor|Storage(?:Base)?)$|^torch\.backends\.cudnn\.")
# Entries that lie so near to each other in the archive are had by one request.
_GAP = 200_000


@dataclass
class Module:
    """What a module defines, and what it takes from others."""

    names: set[str] = field(default_factory=set)
    aliases: dict[str, str] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    parameters: dict[str, set[str]] = field(default_factory=dict)
    exported: set[str] | None = None


def find_wheel(project: str, version: str, python: str) -> str | None:
    """The address of the wheel for Linux on x86-64."""
    answer = requests.get(f"https://pypi.org/simple/{project}/", headers={"Accept": _SIMPLE}, timeout=60).json()
    start = f"{project}-{version}-{python}-"
    for file in answer["files"]:
        name: str = file["filename"]
        if name.startswith(start) and "manylinux" in name and name.endswith("x86_64.whl"):
            return str(file["url"])
    return None


def read_sources(address: str) -> dict[str, str]:
    """The sources and stubs in a wheel, by their path."""
    with RemoteZip(address, initial_buffer_size=1 << 20) as archive:
        rows = [row for row in archive.infolist() if row.filename.endswith((".py", ".pyi"))]
    rows = [row for row in rows if row.filename in _NAMED_SOURCES or not row.filename.startswith(_SKIPPED)]
    rows.sort(key=lambda row: row.header_offset)
    runs: list[list[Any]] = []
    for row in rows:
        end = runs[-1][-1].header_offset + runs[-1][-1].compress_size if runs else -_GAP
        if row.header_offset - end < _GAP:
            runs[-1].append(row)
        else:
            runs.append([row])
    sources = {}
    for run in runs:
        first, last = run[0].header_offset, run[-1].header_offset + run[-1].compress_size + 4096
        answer = _session().get(address, headers={"Range": f"bytes={first}-{last}"}, timeout=300)
        answer.raise_for_status()
        for row in run:
            sources[row.filename] = _inflate(answer.content, row.header_offset - first, row)
    return sources


def _session() -> requests.Session:
    """Thousands of requests: one that fails is asked again."""
    session = requests.Session()
    retry = Retry(total=5, backoff_factor=1, status_forcelist=(502, 503, 504))
    session.mount("https://", HTTPAdapter(max_retries=retry))
    return session


def _inflate(data: bytes, at: int, row: Any) -> str:
    name, extra = struct.unpack("<HH", data[at + 26 : at + 30])
    body = data[at + 30 + name + extra :][: row.compress_size]
    content = zlib.decompress(body, -15) if row.compress_type else body
    return io.BytesIO(content).read().decode("utf-8", "replace")


def read_module(text: str, path: str) -> Module:
    """What one source or stub defines at its top level, in branches as well."""
    module = Module()
    package = path.removesuffix("i").removesuffix(".py").replace("/", ".")
    package = package.removesuffix(".__init__") if package.endswith(".__init__") else package.rpartition(".")[0]
    for node in _walk_top(ast.parse(text).body):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                module.names.add(node.name)
                module.parameters.setdefault(node.name, set()).update(_list_parameters(node))
            case ast.ClassDef():
                module.names.add(node.name)
                if node.name == "cuBLASModule":
                    module.names.update(f"matmul.{name}" for name in _list_settings(node))
                for item in _walk_top(node.body):
                    if isinstance(item, ast.FunctionDef):
                        if node.name.lstrip("_") in {"Tensor", "TensorBase", "VariableFunctionsClass", "Module"}:
                            module.names.add(f"{node.name}.{item.name}")
                        if item.name in {"__init__", "__new__"}:
                            module.parameters.setdefault(node.name, set()).update(_list_parameters(item))
            case ast.Assign():
                names = [item.id for target in node.targets for item in ast.walk(target) if isinstance(item, ast.Name)]
                module.names.update(names)
                if names == ["__all__"] and isinstance(node.value, ast.List | ast.Tuple):
                    module.exported = {item.value for item in node.value.elts if isinstance(item, ast.Constant)}  # type: ignore[misc]
                elif isinstance(node.value, ast.Attribute | ast.Name):
                    module.aliases.update({name: ast.unparse(node.value) for name in names})
            case ast.AnnAssign(target=ast.Name(id=name)):
                module.names.add(name)
            case ast.ImportFrom():
                start = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
                source = ".".join(filter(None, [start, node.module]))
                for alias in node.names:
                    if alias.name == "*":
                        module.stars.append(source)
                    elif source.partition(".")[0] in {"torch", "torchvision"}:
                        # What is taken from elsewhere, such as typing, is nobody's API.
                        module.names.add(alias.asname or alias.name)
                        module.aliases[alias.asname or alias.name] = f"{source}.{alias.name}"
            case _:
                pass
    return module


def _list_settings(node: ast.ClassDef) -> Iterator[str]:
    """The names that an object compares with those that it is asked for; any other it refuses."""
    for item in ast.walk(node):
        if isinstance(item, ast.Compare):
            for part in item.comparators:
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value


def _walk_top(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With | ast.For):
            yield from _walk_top(node.body)
            yield from _walk_top(getattr(node, "orelse", []))
            for handler in getattr(node, "handlers", []):
                yield from _walk_top(handler.body)


def _list_parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    names = [item.arg for item in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]]
    # A function that takes only `*tensors` has parameters all the same.
    stars = [star for star, item in (("*", node.args.vararg), ("**", node.args.kwarg)) if item is not None]
    return [*names, *stars]


def read_release(address: str) -> tuple[set[str], dict[str, set[str]]]:
    """The dotted names in a wheel, and the parameters of those that can be called."""
    modules: dict[str, Module] = {}
    for path, text in read_sources(address).items():
        name = path.removesuffix("i").removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        try:
            found = read_module(text, path)
        except SyntaxError:
            continue
        known = modules.setdefault(name, Module())
        known.names |= found.names
        known.aliases |= found.aliases
        known.stars += found.stars
        known.exported = found.exported or known.exported
        for key, values in found.parameters.items():
            known.parameters.setdefault(key, set()).update(values)
    # torch's own module takes all that the compiled part has.
    top = modules.get("torch")
    if top is not None:
        for name, module in list(modules.items()):
            if name in {"torch._C._VariableFunctions", "torch._C"}:
                classes = [item for item in module.names if item.startswith("_VariableFunctionsClass.")]
                top.names |= module.names | {item.partition(".")[2] for item in classes}
                for key, values in module.parameters.items():
                    top.parameters.setdefault(key, set()).update(values)
    names: set[str] = set()
    parameters: dict[str, set[str]] = {}
    for name in modules:
        names.add(name)
        # What another module takes from here is here, if by the compiled part.
        names.update(modules[name].aliases.values())
        # What takes all of a compiled part has names that no source tells.
        if any(star not in modules for star in modules[name].stars):
            names.add(f"{name}.*")
        for item, (where, original) in _list_names(modules, name, ()).items():
            names.add(f"{name}.{item}")
            own = _find_parameters(modules, where, original)
            if own:
                parameters[f"{name}.{item}"] = own
    return names, parameters


def _list_names(modules: dict[str, Module], name: str, seen: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    module = modules.get(name)
    if module is None or name in seen:
        return {}
    found: dict[str, tuple[str, str]] = {}
    for star in module.stars:
        source = modules.get(star)
        for item, place in _list_names(modules, star, (*seen, name)).items():
            public = not item.startswith("_") if source is None or source.exported is None else item in source.exported
            if public or item.partition(".")[0] in ((source and source.exported) or ()):
                found[item] = place
    for item in module.names:
        found[item] = (name, item)
    return found


def _find_parameters(modules: dict[str, Module], name: str, item: str, depth: int = 0) -> set[str]:
    module = modules.get(name)
    if module is None or depth > 6:
        return set()
    if item in module.parameters:
        return module.parameters[item]
    if item in module.aliases:
        source, _, original = module.aliases[item].rpartition(".")
        return _find_parameters(modules, source or name, original, depth + 1)
    for star in module.stars:
        if found := _find_parameters(modules, star, item, depth + 1):
            return found
    return set()


def make_table(project: str, releases: list[tuple[str, set[str], dict[str, set[str]]]]) -> dict[str, Any]:
    """What is not in the first release, with the release that has it first."""
    _, known, known_parameters = releases[0]
    open_modules = {name.removesuffix(".*") for name in known if name.endswith(".*")}
    first: dict[str, str] = {}
    parameters: dict[str, dict[str, str]] = {}
    for version, names, own in releases[1:]:
        for name in sorted(names - known):
            is_public = name in _NAMED or not any(part.startswith("_") for part in name.split("."))
            if (
                is_public
                and name.startswith(f"{project}.")
                and name.rpartition(".")[0] not in open_modules
                and name.removeprefix("torch.") not in _KNOWN_BEFORE
                and not _DYNAMIC.search(name)
            ):
                first.setdefault(name, version)
        for name, values in own.items():
            before = known_parameters.get(name)
            # What hands on any keyword may know more of them than it names.
            is_open = before is not None and "**" in before and not _CLOSED.match(name)
            if before is None or is_open or name in first or any(part.startswith("_") for part in name.split(".")):
                continue
            later = sorted(values - before - {"self", "cls", "*", "**"})
            # Of models, only what is new is refused for sure: some of the rest was taken by what is called.
            hands_on = "**" in before and name.startswith("torchvision.")
            for value in (item for item in later if not hands_on or item.startswith("weights")):
                parameters.setdefault(name, {}).setdefault(value, version)
    minimal = {
        name: version
        for name, version in first.items()
        if not any(first.get(name.rsplit(".", cut)[0]) == version for cut in range(1, name.count(".") + 1))
    }
    grouped: dict[str, list[str]] = {}
    for name, version in sorted(minimal.items()):
        grouped.setdefault(version, []).append(name)
    return {"names": grouped, "parameters": dict(sorted(parameters.items()))}


def main() -> None:
    """Read the wheels and write the table."""
    merged: dict[str, Any] = {}
    for number, project in enumerate(("torch", "torchvision")):

        def read(row: tuple[str, str, str], number: int = number, project: str = project) -> Any:
            version = row[number]
            address = find_wheel(project, version, row[2])
            if address is None:
                return None
            names, parameters = read_release(address)
            print(f"{project} {version}: {len(names)} names", flush=True)
            return version.rpartition(".")[0] if number == 0 else version, names, parameters

        with ThreadPoolExecutor(3) as pool:
            releases = [item for item in pool.map(read, VERSIONS) if item is not None]
        merged[project] = make_table(project, releases)
    pairs = [[torch.rpartition(".")[0], vision] for torch, vision, _ in VERSIONS]
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    TABLE.write_text(json.dumps({"companions": pairs, **merged}, indent=0) + "\n")


if __name__ == "__main__":
    main()
