"""What `check` answers about a set of requirements: the verdict, its cause, and the lines to change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from envtool.language import tell
from envtool.requirements.static import Effect, LineEffect, Verdict

if TYPE_CHECKING:
    from envtool.errors import EnvtoolError
    from envtool.requirements.chain import Chain
    from envtool.requirements.model import DeclaredRequirement, RequirementSet
    from envtool.requirements.resolution import VersionChange
    from envtool.requirements.uv_options import Installer


@dataclass(frozen=True)
class Clobber:
    """What would happen to one pinned distribution, and the chains that lead to it."""

    change: VersionChange
    chains: tuple[Chain, ...] = ()


@dataclass(frozen=True)
class LineChange:
    """What becomes of one line: `specifier` takes the place of its versions, `None` leaves the line out.

    `hashes` are the new version's, where the line has some.
    """

    entry: DeclaredRequirement
    specifier: str | None
    why: str
    hashes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The new requirement, or what was left out."""
        if self.specifier is None:
            return tell("without {requirement}", requirement=self.entry.display)
        extras = f"[{','.join(self.entry.extras)}]" if self.entry.extras else ""
        return f"{self.entry.name}{extras}{self.specifier}"


@dataclass(frozen=True)
class Suggestion:
    """Replacements that make a set live with the vendor torch.

    `added` are pins of the vendor's distributions that the set needs as well. `none` says why there is no fix; the
    rest is empty then; `is_proven` is whether there is none at all, or none could be looked for. `command` is what a
    person runs to get the fixed file, or to install without changing it.
    """

    replacements: tuple[LineChange, ...] = ()
    added: tuple[str, ...] = ()
    none: str | None = None
    is_proven: bool = True
    command: str | None = None


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The verdict on one set for one installer.

    `installer` is `None` where the verdict is the same for both. `suggestion` is there where a clobber was predicted
    and a fix was looked for. `failure` is what kept the set, or a part of it, from being judged. `next_step` is
    what to do, where no suggestion tells it.
    """

    requirement_set: RequirementSet
    installer: Installer | None = None
    verdict: Verdict
    why: str
    effects: tuple[LineEffect, ...] = ()
    changes: tuple[VersionChange, ...] = ()
    clobbers: tuple[Clobber, ...] = ()
    suggestion: Suggestion | None = None
    failure: EnvtoolError | None = None
    next_step: str = ""

    @property
    def is_bad(self) -> bool:
        """Whether the set must not be installed as it is."""
        return self.verdict in {Verdict.CLOBBERED, Verdict.BLOCKED}

    @property
    def culprits(self) -> tuple[DeclaredRequirement, ...]:
        """The entries that lead to another torch, each once."""
        entries = [chain.entry for clobber in self.clobbers for chain in clobber.chains]
        entries += [item.entry for item in self.effects if item.effect is Effect.REPLACES]
        return tuple(dict.fromkeys(entries))
