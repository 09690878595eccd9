"""The game among TextArena's: `textarena.make("negotiation_env/Negotiation-v0")` after importing this module.

Its agents play each other in every seat; the other way round, an agent written for TextArena is one here as it is
(`negotiation_env.agents.functions`), and is shown the same text in both.
"""

from typing import Any

from negotiation_env.agents.functions import as_text
from negotiation_env.environment.aec import NegotiationEnv
from negotiation_env.environment.episode import Episode
from negotiation_env.environment.render import outcome_line
from negotiation_env.episodes.runner import derive_seed, request
from negotiation_env.errors import UserError
from negotiation_env.loading.heavy import importing

with importing("TextArena's game", extra="textarena"):
    import textarena as ta
    from gymnasium.utils.seeding import np_random

__all__ = ["NAME", "NegotiationGame", "Newest"]

NAME = "negotiation_env/Negotiation-v0"


class NegotiationGame(ta.Env):
    """One negotiation after the other; everybody gets the game's reward.

    Args:
        **settings: Those of `NegotiationEnv`, such as "scenarios" and "judge", and the fields of `Rules`.
    """

    def __init__(self, **settings: Any) -> None:
        self._game = NegotiationEnv(**settings)
        self._seed = 0

    def reset(self, num_players: int, seed: int | None = None) -> None:
        """Start a negotiation over a scenario with that many parties.

        Args:
            num_players: How many agents there are.
            seed: Seeds the draw of the scenario; None draws one.

        Raises:
            UserError: No scenario has that many.
        """
        fitting = [each for each in self._game.scenarios if each.seats == num_players]
        if not fitting:
            there = sorted({each.seats for each in self._game.scenarios})
            raise UserError(f"no scenario is for {num_players} players; they are for {', '.join(map(str, there))}")
        found = np_random(seed)[0]
        scenario = fitting[int(found.integers(len(fitting)))]
        self._seed = derive_seed(int(found.integers(2**31)) if seed is None else seed, scenario.id)
        self._game.reset(options={"scenario": scenario})
        self.state = ta.State(num_players, max_turns=self._game.rules.max_turns)
        self.state.standard_resets(role_mapping=dict(enumerate(scenario.names)))
        self._settle()

    def get_observation(self) -> tuple[int, list[ta.Message]]:
        """Who is to speak, and all that it sees as one message."""
        return self.state.current_player_id, [(ta.GAME_ID, self._seen(), ta.ObservationType.GAME_BOARD)]

    def step(self, action: str) -> tuple[bool, ta.Info]:
        """The player whose turn it is says something, or writes the joint answer.

        Returns:
            Whether the game is over, and what was wrong with the words, see `NegotiationEnv`.
        """
        if self.state.done:
            return True, {}
        agent, player = self._game.agent_selection, self.state.current_player_id
        self._game.step(action)
        self.state.game_info[player]["turn_count"] += 1
        self.state.turn = self._game.game.turns
        self._settle()
        return self.state.done, self._game.infos[agent]

    def episode(self, agents: tuple[str, ...] = ()) -> Episode:
        """The record, with the names of the agents by seat, as a line of `episodes.jsonl` has it."""
        return self._game.episode(id=self._game.game.scenario.id, seed=self._seed, agents=agents)

    def _seen(self) -> str:
        return "" if self.state.done else as_text(request(self._game, self._game.game.scenario.id, self._seed))

    def _settle(self) -> None:
        """Bring TextArena's books in line with the game; the rewards of an unscored one stay None."""
        game, state = self._game.game, self.state
        if game.speaker is not None:
            state.current_player_id = game.speaker
            return
        state.done = True
        told = outcome_line(game.outcome, self._game.judge.name, game.rules)
        for player in range(state.num_players):
            state.game_info[player] |= {"role": state.role_mapping[player], "reason": told}
        if (reward := self.episode().reward) is not None:
            state.rewards = dict.fromkeys(range(state.num_players), reward)


class Newest(ta.ObservationWrapper):
    """Shows an agent the whole of what it sees as text."""

    def observation(self, player_id: int, observation: list[ta.Message]) -> str:
        """The newest message, which holds all before it."""
        text: str = observation[-1][1]
        return text


ta.register(NAME, entry_point=NegotiationGame, default_wrappers=[Newest])
