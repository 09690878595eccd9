"""From an outcome to each party's reward."""

from negotiation_env.game.events import Outcome, Status
from negotiation_env.game.protocol import Rules

__all__ = ["MAX_REWARD", "reward"]

MAX_REWARD = 5.0
"""The highest Collective Agency score."""


def reward(outcome: Outcome, rules: Rules) -> float | None:
    """The terminal reward, the same for every party (steps 4 and 5 of one negotiation).

    Args:
        outcome: How the negotiation ended.
        rules: How it was played.

    Returns:
        The Collective Agency score, 0 to 5; 0 without agreement, also where an evaluation had a completion written
        and scored all the same (`Outcome.score` has that score), unless the rules reward that too and a guard did not
        end the negotiation before; None where unscored, which is no number.
    """
    if outcome.status is Status.UNSCORED:
        return None
    gated = not rules.reward_without_agreement or outcome.score is None
    return 0.0 if outcome.status is Status.NO_AGREEMENT and gated else outcome.score
