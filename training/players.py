"""Who sits at the tables of a training run: the learner, and for each group its opponent."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from statistics import fmean

from negotiation_env.agents.chat import ChatAgent
from negotiation_env.agents.specs import resolve_agent
from negotiation_env.environment.episode import Episode
from negotiation_env.interfaces import Agent, Sampling
from negotiation_env.training.config import TrainConfig
from negotiation_env.training.divergence import FiniteModel
from negotiation_env.training.engines import Engine
from negotiation_env.training.opponents import Opponent, Ratings, load_ratings, parse_opponents, save_ratings
from negotiation_env.training.snapshots import Snapshots

__all__ = ["Players"]


class Players:
    """The learner and its opponents, kept in step with the optimizer.

    Args:
        config: The run's settings.
        engine: Samples for the learner and its past selves.
        snapshots: The past selves' weights.

    Raises:
        UserError: An opponent's spec is wrong.
    """

    def __init__(self, config: TrainConfig, engine: Engine, snapshots: Snapshots) -> None:
        self.config = config
        self.engine = engine
        self._snapshots = snapshots
        self._opponents = parse_opponents(config.opponent)
        self._fixed: dict[str, Agent] = {name: resolve_agent(name) for name in self._opponents.agents}
        self._ratings = Ratings({})
        self._version = -1

    def prepare(self, version: int) -> None:
        """Get ready to play with the weights of now, which have `version` optimizer steps behind them.

        Also where they were ready before: what the engine holds of an evaluation's games is of no use in training.
        """
        wanted = self._opponents.wanted(version)
        if version in self._opponents.wanted(version + 1):  # until then the learner itself plays it
            self._snapshots.take(version)
        self._snapshots.keep(wanted)
        self.engine.sync(version, wanted)
        self._version = version
        self._agents = {each: self._agent(each) for each in {version, *wanted}}

    @property
    def learner(self) -> ChatAgent:
        """The learner as it is now."""
        return self._agents[self._version]

    def against(self, group: int) -> tuple[Opponent, Agent]:
        """Whom a group meets; a copy of the weights of now is the learner itself, so that one batch serves both."""
        opponent = self._opponents.choose(self.config.seed, self._version, group, self._ratings)
        return opponent, self._fixed[opponent.name] if opponent.version is None else self._agents[opponent.version]

    def note(self, episodes: Sequence[Episode]) -> None:
        """Take in how the learner fared with its past selves in a step; a group, with its one opponent, counts once."""
        for _, group in groupby(episodes, lambda episode: episode.tags["group"]):
            played = list(group)
            version = played[0].tags["opponent_version"]
            rewards = [episode.reward for episode in played if episode.reward is not None]
            if version is not None and rewards:
                self._ratings.note(version, fmean(rewards))

    def save(self, folder: Path) -> None:
        """Write the past selves and their ratings into a checkpoint; the last file written makes it whole."""
        self._snapshots.save(folder)
        save_ratings(self._ratings, folder)

    def load(self, folder: Path) -> None:
        """Go on from a checkpoint."""
        self._snapshots.load(folder)
        self._ratings = load_ratings(folder)

    def _agent(self, version: int) -> ChatAgent:
        config, model = self.config, FiniteModel(self.engine.policy(version), self._version + 1)
        name = "learner" if version == self._version else model.name
        turns = Sampling(config.temperature, 1.0, config.max_turn_tokens)
        if config.trains_completion:  # what is trained is sampled from the distribution that is trained
            answer = Sampling(config.temperature, 1.0, config.max_completion_tokens)
        else:
            answer = Sampling(config.completion_temperature, 0.95, config.max_completion_tokens)
        return ChatAgent(model, turns, answer, name)
