"""The error tree: every error that this package raises on purpose.

Each message says what was expected, what came, and what to do. `IllegalMove` is a caller's mistake in
driving the protocol; `UserError` is something that the person at the keyboard can mend; `JudgeError` and
`ModelError` carry the boundary that failed, `EngineError` the one between trainer and sampler; `Interrupted` is Ctrl-C.
"""

__all__ = [
    "EngineError",
    "IllegalMove",
    "Interrupted",
    "JudgeError",
    "MissingExtra",
    "ModelError",
    "NegotiationError",
    "UserError",
]


class NegotiationError(Exception):
    """Base of all errors raised by negotiation_env, agents and training."""


class IllegalMove(NegotiationError):
    """A call that the protocol does not allow now; nothing was changed by it."""


class UserError(NegotiationError):
    """A wrong name, file or setting; the command line prints it in one line and exits with code 2."""


class MissingExtra(UserError):
    """An optional dependency is needed and not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs packages that are not installed; run: pip install 'negotiation-env[{extra}]'")


class Interrupted(NegotiationError):
    """Ctrl-C at the command line, which prints what is kept in one line and exits with code 130."""


class JudgeError(NegotiationError):
    """A judge could not answer; the question is unscored."""


class ModelError(NegotiationError):
    """A model could not answer; its game ends unscored."""


class EngineError(NegotiationError):
    """What samples for a training run cannot take the learner's weights, or samples from others."""
