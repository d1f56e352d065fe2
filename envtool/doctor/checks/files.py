"""Cases 7 and 15: files that are missing, changed or outside of the prefix, and other files under the right version."""

from __future__ import annotations

import errno
import os
import shlex
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from envtool.doctor.cache import DiagnosisCache
from envtool.doctor.finding_kind import FindingKind
from envtool.doctor.findings import Evidence, Finding, truncate
from envtool.doctor.hashing import FORBIDDEN, find_wrong_digests
from envtool.environment.fingerprint import TreeFingerprint, fingerprint_tree, is_unchanged
from envtool.language import tell
from envtool.release.profile import TORCH
from envtool.release.version import versions_equal
from envtool.wheel.record import RecordRow, digest_content

if TYPE_CHECKING:
    from envtool.environment.distribution import Distribution
    from envtool.environment.reader import Environment
    from envtool.progress import Progress
    from envtool.release.pin import PinnedDistribution, VendorPin


@dataclass(frozen=True)
class FileComparison:
    """Where the disk differs from a RECORD."""

    missing: tuple[Evidence, ...] = ()
    changed: tuple[Evidence, ...] = ()
    outside: tuple[Evidence, ...] = ()
    unreadable: tuple[Evidence, ...] = ()


def check(
    environment: Environment,
    pin: VendorPin,
    *,
    deep: bool = False,
    progress: Progress = lambda _name, _bytes, _total: None,
    cache: DiagnosisCache | None = None,
) -> Iterator[Finding]:
    """Check the files of each pinned distribution that is installed in the pinned version.

    `deep` hashes every file; otherwise presence and size are compared, of what `cache` does not know to be intact.
    `progress` gets the bytes hashed.
    """
    cache = cache or DiagnosisCache(None)
    for pinned in pin.distributions:
        for item in environment.find(pinned.name):
            if not versions_equal(item.version, pinned.version) or (
                not deep and _is_cached_intact(cache, item, pinned)
            ):
                continue
            record = item.record()
            if record is None:
                continue
            damage = compare(environment.prefix.path, item, record.rows, deep=deep, progress=progress)
            found = [*_make_findings(environment, pinned, item, damage, record.malformed)]
            if pinned.content is not None and digest_content(record.rows) != pinned.content:
                found.append(_make_mismatch_finding(pinned, item))
            if not found and not deep and cache.is_enabled:
                _cache_as_intact(cache, item, pinned, record.rows)
            yield from found


def _is_cached_intact(cache: DiagnosisCache, item: Distribution, pinned: PinnedDistribution) -> bool:
    kept = cache.get(f"files of {item.path.name}", f"{item.path}/RECORD")
    if not isinstance(kept, dict) or kept.get("content") != pinned.content:
        return False
    try:
        return is_unchanged(str(item.site_packages), cast("TreeFingerprint", kept.get("folders")))
    except (TypeError, ValueError, AttributeError):
        # Not what was written, so it tells nothing.
        return False


def _cache_as_intact(
    cache: DiagnosisCache, item: Distribution, pinned: PinnedDistribution, rows: tuple[RecordRow, ...]
) -> None:
    files = [(row.path, row.size) for row in rows if row.size is not None and not row.path.startswith("/")]
    kept = fingerprint_tree(str(item.site_packages), files)
    if kept is not None:
        value = {"content": pinned.content, "folders": kept}
        cache.put(f"files of {item.path.name}", f"{item.path}/RECORD", value)


def compare(
    prefix: Path, item: Distribution, rows: tuple[RecordRow, ...], *, deep: bool, progress: Progress
) -> FileComparison:
    """Compare a distribution's files with its RECORD. Symbolic links are followed, as Python follows them."""
    missing: list[Evidence] = []
    changed: list[Evidence] = []
    outside: list[Evidence] = []
    unreadable: list[Evidence] = []
    to_hash: list[tuple[str, RecordRow]] = []
    base, root = str(item.site_packages), os.path.normpath(prefix)
    for row in rows:
        if row.path.endswith(".pyc"):
            continue
        path = f"{base}/{row.path}"
        if row.path.startswith(("/", "../")) or "/../" in row.path:
            path = os.path.normpath(os.path.join(base, row.path))  # noqa: PTH118  # pathlib keeps "..", is slow
            if not path.startswith(f"{root}/"):
                outside.append(Evidence(row.path, tell("a path below {root}", root=root), path))
                continue
        found = _read_size(path)
        if found is None:
            why = _explain_missing(path)
            (unreadable if why == FORBIDDEN else missing).append(Evidence(path, tell("a file"), why))
        elif row.size is not None and found != row.size:
            changed.append(Evidence(path, tell("{size} bytes", size=row.size), tell("{found} bytes", found=found)))
        elif deep and row.sha256 is not None:
            to_hash.append((path, row))
    if to_hash:
        changed += [Evidence(*entry) for entry in find_wrong_digests(item.name, to_hash, progress)]
    forbidden = [entry for entry in changed if entry.found == FORBIDDEN]
    changed = [entry for entry in changed if entry.found != FORBIDDEN and not _is_relocated(entry, item, root)]
    return FileComparison(tuple(missing), tuple(changed), tuple(outside), (*unreadable, *forbidden))


