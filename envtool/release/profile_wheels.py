"""Finds the wheels of a pin that knows no hashes: of those very versions, and of the vendor's own build."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from envtool.errors import ReleaseError, SourceError
from envtool.language import join_messages, tell
from envtool.release.candidates import explain_incompatibility, is_vendor_torch, list_interpreter_tags
from envtool.release.profile import TORCH
from envtool.release.select import fetch_candidate
from envtool.release.version import versions_equal

if TYPE_CHECKING:
    from packaging.tags import Tag

    from envtool.release.candidates import Candidate
    from envtool.release.pin import PinnedDistribution, VendorPin
    from envtool.release.profile import Profile
    from envtool.release.source.interface import Source
    from envtool.wheel.name import StoredWheel, WheelName
    from envtool.wheel.store import FileStore


def fetch_vendor_wheels(
    pin: VendorPin, names: Sequence[str], python: tuple[int, int], sources: Sequence[Source], store: FileStore
) -> Mapping[str, StoredWheel]:
    """Fetch the wheels of some distributions of a pin by their versions, each from the first source that has it.

    Raises `ReleaseError` where one is nowhere: upstream's of the same public version does not take its place.
    """
    offered: dict[int, tuple[Candidate, ...] | SourceError] = {}
    tags = list_interpreter_tags(python)
    found = {}
    for item in (item for item in pin.distributions if item.name in names):
        for number, source in enumerate(sources):
            if number not in offered:
                offered[number] = _list_offered(source)
            candidate = _find_candidate(item, pin.profile, offered[number], tags)
            if candidate is not None:
                found[item.name] = fetch_candidate(source, candidate, store)
                break
        else:
            seen = [(source.label, offered[number]) for number, source in enumerate(sources)]
            raise ReleaseError(
                tell("the wheel of {name} {version} is nowhere to be had", name=item.name, version=item.version),
                why=join_messages(
                    "; ", (_describe_source(item, pin.profile, label, one, python) for label, one in seen)
                )
                or tell("no --vendor is given, HAC_VENDOR is not set and none was added"),
                remedy=_suggest_source(pin.profile),
            )
    return found


def _suggest_source(profile: Profile) -> str:
    command = "envtool restore --vendor FOLDER_OR_INDEX"
    words = profile.cure.restore
    return (
        command
        if words.startswith("envtool restore")
        else tell("{command}   or: {words}", command=command, words=words)
    )


def _list_offered(source: Source) -> tuple[Candidate, ...] | SourceError:
    try:
        return source.list_candidates()
    except SourceError as error:
        return error


def _find_candidate(
    item: PinnedDistribution,
    profile: Profile,
    offered: tuple[Candidate, ...] | SourceError,
    tags: frozenset[Tag],
) -> Candidate | None:
    if isinstance(offered, SourceError):
        return None
    for candidate in offered:
        wheel = candidate.wheel
        if _is_that_build(wheel, item, profile) and wheel.fits(tags):
            return candidate
    return None


def _is_that_build(wheel: WheelName, item: PinnedDistribution, profile: Profile) -> bool:
    if wheel.name != item.name or not versions_equal(wheel.version, item.version):
        return False
    return wheel.name != TORCH or is_vendor_torch(wheel, profile)


def _describe_source(
    item: PinnedDistribution,
    profile: Profile,
    label: str,
    offered: tuple[Candidate, ...] | SourceError,
    python: tuple[int, int],
) -> str:
    """What a source has in the wheel's place."""
    if isinstance(offered, SourceError):
        return str(offered.what)
    same = [candidate.wheel for candidate in offered if candidate.wheel.name == item.name]
    unfit = [wheel for wheel in same if _is_that_build(wheel, item, profile)]
    if unfit:
        return join_messages(": ", (label, unfit[0].filename, explain_incompatibility(unfit[0], python)))
    others = join_messages(", ", _list_others(same))
    return join_messages(": ", (label, others or tell("it has no wheel of {name}", name=item.name)))


# So many names of files are enough to see what kind of folder it is.
_SHOWN = 4


def _list_others(wheels: Sequence[WheelName]) -> Iterator[str]:
    yield from (wheel.filename for wheel in wheels[:_SHOWN])
    if len(wheels) > _SHOWN:
        yield tell("and {count} more", count=len(wheels) - _SHOWN)
