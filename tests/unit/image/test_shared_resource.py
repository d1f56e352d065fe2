"""What is made once for those who want it at the same time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from envtool.image.shared_resource import shared_resource


@pytest.fixture
def events() -> list[str]:
    return []


def test_made_once_for_all_who_are_there(events: list[str]) -> None:
    @shared_resource
    @contextmanager
    def made(name: str) -> Iterator[str]:
        events.append(f"made {name}")
        yield f"a {name}"
        events.append(f"gone {name}")

    barrier = threading.Barrier(4)

    def use(_number: int) -> str:
        with made("cup") as found:
            barrier.wait(30)
            return found

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(use, range(4))) == {"a cup"}
    assert events == ["made cup", "gone cup"]
    with made("cup"), made("plate"):
        pass
    assert events[2:] == ["made cup", "made plate", "gone plate", "gone cup"]


def test_an_error_of_one_is_not_the_others(events: list[str]) -> None:
    waiting = threading.Event()

    @shared_resource
    @contextmanager
    def made() -> Iterator[str]:
        events.append("made")
        if len(events) == 1:
            assert waiting.wait(30)
            raise OSError("no space")
        yield "it"

    def use(is_second: bool) -> str:
        if is_second:
            waiting.set()
        with made() as found:
            return found

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(use, False)
        while not events:
            pass
        second = pool.submit(use, True)
        with pytest.raises(OSError, match="no space"):
            first.result()
        assert second.result() == "it"
    with pytest.raises(ZeroDivisionError), made():
        raise ZeroDivisionError
    assert events == ["made"] * 3
