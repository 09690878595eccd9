"""Who sits where in a game, checked before anything is played."""

from collections.abc import Sequence
from inspect import isroutine
from typing import TypeVar

from negotiation_env.errors import UserError
from negotiation_env.game.scenario import Scenario
from negotiation_env.interfaces import Agent

__all__ = ["require_agents", "require_seats", "seat_agents"]

T = TypeVar("T")


def require_agents(agents: Sequence[Agent]) -> None:
    """Refuse what is no agent.

    Raises:
        UserError: There are none, or one has no name or cannot act, such as a spec, which nobody has resolved.
    """
    if not isinstance(agents, Sequence) or isinstance(agents, str) or not agents:
        raise UserError(f"agents: expected a sequence of agents, one for each seat; got {agents!r:.80}")
    for agent in agents:
        if not (hasattr(agent, "name") and hasattr(agent, "act")):
            maker = "resolve_agent" if isinstance(agent, str) else "FunctionAgent" if isroutine(agent) else ""
            remedy = f"; {maker} makes one of it" if maker else ""
            raise UserError(f"expected an Agent (name, act), got {agent!r:.80}{remedy}")


def require_seats(agents: int, scenarios: Sequence[Scenario]) -> None:
    """Refuse agents for whom there is no seat in any scenario.

    Raises:
        UserError: There are more agents than seats.
    """
    most = max(scenario.seats for scenario in scenarios)
    if agents > most:
        told = f"expected at most {most} agent{'' if most == 1 else 's'}, one for each seat of these scenarios"
        raise UserError(f"{told}; got {agents}; leave the others out")


def seat_agents(agents: Sequence[T], seats: int) -> tuple[T, ...]:
    """One agent, or spec of one, for each seat; the last one given takes the seats beyond."""
    return tuple(agents[min(seat, len(agents) - 1)] for seat in range(seats))
