"""One seat of a negotiation as an OpenEnv server: its client speaks, the other seats and the judge are played inside.

    app = seat_app(opponent="hf:Qwen/Qwen3-4B", judge="judge.toml", scenarios="train")

in a module `app.py`, served by `uvicorn app:app --port 8000`; `examples/openenv` has both, with an `openenv.yaml`. Each
connection to `/ws` is a session of its own. `reset` takes "seed" and "scenario", the id of one; equal seeds give the
games of `negotiate eval` with the client as the agent in that seat.
"""

import json
from functools import partial
from typing import Any

from pydantic import Field

from negotiation_env.agents.seat import SeatEnv
from negotiation_env.agents.specs import resolve_agent
from negotiation_env.environment.choices import chosen_scenario, given_scenarios
from negotiation_env.episodes.runner import derive_seed
from negotiation_env.errors import UserError
from negotiation_env.interfaces import Agent, Judge
from negotiation_env.judges.specs import resolve_judge
from negotiation_env.loading.heavy import importing
from negotiation_env.version import __version__

with importing("the OpenEnv server", extra="openenv"):
    from fastapi import FastAPI
    from gymnasium.utils.seeding import np_random
    from openenv.core.env_server import Action, Environment, Observation, State, create_app
    from openenv.core.env_server.types import EnvironmentMetadata

__all__ = ["SeatAction", "SeatEnvironment", "SeatObservation", "SeatState", "seat_app"]


class SeatAction(Action):
    """A turn, or the joint answer where that is asked for."""

    text: str = Field(description="What the party says, any text")


class SeatObservation(Observation):
    """What the seat sees; `reward` is the game's, 0 to 5, once it is over, and None where it is unscored."""

    messages: list[dict[str, str]] = Field(description="The chat as this party sees it")
    turns_left: int = Field(description="Utterances left, over all parties")
    completing: bool = Field(description="Whether the joint answer is asked for")


class SeatState(State):
    """Where the game is; its record once it is over, as a line of `episodes.jsonl` has it."""

    scenario: str = ""
    episode: dict[str, Any] | None = None


class SeatEnvironment(Environment[SeatAction, SeatObservation, SeatState]):
    """A session: one game after the other, with the arguments of `SeatEnv`."""

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self._seat = SeatEnv(**settings)
        self._state = SeatState()

    def reset(
        self, seed: int | None = None, episode_id: str | None = None, scenario: str | None = None
    ) -> SeatObservation:
        """Start a negotiation; the others speak until it is this seat's turn.

        Args:
            seed: Seeds the draw of the scenario and the others' words, from 0 up; None draws one.
            episode_id: Names the game in the record; by default the scenario's id.
            scenario: The id of a scenario; None draws one.

        Raises:
            UserError: There is no such scenario.
        """
        found, game = np_random(seed)[0], self._seat.game
        wanted = scenario or game.scenarios[int(found.integers(len(game.scenarios)))]
        chosen = chosen_scenario(wanted, game.scenarios, len(game.possible_agents))
        own = derive_seed(int(found.integers(2**31)) if seed is None else seed, chosen.id)
        self._seat.reset(seed=seed, options={"scenario": chosen, "seed": own})
        self._state = SeatState(episode_id=episode_id or chosen.id, scenario=chosen.id)
        return self._told()

    def step(self, action: SeatAction, timeout_s: float | None = None, **settings: Any) -> SeatObservation:
        """Say something, then let the others speak.

        Raises:
            UserError: No game is under way.
        """
        if self._state.episode_id is None or self._state.episode:
            told = "over" if self._state.episode else "not begun"
            raise UserError(f"the game is {told}: reset comes first, in the same session, which is a connection to /ws")
        self._seat.step(action.text)
        self._state.step_count += 1
        return self._told()

    @property
    def state(self) -> SeatState:
        """Where the game is."""
        return self._state

    def get_metadata(self) -> EnvironmentMetadata:
        """What the server tells of itself."""
        told = "One seat of a negotiation over a dilemma; a judge scores the joint answer for Collective Agency, 0 to 5"
        return EnvironmentMetadata(name="negotiation_env", description=told, version=__version__)

    def _told(self) -> SeatObservation:
        seat, game = self._seat, self._seat.game
        reward: float | None = 0.0
        if over := game.game.speaker is None:
            record = seat.episode(self._state.episode_id or "", "client")
            self._state.episode, reward = json.loads(record.to_json()), record.reward
        told, seen = dict(game.infos[seat.agent]), game.observe(seat.agent)
        return SeatObservation(done=over, reward=reward, metadata=told, **seen)


def seat_app(
    opponent: str | Agent = "scripted:compromising",
    judge: str | Judge = "embedded",
    scenarios: Any = "train",
    sessions: int = 64,
    **settings: Any,
) -> FastAPI:
    """The server, for uvicorn.

    Args:
        opponent: Plays every other seat: an agent or its spec string.
        judge: A judge or its spec string.
        scenarios: As for `NegotiationEnv`.
        sessions: Most sessions at a time.
        **settings: The others of `SeatEnv`, such as "seat", and the fields of `Rules`.

    Raises:
        UserError: There is no such agent, judge or split.
    """
    other = resolve_agent(opponent) if isinstance(opponent, str) else opponent
    decider, given = resolve_judge(judge), given_scenarios(scenarios)
    make = partial(SeatEnvironment, opponent=other, judge=decider, scenarios=given, **settings)
    make()  # refuses what does not fit now rather than in each session
    app: FastAPI = create_app(make, SeatAction, SeatObservation, "negotiation_env", sessions, state_cls=SeatState)
    return app