def _is_relocated(entry: Evidence, item: Distribution, root: str) -> bool:
    if entry.file is None or os.path.dirname(entry.file) != f"{root}/bin":  # noqa: PTH120  # as it was joined above
        return False
    from envtool.doctor.relocated_script import is_relocated_script

    return is_relocated_script(entry.file, item)


def _read_size(path: str) -> int | None:
    try:
        found = os.stat(path)  # noqa: PTH116  # 14,000 times over; Path costs more than the call itself
    except (OSError, ValueError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _explain_missing(path: str) -> str:
    try:
        found = os.stat(path)  # noqa: PTH116  # as above
    except PermissionError:
        return FORBIDDEN
    except OSError as error:
        return tell("a link that leads back to itself") if error.errno == errno.ELOOP else tell("nothing")
    except ValueError:
        return tell("nothing")
    return tell("a folder") if stat.S_ISDIR(found.st_mode) else tell("something else than a file")


def _make_findings(
    environment: Environment,
    pinned: PinnedDistribution,
    item: Distribution,
    damage: FileComparison,
    malformed: tuple[str, ...],
) -> Iterator[Finding]:
    record, name = str(item.path / "RECORD"), f"{pinned.name} {item.version}"
    if damage.missing:
        yield Finding(
            kind=FindingKind.TORCH_FILES_MISSING,
            title=tell("{missing_count} files of {name} are missing", missing_count=len(damage.missing), name=name),
            evidence=truncate(damage.missing),
            cause=_explain(environment, item, damage.missing)
            or tell("an install was broken off, or files were removed by hand or by another package"),
            distribution=pinned.name,
        )
    if damage.changed:
        yield Finding(
            kind=FindingKind.TORCH_FILES_CHANGED,
            title=tell(
                "{changed_count} files of {name} are not the ones that were installed",
                changed_count=len(damage.changed),
                name=name,
            ),
            evidence=truncate(damage.changed),
            cause=_explain(environment, item, damage.changed)
            or tell("they were edited, are corrupt, or another package wrote over them"),
            distribution=pinned.name,
        )
    if damage.unreadable:
        yield Finding(
            kind=FindingKind.TORCH_FILES_UNREADABLE,
            title=tell(
                "{unreadable_count} files of {name} cannot be read, by doctor or by Python",
                unreadable_count=len(damage.unreadable),
                name=name,
            ),
            evidence=truncate(damage.unreadable),
            cause=tell("they belong to another user, who installed them with a umask that keeps everybody else out"),
            remedy=f"sudo chmod -R a+rX {shlex.quote(str(item.site_packages))}",
        )
    if damage.outside or malformed:
        odd = [*damage.outside, *(Evidence(record, tell("path,hash,size"), line) for line in malformed)]
        yield Finding(
            kind=FindingKind.TORCH_RECORD_UNTRUSTED,
            title=tell("the RECORD of {name} names files outside the environment or is malformed", name=name),
            evidence=truncate(odd),
            cause=tell("the vendor's wheel has no such lines: the RECORD was edited or is corrupt"),
            distribution=pinned.name,
        )


def _explain(environment: Environment, item: Distribution, damage: tuple[Evidence, ...]) -> str | None:
    from envtool.doctor.recent_changes import explain_changes

    return explain_changes(environment, item, [Path(entry.file) for entry in damage if entry.file is not None])


def _make_mismatch_finding(pinned: PinnedDistribution, item: Distribution) -> Finding:
    return Finding(
        kind=FindingKind.TORCH_HASH_MISMATCH if pinned.name == TORCH else FindingKind.COMPANION_HASH_MISMATCH,
        title=tell(
            "{name} {version} has the vendor's version but not the vendor's files",
            name=pinned.name,
            version=item.version,
        ),
        evidence=(
            Evidence(
                str(item.path / "RECORD"),
                tell("contents of {wheel}", wheel=pinned.wheel),
                tell("other hashes or other files"),
            ),
        ),
        cause=tell(
            "{installer} installed a wheel that only bears the vendor's version, or RECORD was rewritten",
            installer=item.installer,
        ),
        distribution=pinned.name,
    )
