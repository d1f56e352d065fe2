"""A recipe's instructions → the configuration that a builder would make of them, where no builder is needed.

That is so for instructions that only set something, and for `ADD` of a layer; any other instruction, and a value with a
variable in it, needs a builder. Formats: Dockerfile reference; OCI image specification, "Image Configuration".
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from envtool.documents import parse_json
from envtool.image.inputs.accounts import HOME

_ADD_LAYER = re.compile(r"layers/(?P<layer>[\w.-]+\.tar) /")
_DURATION = re.compile(r"(\d+)(ms|s|m|h)")
_NANOSECONDS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_CHECK_OPTIONS = {"interval": "Interval", "timeout": "Timeout", "start-period": "StartPeriod"}
Configuration = Mapping[str, Any]
# An instruction's value and the configuration before it → what it changes; `None` where a builder has to say.
Setting = Callable[[str, Configuration], Configuration | None]


@dataclass(frozen=True)
class Instruction:
    """One instruction: its name in capitals and what follows it, on one line."""

    name: str
    value: str

    def __str__(self) -> str:
        return f"{self.name} {self.value}"


@dataclass(frozen=True)
class Evaluated:
    """What a recipe makes of its base: the configuration, the instructions after FROM, and which of them add layers.

    `layers` has the name of the layer's file for each instruction, or `None` where it adds none.
    """

    configuration: Configuration
    steps: tuple[Instruction, ...]
    layers: tuple[str | None, ...]


def parse_instructions(recipe: str) -> Iterator[Instruction]:
    """The instructions of a recipe, in their order."""
    lines = (line.strip() for line in recipe.splitlines())
    text = "\n".join(line for line in lines if line and not line.startswith("#"))
    for line in re.sub(r"\\\n", " ", text).splitlines():
        name, _separator, value = line.partition(" ")
        yield Instruction(name.upper(), re.sub(r" {2,}", " ", value).strip())


def evaluate_instructions(recipe: str, configuration: Configuration) -> Evaluated | None:
    """What a recipe makes of a base with `configuration`, or `None` where that takes a builder."""
    steps = [step for step in parse_instructions(recipe) if step.name not in {"ARG", "FROM"}]
    layers: list[str | None] = []
    for number, step in enumerate(steps):
        added = _ADD_LAYER.fullmatch(step.value) if step.name == "ADD" else None
        layers.append(added["layer"] if added is not None else None)
        if added is not None:
            continue
        setting = _SETTINGS.get(step.name)
        changed = setting(step.value, configuration) if setting is not None and "$" not in step.value else None
        if changed is None:
            return None
        # A new entry point resets the base's command, which was made for the old one.
        if step.name == "ENTRYPOINT" and all(earlier.name != "CMD" for earlier in steps[:number]):
            changed = {**changed, "Cmd": None}
        configuration = {**configuration, **changed}
    return Evaluated(configuration, tuple(steps), tuple(layers))


def _parse_words(value: str) -> list[str] | None:
    """The words of a command in JSON form; `None` for the shell form, which is given to the shell as it stands."""
    try:
        words = parse_json(value)
    except ValueError:
        return None
    return words if isinstance(words, list) and all(isinstance(word, str) for word in words) else None


def _set_text(key: str) -> Setting:
    return lambda value, _configuration: {key: value}


def _set_command(key: str) -> Setting:
    def change(value: str, configuration: Configuration) -> Configuration:
        words = _parse_words(value)
        return {key: words if words is not None else [*(configuration.get("Shell") or ["/bin/sh", "-c"]), value]}

    return change


def _parse_shell(value: str, _configuration: Configuration) -> Configuration | None:
    words = _parse_words(value)
    return {"Shell": words} if words is not None else None


def _parse_pairs(value: str) -> dict[str, str] | None:
    try:
        words = [word.partition("=") for word in shlex.split(value)]
    except ValueError:
        return None
    return {key: text for key, _equals, text in words} if all(equals for _key, equals, _text in words) else None


def _parse_environment(value: str, configuration: Configuration) -> Configuration | None:
    pairs = _parse_pairs(value)
    if pairs is None:
        return None
    before = dict(item.partition("=")[::2] for item in configuration.get("Env") or ())
    return {"Env": [f"{key}={text}" for key, text in {**before, **pairs}.items()]}


def _parse_labels(value: str, configuration: Configuration) -> Configuration | None:
    pairs = _parse_pairs(value)
    return {"Labels": {**(configuration.get("Labels") or {}), **pairs}} if pairs is not None else None


def _parse_folder(value: str, _configuration: Configuration) -> Configuration | None:
    # Any other folder may not exist yet, and a builder would make it.
    return {"WorkingDir": value} if value == str(HOME) else None


def _parse_ports(value: str, configuration: Configuration) -> Configuration | None:
    ports = [port if "/" in port else f"{port}/tcp" for port in value.split()]
    if not all(re.fullmatch(r"\d+/(tcp|udp)", port) for port in ports):
        return None
    return {"ExposedPorts": {**(configuration.get("ExposedPorts") or {}), **{port: {} for port in ports}}}


def _parse_health(value: str, _configuration: Configuration) -> Configuration | None:
    if value.upper() == "NONE":
        return {"Healthcheck": {"Test": ["NONE"]}}
    options, separator, command = value.partition("CMD ")
    if not separator:
        return None
    words = _parse_words(command.strip())
    check: dict[str, Any] = {"Test": ["CMD-SHELL", command.strip()] if words is None else ["CMD", *words]}
    for word in options.split():
        name, _equals, text = word.removeprefix("--").partition("=")
        if name == "retries" and text.isdigit():
            check["Retries"] = int(text)
        elif name in _CHECK_OPTIONS and (amount := _DURATION.fullmatch(text)):
            check[_CHECK_OPTIONS[name]] = int(amount[1]) * _NANOSECONDS[amount[2]]
        else:
            return None
    return {"Healthcheck": check}


_SETTINGS: Mapping[str, Setting] = {
    "ENV": _parse_environment,
    "LABEL": _parse_labels,
    "USER": _set_text("User"),
    "WORKDIR": _parse_folder,
    "CMD": _set_command("Cmd"),
    "ENTRYPOINT": _set_command("Entrypoint"),
    "SHELL": _parse_shell,
    "EXPOSE": _parse_ports,
    "STOPSIGNAL": _set_text("StopSignal"),
    "HEALTHCHECK": _parse_health,
}
