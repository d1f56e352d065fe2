"""The one root of everything that envtool reports as an error.

A class is one kind of error and carries the exit status of that kind, so that a script can tell them
apart. Statuses 0, 1 and 2 are not errors: all well, the answer is "no", wrong usage.
"""

from __future__ import annotations

from typing import ClassVar

from envtool.language import ENGLISH, get_language, join_messages, translate
from envtool.printable import one_line, pad


class EnvtoolError(Exception):
    """Something envtool could not find out or could not do.

    `what` happened, `why`, and the `remedy`: the next command to type. Only `envtool.cli.main` catches it.
    """

    exit_status: ClassVar[int] = 3

    def __init__(self, what: str, *, why: str = "", remedy: str = "") -> None:
        # The reason belongs to the text, so that a log or a failed test that shows only str(error) has it too.
        super().__init__(join_messages(": ", (what, why)) if why else what)
        self.what = what
        self.why = why
        self.remedy = remedy

    def __reduce__(self) -> tuple[object, ...]:
        """As a process hands it to the one that it works for."""
        return (_rebuild, (type(self), self.what, self.why, self.remedy))

    def render(self) -> str:
        """The message as a person reads it, one line for each part that is known."""
        lines = [f"{self._render_kind()}: {one_line(translate(self.what))}"]
        # A reason may be another program's last lines.
        first, *more = (line.strip() for line in translate(self.why).splitlines() or [""])
        if self.why:
            lines += [f"  {pad(translate('why') + ':', 5)} {first}", *(f"        {line}" for line in more)]
        lines += [f"  {pad(translate('next') + ':', 5)} {one_line(translate(self.remedy))}"] if self.remedy else []
        return "\n".join(lines)

    def _render_kind(self) -> str:
        """What it is. In another language with the name and the status, for whoever is asked about it in English."""
        if get_language() == ENGLISH:
            return "error"
        return f"{translate('error')} [{type(self).__name__}, {self.exit_status}]"


def _rebuild(kind: type[EnvtoolError], what: str, why: str, remedy: str) -> EnvtoolError:
    return kind(what, why=why, remedy=remedy)


class PrefixError(EnvtoolError):
    """The environment to look after cannot be found or has no Python."""

    exit_status = 4


class VersionError(EnvtoolError):
    """A text that should be a version of the vendor's form is not."""

    exit_status = 5


class SourceError(EnvtoolError):
    """A vendor source, an index or a channel cannot be read."""

    exit_status = 6


class ReleaseError(EnvtoolError):
    """No source has a vendor release that fits."""

    exit_status = 7


class HashError(EnvtoolError):
    """Bytes do not have the sha256 that was locked or declared for them."""

    exit_status = 8


class StoreError(EnvtoolError):
    """The wheel store or a working folder cannot be written: disk full, no permission."""

    exit_status = 9


class RestoreError(EnvtoolError):
    """A restore could not be carried out; the environment is as it was."""

    exit_status = 10


class SpecError(EnvtoolError):
    """The image table or a file it names is wrong."""

    exit_status = 11


class LockError(EnvtoolError):
    """A lock is missing, unreadable, or could not be made."""

    exit_status = 12


class EngineError(EnvtoolError):
    """No Docker Engine answers, or it went away."""

    exit_status = 13


class BuildError(EnvtoolError):
    """The engine answered, but the image could not be built or run."""

    exit_status = 14


class SetupError(EnvtoolError):
    """A program or an optional part of envtool that the command needs is not installed."""

    exit_status = 15


class SettingsError(EnvtoolError):
    """A project's settings for doctor cannot be followed."""

    exit_status = 16


class RequirementsError(EnvtoolError):
    """A dependency file cannot be read as what its name says."""

    exit_status = 17


class UsageError(RequirementsError):
    """A request about dependency files contradicts itself, or names what is not there."""

    exit_status = 2


class ResolutionError(EnvtoolError):
    """No set of versions meets what the dependency files ask for, or the resolver could not tell."""

    exit_status = 18


class UnsolvableError(ResolutionError):
    """The dependency files contradict themselves: an install fails, whatever torch there is."""


class InstallError(EnvtoolError):
    """A guarded install could not be carried out; the environment is as it was."""

    exit_status = 19


class ImageError(EnvtoolError):
    """A stored image is not whole, not what its digests say, or of a kind that cannot be read."""

    exit_status = 20


class SignatureError(EnvtoolError):
    """An input is not signed with the key that it must be signed with."""

    exit_status = 21


class DriverError(EnvtoolError):
    """The accelerator's own programs do not answer, or cannot do what was asked of them."""

    exit_status = 22


class ModelError(EnvtoolError):
    """A model cannot be fetched or run: no such model, no torch that computes, or a program that fails."""

    exit_status = 23


class FleetError(EnvtoolError):
    """A report of a machine or an image cannot be read, or none of them."""

    exit_status = 24
