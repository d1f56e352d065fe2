"""What is known of a vendor, and the names that every build of torch has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from envtool.release.bounded_pattern import BoundedPattern
    from envtool.release.lazy_pattern import LazyPattern

TORCH = "torch"
COMPANIONS = ("torchvision", "torchaudio")
PINNED_NAMES = (TORCH, *COMPANIONS)
# The folders that these distributions put into site-packages; torch has had several beside its own.
TOP_LEVEL_NAMES = (*PINNED_NAMES, "caffe2", "functorch", "torchgen")


class SignNeed(Enum):
    """Whether a version alone tells whose build it is.

    `EXPECTED`: others call theirs the same, so that in an environment a sign of the vendor must be there as well.
    `REQUIRED`: without such a sign a version of that form says nothing at all.
    """

    NONE = "none"
    EXPECTED = "expected"
    REQUIRED = "required"


@dataclass(frozen=True)
class VersionRule:
    """A form that versions of a vendor's build have, for the distribution that tells it.

    `platform` is how the platform tags of its wheels begin, where upstream's of the same version have others.
    """

    distribution: str
    pattern: LazyPattern | BoundedPattern
    sign: SignNeed = SignNeed.NONE
    platform: str | None = None


@dataclass(frozen=True)
class PinnedName:
    """A distribution that belongs to the build. `version` is the form its own versions have; `None`: any."""

    name: str
    version: LazyPattern | BoundedPattern | None = None

    def matches(self, version: str) -> bool:
        """Whether a version of this distribution, as PEP 440 normalises it, is one of the vendor's."""
        return self.version is None or self.version.fullmatch(version) is not None


@dataclass(frozen=True, kw_only=True)
class PublishedBuild:
    """A torch that the vendor published: the companions and the Python that belong to it.

    `torch` is its public version; `build` the whole version without the vendor's release, where that is known.
    """

    torch: str
    build: str | None = None
    python: tuple[int, int] | None = None
    companions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class VendorSigns:
    """What else tells a vendor: files of its machines and images, variables of its images, its distributions."""

    files: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    distributions: tuple[str, ...] = ()


class BuildEvidence(Protocol):
    """What can be asked of the environment that a build is in."""

    def has_sign(self, signs: VendorSigns) -> bool:
        """Whether one of a vendor's signs is there."""

    def has_platform(self, distribution: str, version: str, platform: str) -> bool:
        """Whether a distribution may be of a wheel whose platform tag begins so; also where that is not known."""


@dataclass(frozen=True)
class IntruderRule:
    """Distributions that only another vendor's torch has a use for, by name and by how their names begin."""

    names: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()

    def matches(self, name: str) -> bool:
        """Whether a distribution, by its normalised name, is an intruder."""
        return name in self.names or bool(self.prefixes and name.startswith(self.prefixes))


@dataclass(frozen=True, kw_only=True)
class DriverProgram:
    """How the accelerator's driver is asked: programs on PATH, and the parser of their tables, if there is one.

    `folder` is what only a machine with the accelerator has; `distribution` the driver's own wheel.
    """

    programs: tuple[str, ...] = ()
    parser: str | None = None
    folder: str | None = None
    distribution: str | None = None


@dataclass(frozen=True, kw_only=True)
class CureWords:
    """A vendor's words: what a lost torch costs, and the command that has the vendor's own way back.

    `release` is the command that takes one release, with `{release}` in its place.
    """

    lost: str
    restore: str
    release: str = "envtool restore --release {release}"


@dataclass(frozen=True, kw_only=True)
class ServiceWords:
    """Sentences with the names of a service's programs in them; each is told in the reader's language."""

    no_driver: str
    no_driver_here: str
    no_driver_on_path: str
    driver_missing: str
    update: str
    list_releases: str
    nothing_to_put_back: str
    ask_driver: str
    images_of_stand_ins: str
    flavour_untold: str
    query: str
    shown_by: str
    container_options: str
    amp: str
    version_form: str


@dataclass(frozen=True, kw_only=True)
class ServiceFacts:
    """What is known of the service that the default profile's accelerator belongs to; no other profile has one.

    `update`, `switch` and `reset_jobs` are commands of its machines; `programs` what a vendor source may ship beside
    its wheels; `token` a file and `variable` what names a program's devices. `unknown_token` and `unreachable` are what
    its programs print. Images with one of `image_words` in their names have the vendor's torch. `labels` are those that
    a torch named without its label stands for, `newest_label` the one of any other.
    """

    update: str
    switch: str
    reset_jobs: str
    variable: str
    token: str
    unknown_token: str
    unreachable: str
    newest_label: str
    programs: tuple[str, ...]
    image_words: tuple[str, ...]
    labels: Mapping[str, str]
    words: ServiceWords


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Everything that is known of one vendor's torch.

    `title` is what its build is called. `label` is the vendor's word in a local version label, `detected` whether the
    build is recognised where nobody named it. `records` are files, in the form of constraints, in which the vendor's
    images name their versions, and `wheels` folders in which they keep the wheels that they were made of. `stand_ins`
    maps a distribution to those that are installed in its place. `unusable` matches shared objects that cannot work
    with this build; `None`: all can. `indexes` may have its wheels; `{compute}` is a version's compute platform.
    """

    id: str
    title: str
    versions: tuple[VersionRule, ...]
    pinned: tuple[PinnedName, ...]
    cure: CureWords
    label: str | None = None
    detected: bool = True
    signs: VendorSigns = VendorSigns()
    records: tuple[str, ...] = ()
    wheels: tuple[str, ...] = ()
    published: tuple[PublishedBuild, ...] = ()
    stand_ins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    intruders: IntruderRule = IntruderRule()
    unusable: LazyPattern | None = None
    driver: DriverProgram = DriverProgram()
    indexes: tuple[str, ...] = ()
    service: ServiceFacts | None = None

    def find_pinned(self, name: str) -> PinnedName | None:
        """What the profile says of the distribution called `name`, or `None`."""
        return next((item for item in self.pinned if item.name == name), None)

    def with_stand_ins(self, installed: Iterable[str]) -> frozenset[str]:
        """The names that are installed, and those of the distributions that some of them stand for."""
        found = frozenset(installed)
        return found | {name for name, others in self.stand_ins.items() if not found.isdisjoint(others)}

    @property
    def telling_names(self) -> tuple[str, ...]:
        """The distributions whose versions tell the build."""
        return tuple(dict.fromkeys(rule.distribution for rule in self.versions))
