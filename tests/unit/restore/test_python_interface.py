"""`restore` as a program calls it: a request, a result, and callables for what a person would see."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from envtool.progress import Progress
from envtool.restore.plan import RestorePlan, UserSiteRemoval
from envtool.restore.restore import RestoreRequest, RestoreStatus, restore
from tests.support.environment import TORCH, RealEnvironment


@pytest.fixture
def replaced(environment: RealEnvironment, monkeypatch: pytest.MonkeyPatch) -> RealEnvironment:
    """An environment whose torch was replaced, and its store."""
    environment.uv_install("wants-newer")
    for name, value in environment.variables.items():
        monkeypatch.setenv(name, value)
    return environment


def test_a_plan_changes_nothing(replaced: RealEnvironment) -> None:
    result = restore(RestoreRequest(prefix=replaced.path, dry_run=True))
    assert (result.status, result.report, result.is_in_order) == (RestoreStatus.PLANNED, None, True)
    assert [(item.name, item.version) for item in result.plan.replacements][:1] == [("torch", TORCH)]
    assert replaced.finding_ids() == {"torch-replaced"}


def test_the_result_has_the_report_afterwards(replaced: RealEnvironment) -> None:
    result = restore(RestoreRequest(prefix=replaced.path))
    assert result.status is RestoreStatus.RESTORED
    assert result.report is not None
    assert result.report.findings == ()


def test_nothing_to_do(replaced: RealEnvironment) -> None:
    restore(RestoreRequest(prefix=replaced.path))
    assert restore(RestoreRequest(prefix=replaced.path)).status is RestoreStatus.NOTHING_TO_DO


def test_the_plan_is_shown_before_anything_changes(replaced: RealEnvironment) -> None:
    seen: list[tuple[RestorePlan, set[str]]] = []
    result = restore(
        RestoreRequest(prefix=replaced.path),
        show_plan=lambda plan: seen.append((plan, replaced.finding_ids())),
    )
    assert seen == [(result.plan, {"torch-replaced"})]


def test_progress_counts_every_byte(replaced: RealEnvironment) -> None:
    titles: list[str] = []
    counted: dict[str, list[int]] = {}

    @contextmanager
    def display(title: str) -> Iterator[Progress]:
        titles.append(title)

        def advance(name: str, done: int, total: int) -> None:
            entry = counted.setdefault(f"{title} {name}", [0, total])
            entry[0] += done

        yield advance

    restore(RestoreRequest(prefix=replaced.path), display=display)
    assert titles == ["hashing", "unpacking"]
    done, total = counted["unpacking torch"]
    assert done == total > 0


def test_a_copy_of_the_user_stays_unless_confirmed(replaced: RealEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    base = replaced.path.parent / "user"
    version = replaced.site_packages.parent.name
    copy = base / f"lib/{version}/site-packages/torch"
    copy.mkdir(parents=True)
    (copy / "__init__.py").write_text("")
    monkeypatch.setenv("PYTHONUSERBASE", str(base))
    # Laid out as conda's environments are, which have a user site.
    (replaced.path / "pyvenv.cfg").unlink()
    (replaced.path / "conda-meta").mkdir()
    asked: list[str] = []
    request = RestoreRequest(prefix=replaced.path)

    def decline(item: UserSiteRemoval) -> bool:
        asked.append(item.name)
        return False

    result = restore(request, confirm=decline)
    assert (asked, copy.exists(), result.is_in_order) == (["torch"], True, False)
    result = restore(request, confirm=lambda _item: True)
    assert (copy.exists(), result.status, result.is_in_order) == (False, RestoreStatus.RESTORED, True)


def test_requests_are_frozen_and_named() -> None:
    request = RestoreRequest(prefix=None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        request.force = True  # type: ignore[misc]
    with pytest.raises(TypeError):
        RestoreRequest("envtool restore")  # type: ignore[call-arg]
