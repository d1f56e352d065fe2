"""What to write in place of an instruction that would cost the vendor torch, in the words of the tool that it used.

Pure but for the files of requirements and projects that the instruction names, which are looked into.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from envtool.guard.arguments import (
    INDEXES,
    UPSTREAM_INDEX,
    Argument,
    ArgumentKind,
    join_words,
    list_arguments,
    list_names_in_file,
    quote,
    quote_all,
)
from envtool.guard.instruction import InstallStep, Tool
from envtool.guard.project_command import ELSEWHERE, build_project_command
from envtool.guard.report_row import render_row
from envtool.language import join_messages, tell
from envtool.release.profile import PINNED_NAMES, TORCH
from envtool.requirements.readers.shell_words import Word

if TYPE_CHECKING:
    from envtool.release.pin import VendorPin

_IMAGE = tell("the image")
_UPSTREAM = frozenset(
    {*PINNED_NAMES, "pytorch", "pytorch-cuda", "pytorch-gpu", "pytorch-cpu", "cpuonly", "pytorch-mutex"}
)
# Options that make an installer replace what is in place, or install elsewhere; and upstream's own indexes.
_FORCING = frozenset(
    {"--force-reinstall", "-I", "--ignore-installed", "--reinstall", "--user", "-U", "--upgrade", "--torch-backend"}
)


@dataclass(frozen=True, kw_only=True)
class Culprit:
    """A distribution that wants another torch, or the instruction itself, which has no name.

    `older` are the versions that are known to exist below every one that wants it. `is_direct` says whether it was
    installed from an address or a folder, `None` where that is not known; `is_exhausted`, that an installer has tried
    every release there is.
    """

    name: str | None
    version: str | None = None
    older: tuple[str, ...] = ()
    is_direct: bool | None = None
    installer: str = ""
    is_exhausted: bool = False


class Trouble(Enum):
    """What an instruction did: an installer gave up, another torch came, or torch's own files were lost."""

    GAVE_UP = "gave up"
    REPLACED = "replaced"
    LOST = "lost"


@dataclass(kw_only=True)
class _Rewrite:
    """A command as it is changed: the words that stay, and what else there is to change."""

    pin: VendorPin
    culprits: dict[str, Culprit]
    trouble: Trouble
    place: str
    words: list[str] = field(default_factory=list)
    fixes: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    settled: set[str] = field(default_factory=set)
    has_subject: bool = False


def suggest_changes(
    culprits: Sequence[Culprit],
    pin: VendorPin,
    steps: Sequence[InstallStep],
    trouble: Trouble = Trouble.REPLACED,
    *,
    place: str = _IMAGE,
) -> list[str]:
    """The lines that say what to change: at most one of them names a command to run. `place` is what has the torch."""
    step = _choose_step(steps, culprits)
    named = [item for item in culprits if item.name]
    if trouble is Trouble.LOST and not named and (step is None or not _may_lose(step)):
        return [render_row(tell("fix"), tell("leave the files and the records of torch as they are"))]
    if step is None:
        return _suggest_without_step(named, pin)
    if step.tool in {Tool.PIP, Tool.UV, Tool.CONDA, Tool.PIPX, Tool.SETUP}:
        return _suggest_rewritten(step, named, pin, trouble, place)
    return [render_row(tell("run"), build_project_command(step)), *_leave_out(named, set())]


def _may_lose(step: InstallStep) -> bool:
    """Whether a step that leaves no other torch may have taken this one away."""
    return (
        step.action in {"uninstall", "remove", "sync"}
        or step.tool not in {Tool.PIP, Tool.UV, Tool.SETUP}
        or any(argument.name in _UPSTREAM for argument in list_arguments(step))
    )


def _suggest_without_step(culprits: Sequence[Culprit], pin: VendorPin) -> list[str]:
    if not culprits:
        return [render_row(tell("fix"), tell("{asked}: both are met by the vendor's", asked=_ask_for(pin)))]
    lines = []
    known = next((item for item in culprits if item.older and not item.is_direct), None)
    if known is not None:
        command = f'pip install "{known.name}<{known.version}"'
        text = tell("{command}   ({hint})", command=command, hint=_explain_older(pin))
        lines.append(render_row(tell("run"), text))
    return lines + _leave_out(culprits, set())


