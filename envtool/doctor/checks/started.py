"""What an image's `python` imports, and what its command does: from PATH to the file, as its interpreter would."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

from envtool.doctor.checks.shadowed import Shadow, build_shadow_remedy
from envtool.doctor.finding_kind import FindingKind
from envtool.doctor.findings import Evidence, Finding
from envtool.environment.file_tree import follow_links
from envtool.environment.imported import ImportedModule, find_import
from envtool.environment.search_path import PathOrigin, PrecedingPath
from envtool.environment.started_python import ImportOrigin
from envtool.environment.torch_starts import StartWay, TorchStart, is_pinned_build, list_torch_starts
from envtool.language import tell

if TYPE_CHECKING:
    from envtool.environment.reader import Environment
    from envtool.release.pin import VendorPin

_ORIGINS = {
    ImportOrigin.PYTHONPATH: PathOrigin.PYTHONPATH,
    ImportOrigin.PTH_FILE: PathOrigin.PTH_FILE,
    ImportOrigin.USER_SITE: PathOrigin.USER_SITE,
}
_STARTERS: dict[StartWay, str] = {
    StartWay.PYTHON: "`python`",
    StartWay.COMMAND: tell("the command"),
    StartWay.LOGIN_SHELL: tell("what a login shell reads"),
    StartWay.TYPED_SHELL: tell("what an interactive shell reads"),
    StartWay.SERVICE: tell("a service"),
    StartWay.KERNEL: tell("the Jupyter kernel `python3`"),
    StartWay.OTHER_KERNEL: tell("another Jupyter kernel"),
}
# What to change is in one of these.
_SHELL_REMEDY = (
    "grep -nE 'activate|PATH' /etc/profile /etc/profile.d/*.sh ~/.bash_profile ~/.profile /etc/bash.bashrc ~/.bashrc"
)


def check(environment: Environment, pin: VendorPin) -> Iterator[Finding]:
    """Check that every way in which the image starts Python imports the pinned distributions."""
    context = environment.context
    seen: set[str] = set()
    starts = list_torch_starts(
        context.files, context.variables, context.command, context.folder, with_shells=not context.is_local
    )
    for start in starts:
        for finding in _check_start(environment, pin, start):
            if finding.title not in seen:
                seen.add(finding.title)
                yield finding


def _check_start(environment: Environment, pin: VendorPin, start: TorchStart) -> Iterator[Finding]:
    if start.python is None:
        if not start.is_command and "PATH" in environment.context.variables:
            yield _make_lost_finding(environment, pin, start)
        return
    if start.is_lost and not _is_here(environment, start):
        yield _make_lost_finding(environment, pin, start)
        return
    for pinned in pin.distributions:
        module = find_import(environment.context.files, start.python.search_path, pinned.name)
        if module is not None and not _is_own(environment, module) and not is_pinned_build(module, pin):
            yield _make_shadow_finding(environment, pin, start, module)


def _is_here(environment: Environment, start: TorchStart) -> bool:
    """Whether the environment itself is what starts: that torch is missing there is found by other checks."""
    context = environment.context
    own = follow_links(context.files, context.display(str(environment.prefix.path)))
    return start.python is not None and follow_links(context.files, start.python.prefix) == own


def _is_own(environment: Environment, module: ImportedModule) -> bool:
    """Whether it is the environment's own copy, which other checks look at."""
    context = environment.context
    own = follow_links(context.files, context.display(str(environment.prefix.site_packages)))
    return module.site == own


def _make_lost_finding(environment: Environment, pin: VendorPin, start: TorchStart) -> Finding:
    context = environment.context
    prefix = context.display(str(environment.prefix.path))
    path = context.variables.get("PATH", "")
    python = start.python
    what = (
        tell("`python` is {program}, which has no torch", program=python.program)
        if python is not None
        else tell("there is no python on PATH")
    )
    found: str = path
    if python is not None and python.interpreter != python.program:
        found = tell("{path}, which is {interpreter}", path=path, interpreter=python.interpreter)
    return Finding(
        kind=FindingKind.WRONG_ENVIRONMENT,
        title=tell("{what}; the vendor torch is in {prefix}", what=what, prefix=prefix),
        evidence=(
            Evidence("PATH", tell("{prefix}/bin first", prefix=prefix), found),
            Evidence(
                prefix,
                tell("the environment that `python` starts"),
                tell("torch {version}, not started", version=pin.torch.version),
            ),
        ),
        cause=tell("PATH was changed, or another program took the place of the environment's python"),
        remedy=f"ENV PATH={shlex.quote(f'{prefix}/bin')}:$PATH",
    )


def _make_shadow_finding(
    environment: Environment, pin: VendorPin, start: TorchStart, module: ImportedModule
) -> Finding:
    pinned = pin.find(module.name)
    python = start.python
    assert python is not None
    expected = tell("{version} from {folder}", version=pinned.version if pinned else "", folder=environment.prefix.path)
    folder = module.folder
    if folder.origin is ImportOrigin.SITE:
        cause = tell(
            "{who} starts {program}, of {prefix}",
            who=_STARTERS[start.way],
            program=python.program,
            prefix=python.prefix,
        )
    elif folder.named_by:
        cause = tell("{folder} comes before site-packages by {file}", folder=folder.origin.value, file=folder.named_by)
    else:
        cause = tell("{folder} comes before site-packages", folder=folder.origin.value)
    where = tell(" in {who}", who=start.way.value) if start.is_command else ""
    return Finding(
        kind=FindingKind.TORCH_SHADOWED,
        title=tell(
            "{name} is imported from {path}, not from the environment{where}",
            name=module.name,
            path=folder.path,
            where=where,
        ),
        evidence=(Evidence(module.path, expected, module.version),),
        cause=cause,
        remedy=_choose_remedy(environment, start, module),
    )


def _choose_remedy(environment: Environment, start: TorchStart, module: ImportedModule) -> str:
    if start.source:
        return f"grep -nE 'python|PATH' {shlex.quote(start.source)}"
    return _build_remedy(environment, module) if not start.is_shell else _SHELL_REMEDY


def _build_remedy(environment: Environment, module: ImportedModule) -> str:
    context, origin = environment.context, _ORIGINS.get(module.folder.origin)
    if module.folder.origin is ImportOrigin.LIBRARY:
        # Nothing of the standard library has that name.
        return f"rm -r {shlex.quote(module.path)}"
    if module.folder.origin is ImportOrigin.CUSTOMIZE:
        return f"rm {shlex.quote(module.folder.named_by)}"
    if origin is None:
        prefix = context.display(str(environment.prefix.path))
        return f"ENV PATH={shlex.quote(f'{prefix}/bin')}:$PATH"
    if origin is PathOrigin.PYTHONPATH:
        return "ENV PYTHONPATH="
    pth = context.locate(module.folder.named_by) if module.folder.named_by else None
    folder = PrecedingPath(context.locate(module.folder.path), origin, pth)
    found = context.locate(module.path)
    return build_shadow_remedy(environment, Shadow(folder, module.name, found, module.version))
