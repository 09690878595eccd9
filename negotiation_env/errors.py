"""The error tree: every error that this package raises on purpose.

Each message says what was expected, what came, and what to do. `IllegalMove` is a caller's mistake in
driving the protocol; `UserError` is something that the person at the keyboard can mend; `JudgeError` and
`ModelError` carry the boundary that failed, `EngineError` the one between trainer and sampler. `Diverged` is
training itself, `Interrupted` Ctrl-C.
"""

from importlib.util import find_spec
from pathlib import Path
from traceback import extract_tb
from typing import Final

from negotiation_env.text.untrusted import one_line

__all__ = [
    "TORCH",
    "Diverged",
    "EngineError",
    "IllegalMove",
    "Interrupted",
    "JudgeError",
    "MissingExtra",
    "ModelError",
    "NegotiationError",
    "NotFetched",
    "UserError",
    "install_line",
    "message_of",
    "os_fault",
    "why",
]


TORCH: Final = "pip install torch==2.13.0"
"""Goes before the extras that build on torch, so that a user chooses its build: pip's own choice may be gigabytes."""
_ON_TORCH: Final = ("local", "train", "lm-eval")


def install_line(extra: str) -> str:
    """The command that brings an extra of this project, torch first where it is needed and lacking."""
    line = f"pip install 'negotiation-env[{extra}]'"
    return f"{TORCH} && {line}" if extra in _ON_TORCH and find_spec("torch") is None else line


class NegotiationError(Exception):
    """Base of all errors raised by negotiation_env, agents and training."""


class IllegalMove(NegotiationError):
    """A call that the protocol does not allow now; nothing was changed by it."""


class UserError(NegotiationError):
    """A wrong name, file or setting; the command line prints it in one line and exits with code 2."""


class MissingExtra(UserError):
    """An optional dependency is needed and not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs packages that are not installed; run: {install_line(extra)}")


class NotFetched(UserError):
    """No source has a file that is needed."""


class Interrupted(NegotiationError):
    """Ctrl-C at the command line, which prints what is kept in one line and exits with code 130."""


class JudgeError(NegotiationError):
    """A judge could not answer; the question is unscored."""


class ModelError(NegotiationError):
    """A model could not answer; its game ends unscored."""


class EngineError(NegotiationError):
    """What samples for a training run cannot take the learner's weights, or samples from others."""


def why(error: BaseException) -> str:
    """What somebody's code raised and where, in one line: enough to find the slip."""
    frames = extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return one_line(f"raised {type(error).__name__}{place}: {message_of(error)}")


def message_of(error: BaseException) -> str:
    """What an exception says; it may be of somebody's own class, which cannot."""
    try:
        return str(error)
    except Exception:
        return "its message cannot be made"


class Diverged(NegotiationError):
    """A training run's numbers are no longer finite; it stopped before weights or a checkpoint were made of them.

    Attributes:
        good: The optimizer steps behind the last weights that are beyond suspicion; below 0 none are.
    """

    def __init__(self, message: str, good: int = -1) -> None:
        super().__init__(message)
        self.good = good


def os_fault(error: OSError) -> str:
    """What the system refuses and where: a full disk, a file where a folder is needed, a place to keep out of."""
    place = f"{error.filename}: " if error.filename else ""
    file = isinstance(error, FileExistsError | NotADirectoryError)
    return f"{place}{'a file is where a folder is needed' if file else error.strerror or error}"
