"""PettingZoo's side of an environment: the agents, their spaces, what each has been rewarded and how its game ended."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from gymnasium.spaces import Space
from pettingzoo import AECEnv

from negotiation_env.environment.spaces import FreeText, observation_space
from negotiation_env.errors import UserError
from negotiation_env.game.protocol import Rules

__all__ = ["AFTER_RESET", "Bookkeeping"]


class _AfterReset:
    """An attribute that a reset brings; who asks for it before is told. (`__getattr__` would slow every other one.)"""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, env: object, owner: type) -> Any:
        raise AttributeError(f"{owner.__name__} has no {self._name!r} before the first reset()")


AFTER_RESET: Any = _AfterReset


class Bookkeeping(AECEnv[str, dict[str, Any], str]):  # type: ignore[misc]
    """What PettingZoo wants kept of each agent, whatever the game.

    Attributes:
        possible_agents: As many as the largest scenario has parties; they never change.
        agents: Those of this game, from its reset on.
    """

    rules: Rules
    agent_selection: str = AFTER_RESET()
    rewards: dict[str, float] = AFTER_RESET()
    terminations: dict[str, bool] = AFTER_RESET()
    truncations: dict[str, bool] = AFTER_RESET()
    infos: dict[str, dict[str, Any]] = AFTER_RESET()

    def __init__(self, seats: int) -> None:
        self.possible_agents = [f"negotiator_{seat}" for seat in range(seats)]
        self.agents: list[str] = []

    # Spaces are made when they are first needed: many games, one environment each, need none.

    @cached_property
    def observation_spaces(self) -> dict[str, Space[Any]]:
        """The space of each agent's observations."""
        return {agent: observation_space(self.rules.max_turns) for agent in self.possible_agents}

    @cached_property
    def action_spaces(self) -> dict[str, Space[Any]]:
        """The space of each agent's actions, any text."""
        return {agent: FreeText() for agent in self.possible_agents}

    def observation_space(self, agent: str) -> Space[Any]:
        """The space of an agent's observations, the same object at each call; `UserError` for no such agent."""
        return self.observation_spaces[self._known(agent)]

    def action_space(self, agent: str) -> Space[Any]:
        """The space of an agent's actions, any text, the same object at each call; `UserError` for no such agent."""
        return self.action_spaces[self._known(agent)]

    def _known(self, agent: str) -> str:
        if agent not in self.possible_agents:
            raise UserError(f"no agent {agent!r:.80}; there are {', '.join(self.possible_agents)}")
        return agent

    def _open_books(self, seats: int) -> None:
        """A game of so many begins: nobody has been rewarded, nobody is done."""
        self.agents = self.possible_agents[:seats]
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos = {agent: {} for agent in self.agents}

    def _close_books(self, prize: float | None, outcome: Mapping[str, Any]) -> None:
        """The game is over: everybody's reward, or None where it is unscored, and what each is told of the outcome."""
        for agent in self.agents:
            self.rewards[agent] = 0.0 if prize is None else prize
            self.terminations[agent] = prize is not None
            self.truncations[agent] = prize is None
            self.infos[agent]["outcome"] = dict(outcome)
        self._accumulate_rewards()