def _ask_for(pin: VendorPin) -> str:
    return tell("ask for torch=={version} or plain torch", version=pin.version.public)


def _explain_older(pin: VendorPin) -> str:
    return tell("an older one may do with torch {version}", version=pin.version.public)


def _leave_out(culprits: Sequence[Culprit], settled: set[str]) -> list[str]:
    names = [str(item.name) for item in culprits if item.name not in settled]
    if not names:
        return []
    text = tell("leave {names} out of the requirements", names=", ".join(names))
    return [render_row(tell("otherwise"), text)]


def _choose_step(steps: Sequence[InstallStep], culprits: Sequence[Culprit]) -> InstallStep | None:
    """The step that names a culprit, or torch; else the last by the tool that installed it; else the last."""
    wanted = {item.name for item in culprits if item.name} or _UPSTREAM
    for step in reversed(steps):
        if any(argument.name in wanted for argument in list_arguments(step)):
            return step
    # Poetry writes its version behind its name.
    installers = {item.installer.lower().split()[0] for item in culprits if item.installer.strip()}
    fitting = [step for step in steps if step.tool.split()[0] in installers]
    return next(reversed(fitting or list(steps)), None)


def _suggest_rewritten(
    step: InstallStep, culprits: Sequence[Culprit], pin: VendorPin, trouble: Trouble, place: str
) -> list[str]:
    change = _Rewrite(pin=pin, culprits={str(item.name): item for item in culprits}, trouble=trouble, place=place)
    arguments = list(list_arguments(step))
    for argument in arguments:
        _rewrite(argument, step, change)
    _settle_sources(arguments, step, change)
    for item in culprits:
        if item.name not in change.settled and item.older and step.tool is not Tool.CONDA and not item.is_direct:
            # Another distribution brings it: to ask for an older one beside that is enough.
            change.words.append(f'"{item.name}<{item.version}"')
            change.hints.append(_explain_older(pin))
            change.has_subject = True
    if not change.has_subject and not culprits:
        values = {"script": step.script, "place": place, "version": pin.version}
        text = (
            tell("leave this command out in {script}: {place} has torch {version}", **values)
            if step.script
            else tell("leave this command out: {place} has torch {version}", **values)
        )
        return [render_row(tell("fix"), text)]
    lines = [render_row(tell("fix"), text) for text in dict.fromkeys(change.fixes)]
    if not culprits and not lines and step.action not in {"uninstall", "remove"}:
        asked = tell("{asked}: both are met by the vendor's", asked=_ask_for(pin))
        left = tell("leave pytorch out: {place} has torch", place=place)
        lines.append(render_row(tell("fix"), left if step.tool is Tool.CONDA else asked))
    lines += _render_run(step, change)
    return lines + _leave_out(culprits, {name for name in change.settled if change.culprits[name].is_direct})


def _render_run(step: InstallStep, change: _Rewrite) -> list[str]:
    if not change.has_subject:
        return []
    if change.words == quote_all(step.words) and not change.fixes:
        # The same again helps where the image's pins had been lifted, and only there.
        if change.trouble is Trouble.GAVE_UP or step.tool in {Tool.CONDA, Tool.SETUP}:
            return []
        change.hints[:] = [tell("with PIP_CONSTRAINT and UV_CONSTRAINT as {place} has them", place=change.place)]
    hints = dict.fromkeys([*change.hints, *([tell("in {script}", script=step.script)] if step.script else [])])
    command = join_words([*quote_all(step.start), step.action, *change.words])
    text = tell("{command}   ({hint})", command=command, hint=join_messages("; ", hints)) if hints else command
    return [render_row(tell("run"), text)]


