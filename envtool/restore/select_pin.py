"""Selects the pin that a restore holds an environment to."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from envtool.driver.ask import QueryResult, start_query
from envtool.environment.effective_pin import find_effective_pin
from envtool.errors import ReleaseError
from envtool.release.read_profile import DEFAULT
from envtool.release.release_filter import ReleaseFilter
from envtool.release.select import SelectedRelease, select_from_sources
from envtool.release.select_profile import find_named_profile
from envtool.release.source.configured import open_sources
from envtool.release.source.vendor_sources import open_vendor_sources
from envtool.wheel.store import get_default_store

if TYPE_CHECKING:
    from envtool.environment.reader import Environment
    from envtool.release.pin import VendorPin
    from envtool.release.profile import Profile
    from envtool.wheel.name import StoredWheel


@dataclass(frozen=True)
class SelectedPin:
    """A pin, and its wheels where selecting it has fetched them."""

    pin: VendorPin
    wheels: Mapping[str, StoredWheel] = field(default_factory=dict)


def select_pin(
    environment: Environment,
    given: VendorPin | None,
    vendor: Sequence[str],
    wanted: ReleaseFilter,
    *,
    ignore_driver: bool = False,
) -> SelectedPin:
    """The pin that is given, else the newest wanted release of the sources `vendor`, else the environment's own.

    Of the sources, the version that the environment had before comes first: that is what its owner expects back.
    Raises `ReleaseError` where there is no such release, `SourceError` and `StoreError`.
    """
    if given is not None:
        return SelectedPin(given)
    own = _find_own_pin(environment, vendor)
    is_free = wanted.is_free
    profile = own.profile if own is not None else find_named_profile()
    if profile is not None and profile.id != DEFAULT:
        # Without hashes too: its wheels are found by its versions, those that are needed.
        return SelectedPin(own) if own is not None and is_free else _select_of(profile, environment, vendor, wanted)
    if own is not None and own.torch.sha256 is not None and is_free and not vendor:
        return SelectedPin(own)
    if own is not None and is_free:
        try:
            return _select_release(environment, vendor, ReleaseFilter(version=own.torch.version))
        except ReleaseError:
            if not vendor:
                raise
    served = None if ignore_driver else read_driver_release()
    return _select_release(environment, vendor, replace(wanted, served=served))


def _select_of(profile: Profile, environment: Environment, vendor: Sequence[str], wanted: ReleaseFilter) -> SelectedPin:
    sources = open_vendor_sources(profile, vendor, tuple(item.name for item in profile.pinned))
    selected = select_from_sources(environment.prefix.python, sources, wanted, get_default_store(), profile)
    return SelectedPin(selected.pin, selected.wheels)


def read_driver_release() -> str | None:
    """Ask this machine's driver for its release. `None` where there is no driver or it does not tell."""
    query = start_query(os.environ)
    result = query if isinstance(query, QueryResult) else query.read_result()
    return result.table.version if result.table is not None else None


def _find_own_pin(environment: Environment, vendor: Sequence[str]) -> VendorPin | None:
    try:
        return find_effective_pin(environment)
    except ReleaseError:
        # A damaged pin file is replaced by that of a named source.
        if not vendor:
            raise
        return None


def _select_release(environment: Environment, vendor: Sequence[str], wanted: ReleaseFilter) -> SelectedPin:
    selected: SelectedRelease = select_from_sources(
        environment.prefix.python, open_sources(vendor), wanted, get_default_store()
    )
    return SelectedPin(selected.pin, selected.wheels)
