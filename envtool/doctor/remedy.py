"""Builds the command that fixes a finding, ready to paste."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.environment.context import Location
from envtool.language import tell
from envtool.release.pin import PinOrigin
from envtool.release.read_profile import DEFAULT
from envtool.release.select_profile import ENVIRONMENT_VARIABLE

if TYPE_CHECKING:
    from envtool.environment.reader import Environment
    from envtool.release.pin import VendorPin
    from envtool.release.profile import Profile


def build_restore_command(environment: Environment, pin: VendorPin | None) -> str:
    """Build the command that restores torch: the vendor's familiar one where that finds this environment by itself."""
    path = environment.prefix.path
    context = environment.context
    if pin is not None and pin.profile_id != DEFAULT:
        return translate_command(environment, _build_vendor_command(environment, pin))
    if pin is None or pin.torch.sha256 is None:
        command = f"envtool restore --prefix {shlex.quote(context.display(str(path)))} --vendor FOLDER_OR_INDEX"
    elif context.variables.get("CONDA_PREFIX") == context.display(str(path)):
        command = pin.profile.cure.restore
    else:
        command = f"envtool restore --prefix {shlex.quote(context.display(str(path)))}"
    return translate_command(environment, command)


def _build_vendor_command(environment: Environment, pin: VendorPin) -> str:
    """Build the command for another vendor's torch, with a source to be named where none is known to have it."""
    from envtool.release.source.vendor_sources import has_vendor_source

    command = f"envtool restore --prefix {shlex.quote(environment.context.display(str(environment.prefix.path)))}"
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named and pin.origin is not PinOrigin.FILE:
        command += f" --profile {shlex.quote(named)}"
    return command if has_vendor_source(pin) else f"{command} --vendor FOLDER_OR_INDEX"


def build_vendor_choice(environment: Environment, profile: Profile) -> str:
    """Build the command for another vendor's torch of which nothing tells the version: the newest of a source."""
    prefix = shlex.quote(environment.context.display(str(environment.prefix.path)))
    named = shlex.quote(os.environ.get(ENVIRONMENT_VARIABLE) or profile.id)
    command = f"envtool restore --prefix {prefix} --profile {named} --vendor FOLDER_OR_INDEX"
    words = profile.cure.restore
    translated = translate_command(environment, command)
    if words.startswith("envtool restore"):
        return translated
    return tell("{command}   or: {words}", command=translated, words=words)


def translate_command(environment: Environment, command: str) -> str:
    """Turn a command for inside of an image or a container into one for this machine."""
    context = environment.context
    if context.location is Location.CONTAINER:
        name = shlex.quote(context.reference)
        return f"docker start {name} && docker exec {name} {command}"
    if context.location is Location.IMAGE:
        return build_child_command(context.reference, command)
    return command


# An image that is no engine's yet, by the name that skopeo gives the place where it is.
_ARCHIVE, _OCI = "docker-archive:", ("oci:", "oci-archive:", "dir:")
_NAMES = ("docker-daemon:", "docker://")
_MENDED, _BASE = "mended", '"$base"'


def build_child_command(reference: str, command: str) -> str:
    """Build the command that runs `command` in a child of an image, as an image cannot be changed.

    The child gets the image's name. What is in a file or a folder is loaded first, and its child called `mended`.
    """
    is_folder = Path(reference).is_dir()
    if reference.startswith(_OCI) or is_folder:
        source = shlex.quote(f"oci:{reference}" if is_folder else reference)
        load = f"skopeo copy {source} docker-daemon:{_MENDED}:latest"
        return f"{load} && {_render_build(_MENDED, _MENDED, command)}"
    if reference.startswith(_ARCHIVE) or Path(reference).is_file():
        path = shlex.quote(reference.removeprefix(_ARCHIVE))
        load = f"base=$(docker load --quiet --input {path} | sed -n 's/^Loaded image.*: //p' | head -n 1)"
        return f"{load} && {_render_build(_BASE, _MENDED, command)}"
    for prefix in _NAMES:
        reference = reference.removeprefix(prefix)
    # No tag can have a digest.
    return _render_build(shlex.quote(reference), shlex.quote(reference.partition("@")[0]), command)


def _render_build(base: str, tag: str, command: str) -> str:
    return f"printf 'FROM %s\\nRUN %s\\n' {base} {shlex.quote(command)} | docker build --tag {tag} -"


def build_uninstall_command(environment: Environment, *names: str) -> str:
    """Build the command that uninstalls distributions with the environment's own pip."""
    interpreter = shlex.quote(environment.context.display(str(environment.prefix.interpreter)))
    return translate_command(environment, f"{interpreter} -m pip uninstall --yes {' '.join(names)}")