def _rewrite(argument: Argument, step: InstallStep, change: _Rewrite) -> None:
    match argument.kind:
        case ArgumentKind.OPTION:
            is_index = argument.option in INDEXES and UPSTREAM_INDEX.search(argument.value) is not None
            # A torch that a folder has before the environment's came by such an option.
            is_elsewhere = argument.option in ELSEWHERE and change.trouble is not Trouble.GAVE_UP
            if step.tool is not Tool.CONDA and (is_index or is_elsewhere or argument.option in _FORCING):
                return
            change.words += quote_all(argument.words)
        case ArgumentKind.NAME:
            _rewrite_name(argument, step, change)
        case ArgumentKind.SOURCE:
            if argument.name in _UPSTREAM:
                values = {"source": argument.value, "place": change.place, "name": argument.name}
                change.fixes.append(tell("leave {source} out: {place} has {name}", **values))
                return
            change.words += quote_all(argument.words)
            change.has_subject = True
        case ArgumentKind.FILE:
            change.words += quote_all(argument.words)
            is_constraint = argument.option in {"-c", "--constraint", "--constraints"}
            change.has_subject = change.has_subject or not is_constraint
            _look_into_file(argument, step, change)


def _rewrite_name(argument: Argument, step: InstallStep, change: _Rewrite) -> None:
    name = argument.name or ""
    if name in _UPSTREAM:
        if step.tool is Tool.CONDA or step.action in {"uninstall", "remove"}:
            return
        change.words.append(name)
        change.has_subject = change.has_subject or name != TORCH or bool(argument.value)
        return
    culprit = change.culprits.get(name)
    change.has_subject = True
    if culprit is None or culprit.is_exhausted or step.action in {"uninstall", "remove"}:
        change.words += quote_all(argument.words)
        return
    extras = re.match(r"[\w.-]+\s*(\[[^\]]*\])?", argument.value)
    asked = name if extras is None else re.sub(r"\s", "", extras[0])
    change.settled.add(name)
    if culprit.older and step.tool is not Tool.CONDA:
        change.words.append(f'"{asked}<{culprit.version}"')
        change.hints.append(_explain_older(change.pin))
    else:
        change.words.append(quote(Word(asked)))
        tool = _find_program(step)
        change.hints.append(
            tell(
                "with {place}'s own pins {tool} takes a release that does with torch {version},"
                " or says that there is none",
                place=change.place,
                tool=tool,
                version=change.pin.version.public,
            )
        )


def _find_program(step: InstallStep) -> str:
    """The tool by the name that it was started by."""
    if step.tool is Tool.CONDA:
        return next((word.text for word in step.start if word.text in {"mamba", "micromamba"}), "conda")
    return step.tool.split()[0]


def _look_into_file(argument: Argument, step: InstallStep, change: _Rewrite) -> None:
    names = list_names_in_file(argument, step.folder)
    for name in names:
        culprit = change.culprits.get(name)
        if culprit is not None:
            change.settled.add(name)
            wanted = f"{name}<{culprit.version}" if culprit.older else tell("plain {name}", name=name)
            if culprit.is_exhausted:
                continue
            change.fixes.append(tell("in {file}: {wanted}", file=argument.value, wanted=wanted))
    if step.tool is Tool.CONDA and not change.culprits:
        values = {"file": argument.value, "place": change.place}
        change.fixes.append(tell("in {file}: leave pytorch and its companions out, which {place} has", **values))
    elif not change.culprits and any(name in PINNED_NAMES for name in names):
        change.fixes.append(tell("in {file}: {wanted}", file=argument.value, wanted=_ask_for(change.pin)))


def _settle_sources(arguments: Sequence[Argument], step: InstallStep, change: _Rewrite) -> None:
    """Say of a culprit that an address or a folder brings that its own requirements are what to change."""
    sources = [item for item in arguments if item.kind is ArgumentKind.SOURCE and item.name not in _UPSTREAM]
    if step.tool is Tool.SETUP:
        sources = [Argument(kind=ArgumentKind.SOURCE, words=(), value="setup.py")]
        change.has_subject = True
    for name, culprit in list(change.culprits.items()):
        if name in change.settled or not sources:
            continue
        found = next((item for item in sources if item.name == name), None)
        if found is None and culprit.is_direct is not False and not culprit.older:
            # Whose name cannot be told from here: an address, or a project whose back end computes it.
            found = next((item for item in sources if item.name is None or culprit.is_direct), None)
        if found is not None:
            change.settled.add(name)
            change.culprits[name] = Culprit(name=name, version=culprit.version, is_direct=True)
            values = {"name": name, "source": found.value, "version": change.pin.version.public}
            change.fixes.append(tell("let {name} ({source}) ask for torch=={version} or plain torch", **values))
