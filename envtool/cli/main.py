"""The entry points, and the one place that catches errors."""

from __future__ import annotations

import errno
import gc
import io
import os
import shlex
import sys
from collections.abc import Callable
from types import TracebackType

from envtool.cli.localize import localize_command, prepare_libraries
from envtool.cli.terminal import print_safely
from envtool.errors import EnvtoolError, StoreError
from envtool.language import get_language, phrase, tell
from envtool.transaction.stop_signals import StopRequest, stop_requests

# Objects made, beyond those that are gone again, before Python looks for cycles. Its own 700 is for what runs for long:
# a command that makes objects of a torch's 14,000 rows spent a tenth of its time looking for cycles that are not there.
_OBJECTS = 50_000


def main() -> None:
    """The `envtool` command."""
    run_command_line(_run_envtool)


def update_moreh() -> None:
    """The `update-moreh` command."""
    run_command_line(_update_moreh)


def _run_envtool() -> None:
    if os.geteuid() == 0 and "--install-completion" in sys.argv[1:2]:
        _require_own_home()
    prepare_libraries()
    from typer.main import get_command

    from envtool.cli.application import app
    from envtool.cli.typer_words import translate_library

    translate_library(get_language())
    localize_command(get_command(app))()


def _require_own_home() -> None:
    """Raise `EnvtoolError` where root would write into somebody else's folder, whose files may be links to root's."""
    from pathlib import Path

    from envtool.private_folder import is_private

    home = Path.home()
    if home.exists() and not is_private(home):
        raise EnvtoolError(
            tell("{path} cannot be written", path=home),
            why=tell("others than root can put links there"),
            remedy="envtool --show-completion",
        )


def _update_moreh() -> None:
    prepare_libraries()
    from typer.main import get_command

    from envtool.cli.commands.update_moreh import make_update_moreh_app
    from envtool.cli.typer_words import translate_library

    translate_library(get_language())
    localize_command(get_command(make_update_moreh_app()))()


def run_command_line(program: Callable[[], None]) -> None:
    """Run a command; print what stops it on stderr, and end with the exit status of that kind of error."""
    gc.set_threshold(_OBJECTS)
    sys.excepthook = _report_fault
    _accept_any_character()
    try:
        with stop_requests():
            program()
    except EnvtoolError as error:
        print_safely(error.render(), file=sys.stderr, is_prose=True)
        raise SystemExit(error.exit_status) from None
    except BrokenPipeError:
        # The reader of our output, such as `head`, has seen enough.
        sys.stderr.close()
        raise SystemExit(0) from None
    except OSError as error:
        raise SystemExit(_report_refusal(error)) from None
    except StopRequest as request:
        print_safely(phrase("interrupted"), file=sys.stderr)
        raise SystemExit(request.exit_status) from None
    finally:
        # Python looks for cycles twice more on its way out, when all memory is about to be given back anyway.
        gc.freeze()


def _accept_any_character() -> None:
    """Escape what the terminal's encoding does not have, rather than fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _report_fault(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A fault of envtool's own: the traceback, made safe like any text."""
    import traceback

    print_safely("".join(traceback.format_exception(kind, error, trace)), end="", file=sys.stderr)


def _report_refusal(error: OSError) -> int:
    """What the system refused, of a file that has a name. Returns the exit status; another fault is raised again."""
    import tempfile

    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        # Of commands that work in a temporary folder, and so have changed nothing.
        refusal: EnvtoolError = StoreError(
            tell("the disk is full: {filename}", filename=error.filename or tempfile.gettempdir()),
            why=tell("there was no room for what the command works with; nothing else was changed"),
            remedy=tell("make room, or set TMPDIR to a folder on another disk"),
        )
    elif error.filename is not None:
        # Permissions, or somebody who changes files and folders while they are looked at.
        path = os.fsdecode(error.filename) if not isinstance(error.filename, int) else str(error.filename)
        refusal = EnvtoolError(
            f"{path}: {error.strerror or error}",
            why=tell("the system refused it; if another program changes what is there, wait until that is done"),
            remedy=tell("ls -ld {path}   and try again", path=shlex.quote(path)),
        )
    else:
        raise error
    print_safely(refusal.render(), file=sys.stderr, is_prose=True)
    return refusal.exit_status
