"""The game for single-agent users: one seat as a Gymnasium environment, the others played inside.

Made by `gymnasium.make("negotiation_env/Negotiation-v0", opponent=SPEC, judge=SPEC)` after `import negotiation_env`.
"""

from dataclasses import replace
from typing import Any

import gymnasium

from negotiation_env.agents.specs import resolve_agent
from negotiation_env.environment.aec import NegotiationEnv
from negotiation_env.environment.episode import Episode
from negotiation_env.environment.prompting import Prompts, seat_prompts
from negotiation_env.episodes.runner import replied, request
from negotiation_env.errors import UserError
from negotiation_env.game.scenario import Scenario
from negotiation_env.interfaces import Agent, Judge

__all__ = ["SeatEnv"]


class SeatEnv(gymnasium.Env[dict[str, Any], str]):
    """One seat of a negotiation.

    Observations, actions and the terminal reward are those of
    `negotiation_env.environment.aec`; so are the keyword arguments.

    Args:
        opponent: Plays every other seat: an agent or its spec string.
        judge: A judge or its spec string; None is the embedded judge.
        seat: The seat to play, one that every scenario has; it also writes the completion.
        render_mode: As for `NegotiationEnv`.
        prompts: The same; an opponent with a set of its own is shown that.
        **settings: "scenarios", "guards" and the fields of `Rules`.

    Raises:
        UserError: A scenario has no such seat.
    """

    metadata = NegotiationEnv.metadata

    def __init__(
        self,
        opponent: str | Agent = "scripted:compromising",
        judge: str | Judge | None = None,
        seat: int = 0,
        render_mode: str | None = None,
        prompts: Prompts = None,
        **settings: Any,
    ) -> None:
        if type(seat) is not int:
            raise UserError(f"seat must be a whole number, got {seat!r:.80}")
        self.game = NegotiationEnv(judge=judge, render_mode=render_mode, prompts=prompts, **settings)
        seats = min(scenario.seats for scenario in self.game.scenarios)
        if not 0 <= seat < seats:
            raise UserError(f"seat must be from 0 to {seats - 1}, which every scenario has; got {seat}")
        if "writer" not in settings:
            self.game.rules = replace(self.game.rules, writer=seat)
        self.opponent = resolve_agent(opponent) if isinstance(opponent, str) else opponent
        agents = [None if each == seat else self.opponent for each in range(len(self.game.possible_agents))]
        self.game.prompts = seat_prompts(self.game.prompts, len(agents), agents)
        self.seat = seat
        self.render_mode = render_mode
        self.agent = f"negotiator_{seat}"
        self.observation_space = self.game.observation_space(self.agent)
        self.action_space = self.game.action_space(self.agent)
        self._episode = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Start a negotiation and let the others speak until it is this seat's turn.

        Args:
            seed: Seeds the draw of the scenario and the opponent.
            options: As for `NegotiationEnv.reset`, and "seed": the game's, which seeds the opponent as that of a
                `Game` does; by default one out of this environment's random numbers.

        Raises:
            UserError: As there, or the scenario has no such seat.
        """
        super().reset(seed=seed)
        given = dict(options or {})
        own, wanted = given.pop("seed", None), given.get("scenario")
        if isinstance(wanted, Scenario) and wanted.seats <= self.seat:
            raise UserError(f"scenario {wanted.id!r:.80} has {wanted.seats} seats; expected one for {self.agent}")
        self.game.reset(seed=seed, options=given)
        self._episode = int(self.np_random.integers(2**31)) if own is None else own
        self._play_others()
        return self._observation(), self.game.infos[self.agent]

    def step(self, action: str) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Say something, then let the others speak; an unscored game is truncated and its reward of 0 is no verdict."""
        self.game.step(action)
        self._play_others()
        game, me = self.game, self.agent
        over, cut = game.terminations[me], game.truncations[me]
        return self._observation(), float(game.rewards[me]), over, cut, game.infos[me]

    def episode(self, id: str, agent: str) -> Episode:
        """The record of the game so far.

        Args:
            id: Unique within a file.
            agent: What to call whoever has this seat.
        """
        names = [agent if each == self.agent else self.opponent.name for each in self.game.agents]
        return self.game.episode(id=id, seed=self._episode, agents=names)

    def render(self) -> str | None:
        """The transcript in mode "ansi"."""
        return self.game.render()

    def _observation(self) -> dict[str, Any]:
        return self.game.observe(self.agent)

    def _play_others(self) -> None:
        """The others speak until the game waits for this seat, or is over."""
        while self.game.game.speaker not in (None, self.seat):
            (reply,) = replied(self.opponent, [request(self.game, str(self._episode), self._episode)])
            if reply.error is None:
                self.game.step(reply.text)
            else:
                self.game.abort(f"the opponent failed: {reply.error}")
