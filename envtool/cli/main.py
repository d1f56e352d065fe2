"""The entry points, and the one place that catches errors."""

from __future__ import annotations

import errno
import gc
import sys
from collections.abc import Callable

from envtool.cli.again import told_again

# The shell's convention for a program that SIGINT ended.
INTERRUPTED = 130
# Objects made, beyond those that are gone again, before Python looks for cycles. Its own 700 is for what runs for long:
# a command that makes objects of a torch's 14,000 rows spent a tenth of its time looking for cycles that are not there.
_OBJECTS = 50_000


def main() -> None:
    """The `envtool` command."""
    if not told_again(sys.argv[1:]):
        _run(_envtool)


def update_moreh() -> None:
    """The `update-moreh` command."""
    _run(_update_moreh)


def _envtool() -> None:
    from envtool.cli.guard_check import plain_watch

    status = plain_watch(sys.argv[1:])
    if status is not None:
        raise SystemExit(status)
    if "doctor" in sys.argv[1:3]:
        from envtool.cli.plain import plain_doctor

        request = plain_doctor(sys.argv[1:])
        if request is not None:
            from envtool.cli.run_doctor import run_doctor

            raise SystemExit(run_doctor(request, sys.argv[1:]))
    from envtool.cli.application import app

    app()


def _update_moreh() -> None:
    from envtool.cli.application import update_moreh_app

    update_moreh_app()


def _run(program: Callable[[], None]) -> None:
    # Not above: `told_again` is to be reached with next to nothing imported.
    from envtool.errors import EnvtoolError

    gc.set_threshold(_OBJECTS)
    try:
        program()
    except EnvtoolError as error:
        print(error.render(), file=sys.stderr)
        raise SystemExit(error.exit_status) from None
    except BrokenPipeError:
        # The reader of our output, such as `head`, has seen enough.
        sys.stderr.close()
        raise SystemExit(0) from None
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise SystemExit(_say_that_the_disk_is_full(error)) from None
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    finally:
        # Python looks for cycles twice more on its way out, when all memory is about to be given back anyway.
        gc.freeze()


def _say_that_the_disk_is_full(error: OSError) -> int:
    """What works in a folder of its own, and so lost nothing, need not say it itself. Returns the exit status."""
    import tempfile

    from envtool.errors import StoreError

    full = StoreError(
        f"the disk is full: {error.filename or tempfile.gettempdir()}",
        why="there was no room for what the command works with; nothing else was changed",
        remedy="make room, or set TMPDIR to a folder on another disk",
    )
    print(full.render(), file=sys.stderr)
    return full.exit_status
