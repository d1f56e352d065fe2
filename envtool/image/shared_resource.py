"""What several want at the same time is made once, and goes with the last of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, ParamSpec, TypeVar

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


@dataclass
class _Use(Generic[_Result]):
    """What was made, and by how many it is used or waited for."""

    made: list[_Result] = field(default_factory=list)
    users: int = 0
    making: Lock = field(default_factory=Lock)
    stack: ExitStack = field(default_factory=ExitStack)


def shared_resource(
    make: Callable[_Arguments, AbstractContextManager[_Result]],
) -> Callable[_Arguments, AbstractContextManager[_Result]]:
    """The context manager `make`, entered once for all who are in it with equal arguments, and left by the last.

    Those who come while it is being entered wait; where that fails, the next of them tries for itself.
    """
    uses: dict[Hashable, _Use[_Result]] = {}
    counting = Lock()

    @contextmanager
    def using(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> Iterator[_Result]:
        key = (arguments, tuple(sorted(named.items())))
        with counting:
            use = uses.setdefault(key, _Use())
            use.users += 1
        try:
            with use.making:
                if not use.made:
                    use.made.append(use.stack.enter_context(make(*arguments, **named)))
            yield use.made[0]
        finally:
            with counting:
                use.users -= 1
                is_last = not use.users
                if is_last:
                    del uses[key]
            if is_last:
                use.stack.close()

    return using
