"""The command line, `negotiate`."""

import os
import signal
import sys
import traceback
import warnings
from io import StringIO
from typing import NoReturn

from negotiation_env.cli import (  # noqa: F401 (they add their commands)
    ability,
    benchmarking,
    caching,
    doctor,
    examples,
    games,
    generating,
    guarding,
    judging,
    models,
    rejudging,
    starting,
    training,
    verifying,
    viewing,
)
from negotiation_env.cli.app import app
from negotiation_env.console.progress import stop_bars
from negotiation_env.console.terminal import close_output, one_line, prepare, say, still_libraries
from negotiation_env.console.threads import left_behind
from negotiation_env.errors import Interrupted, NegotiationError, os_fault
from negotiation_env.text.secrets import without_secrets

__all__ = ["app", "main"]

_LISTS = ("--agents", "--models", "--negotiators", "--guards")


def main() -> None:
    """Run the command line and leave.

    Exit code 2, and one line, where it is for the user to mend; 130, and one line, after Ctrl-C; 1 after a bug, or
    where what was looked at will not do; else 0.
    """
    prepare()
    still_libraries()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"transformers\.")  # for its own callers
        warnings.showwarning = _warned
        code = _run(_one_value_each(sys.argv[1:]))
    _leave(code)


def _run(arguments: list[str]) -> int:
    """The exit code."""
    try:
        code = app(arguments, prog_name="negotiate", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except Interrupted as error:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a second Ctrl-C kills
        return _told(str(error), 130)
    except NegotiationError as error:
        return _told(str(error), 2)
    except OSError as error:
        return _told(f"{os_fault(error)}; mend that or name another place", 2)
    except Exception as error:
        stop_bars()
        usage = StringIO()
        if hasattr(error, "show") and hasattr(error, "exit_code"):  # typer's, for a wrong option or value
            error.show(usage)
        say(usage.getvalue().rstrip() or traceback.format_exc().rstrip(), error=True)
        return getattr(error, "exit_code", 1)


def _told(message: str, code: int) -> int:
    stop_bars()
    say(f"negotiate: {one_line(without_secrets(message))}", error=True)
    return code


def _warned(message: Warning | str, *_: object, **__: object) -> None:
    """One line, without the place in the code."""
    say(f"negotiate: warning: {one_line(without_secrets(str(message)))}", error=True)


def _leave(code: int) -> NoReturn:
    """End the process, without waiting for threads that wait for endpoints."""
    failure = close_output()
    if failure and not isinstance(failure, BrokenPipeError):  # a reader that went away, such as head, had enough
        code = _told(f"standard output cannot be written: {failure}", code or 2)
    if left_behind():  # they may be deep in foreign code, which does not survive the interpreter's own end
        os._exit(code)
    sys.exit(code)


def _one_value_each(arguments: list[str]) -> list[str]:
    """Write `--agents A B` as `--agents A --agents B`, the form that the option parser takes."""
    plain: list[str] = []
    listing = ""
    for argument in arguments:
        if argument.startswith("-"):
            listing = argument if argument in _LISTS else ""
        elif listing and plain[-1] != listing:
            plain.append(listing)
        plain.append(argument)
    return plain
