"""The embedded default's lock: the committed one if it still holds, else a new one in another folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import HashError, LockError
from envtool.image.inputs.fetch_inputs import fetch_base, fetch_inputs, is_complete
from envtool.image.lock.lockfile import FOLDER, ImageLock, compare_locks, is_stale, read_lock, write_lock
from envtool.image.lock.make_lock import make_lock
from envtool.language import join_messages, tell

if TYPE_CHECKING:
    from envtool.demo.embedded import EmbeddedSources
    from envtool.image.spec.table import ImageSpec
    from envtool.wheel.store import FileStore

OWN_FOLDER = Path(".work/lockfiles")


def find_usable_lock(
    spec: ImageSpec,
    parent: ImageLock | None,
    sources: EmbeddedSources,
    store: FileStore,
    say: Callable[[str], None],
) -> ImageLock:
    """A lock whose inputs are all available now; for a child, one that belongs to the lock `parent`.

    Debian, which the embedded default is made from, replaces its packages. The demonstration must not fail for that:
    then a new lock is made in a folder of its own, with a message; the committed one stays.
    """
    committed = _read(spec, parent, spec.project / FOLDER, say)
    own = _read(spec, parent, spec.project / OWN_FOLDER, lambda _text: None)
    if committed is not None and is_complete(committed, store):
        return committed
    if own is not None and is_complete(own, store):
        say(tell("using the lock in {folder}: the committed one no longer holds", folder=OWN_FOLDER))
        return own
    if committed is not None:
        try:
            _fetch(spec, committed, sources, store)
            return committed
        except (LockError, HashError) as error:
            say(
                tell(
                    "the committed lock of {name} no longer holds: {what} ({why})",
                    name=spec.name,
                    what=error.what,
                    why=error.why,
                )
            )
    say(tell("locking {name} anew into {folder}", name=spec.name, folder=OWN_FOLDER))
    lock = make_lock(spec, parent, sources, store, say)
    # PyPI changes too: only with all inputs in the store can the next run use this lock.
    _fetch(spec, lock, sources, store)
    write_lock(lock, spec.project / OWN_FOLDER)
    for line in compare_locks(committed, lock)[:20] if committed is not None else ():
        say(join_messages("  ", ("", line)))
    return lock


def _fetch(spec: ImageSpec, lock: ImageLock, sources: EmbeddedSources, store: FileStore) -> None:
    base = fetch_base(spec, lock, sources, store)
    fetch_inputs(spec, lock, sources, store, base, progress=lambda *_counts: None)


def _read(spec: ImageSpec, parent: ImageLock | None, folder: Path, say: Callable[[str], None]) -> ImageLock | None:
    try:
        lock = read_lock(spec, folder)
    except LockError as error:
        say(join_messages(": ", (error.what, error.why)))
        return None
    if is_stale(spec, lock, parent):
        say(
            tell(
                "the committed lock of {name} is older than the image table, a file it names or its parent's",
                name=spec.name,
            )
        )
        return None
    return lock
