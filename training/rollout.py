"""TRL's `rollout_func`: plays one batch of negotiations through the environment and returns training rows."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

from agents.chat import ChatAgent
from agents.models.in_process import InProcessModel
from negotiation_env.episode import Episode, append_episode
from negotiation_env.events import Question, Verdict
from negotiation_env.interfaces import Judge, Sampling
from negotiation_env.runner import Game, derive_seed, play_many
from negotiation_env.scenario import Scenario
from negotiation_env.unscored import UnscoredLimit
from training.adapters import LEARNER, OPPONENT, merged, speaking
from training.config import TrainConfig
from training.rows import learner_row

__all__ = ["Rollout", "chat_agent", "task_key"]


def task_key(scenario: Scenario, seat: int) -> str:
    """A dataset prompt: scenario and learner's seat, the two things that a group shares."""
    return json.dumps({"scenario": scenario.id, "seat": seat})


class TimedJudge:
    """Adds up the seconds that a judge takes."""

    def __init__(self, judge: Judge) -> None:
        self.name = judge.name
        self.seconds = 0.0
        self._judge = judge

    def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        """Pass the questions on."""
        start = time.perf_counter()
        try:
            return self._judge.judge(questions)
        finally:
            self.seconds += time.perf_counter() - start


def chat_agent(config: TrainConfig, model: Any, tokenizer: Any, adapter: str | None, name: str) -> ChatAgent:
    """The model with one of its adapters as an agent that samples as the config says."""
    switch = merged if config.merge_rollouts else speaking
    context: Callable[[], AbstractContextManager[None]] = partial(switch, model, adapter)
    return ChatAgent(
        InProcessModel(model, tokenizer, name, context),
        Sampling(config.temperature, 1.0, config.max_turn_tokens),
        Sampling(config.completion_temperature, 0.95, config.max_completion_tokens),
    )


class Rollout:
    """Plays the negotiations of a step.

    Args:
        config: The run's settings.
        scenarios: Training scenarios by id.
        judge: Decides and scores.
        log: The episode file to append to.
    """

    def __init__(
        self, config: TrainConfig, scenarios: Mapping[str, Scenario], judge: Judge, log: Path | None = None
    ) -> None:
        self.config = config
        self.scenarios = scenarios
        self.judge = TimedJudge(judge)
        self.log = log
        self.episodes: list[Episode] = []
        """The last batch, in the order of its prompts."""
        self._limit = UnscoredLimit(config.unscored_limit)

    def __call__(self, prompts: list[str], trainer: Any) -> dict[str, list[Any]]:
        """Play a game for each prompt; prompts come repeated, a group in a row.

        Returns:
            What TRL wants of a `rollout_func`, one row per prompt, and `terminal_reward`: a float, or None where
            unscored, which leaves the row out of its group.

        Raises:
            JudgeError: Too many of the run's negotiations are unscored.
        """
        start = time.perf_counter()
        self.judge.seconds = 0.0
        model = trainer.accelerator.unwrap_model(trainer.model)
        training = model.training
        model.eval()  # sampling with gradient checkpointing in train mode would silently give garbage
        try:
            self.episodes = self._play(prompts, trainer, model)
        finally:
            model.train(training)
        for episode in self.episodes if self.log else ():
            append_episode(self.log, episode)  # type: ignore[arg-type]
        for episode in self.episodes:
            self._limit.count(episode.failure)
        seconds = {"rollout": time.perf_counter() - start - self.judge.seconds, "judge": self.judge.seconds}
        return self._rows(trainer.processing_class.eos_token_id) | {"seconds": [seconds] * len(prompts)}

    def _play(self, prompts: list[str], trainer: Any, model: Any) -> list[Episode]:
        config, step = self.config, trainer.state.global_step
        learner = chat_agent(config, model, trainer.processing_class, LEARNER, "learner")
        opponent = learner  # where the weights are the same, one batch serves both seats
        if not config.opponent_is_learner:
            other = OPPONENT if config.opponent == "frozen" else None
            opponent = chat_agent(config, model, trainer.processing_class, other, config.opponent)
        first = trainer.accelerator.process_index * len(prompts)
        games = [self._game(step, first + row, prompt, learner, opponent) for row, prompt in enumerate(prompts)]
        played = {episode.id: episode for episode in play_many(games, self.judge, max_turns=config.max_turns)}
        return [played[game.id] for game in games]

    def _game(self, step: int, row: int, prompt: str, learner: ChatAgent, opponent: ChatAgent) -> Game:
        """Seeds follow from the step and the row alone, so that a resumed run samples what an unbroken one would."""
        task = json.loads(prompt)
        seat, scenario = task["seat"], self.scenarios[task["scenario"]]
        agents = tuple(learner if index == seat else opponent for index in range(len(scenario.personas)))
        tags = {"step": step, "row": row, "group": row // self.config.group_size, "learner_seat": seat}
        seed = derive_seed(self.config.seed, step, row)
        return Game(f"{step}/{row}", scenario, agents, seed, writer=seat, tags=tags)

    def _rows(self, end: int) -> dict[str, list[Any]]:
        rows = [learner_row(episode, episode.tags["learner_seat"], end) for episode in self.episodes]
        return {
            "prompt_ids": [list(row.prompt) for row in rows],
            "completion_ids": [list(row.completion) for row in rows],
            "env_mask": [list(row.mask) for row in rows],
            "logprobs": [list(row.logprobs) for row in rows],
            "terminal_reward": [episode.reward for episode in self.episodes],
        }
