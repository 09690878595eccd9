"""Self-play on held-out scenarios: before training, every so many steps, and after it."""

import shutil
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from transformers import TrainerCallback

from negotiation_env.console.progress import progress
from negotiation_env.data import load_scenarios
from negotiation_env.environment.prompting import chosen_prompts
from negotiation_env.environment.stepping import Wrap
from negotiation_env.episodes.evaluate import evaluate, pick_of
from negotiation_env.episodes.rejudge import rejudge
from negotiation_env.episodes.run_folder import SETTINGS, SUMMARY
from negotiation_env.episodes.summary import Summary
from negotiation_env.files.durable import read_whole
from negotiation_env.files.places import is_there
from negotiation_env.interfaces import Judge
from negotiation_env.training.config import TrainConfig
from negotiation_env.training.engines.adapters import evaluating
from negotiation_env.training.held_out_log import HELD_OUT, HeldOut, append_held_out
from negotiation_env.training.players import Players
from negotiation_env.training.run_folder import numbered

__all__ = ["HeldOutPlay"]

_FOLDER = "held_out"


class HeldOutPlay(TrainerCallback):  # type: ignore[misc]
    """Plays the held-out scenarios and asks both judges.

    Every completion is written and scored, agreed or not. The held-out judge scores what was played before the
    training judge, so that the two differ in nothing but their opinion.

    Args:
        config: The run's settings.
        model: The model that trains.
        players: Has the learner.
        judge: The training judge.
        second: The held-out judge; None is none.
        out: The run's folder.
        wrap: As for `play_many`.
    """

    def __init__(
        self,
        config: TrainConfig,
        model: Any,
        players: Players,
        judge: Judge,
        second: Judge | None,
        out: Path,
        wrap: Wrap | None = None,
    ) -> None:
        self.config = config
        self.model = model
        self.players = players
        self.judge = judge
        self.second = second
        self.out = out
        self.wrap = wrap
        (self.prompts,) = chosen_prompts(config.prompts, judge)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Play where the config wants it; the last step is played when training is over."""
        every, step = self.config.eval_every, state.global_step
        if every and step % every == 0 and step < args.max_steps:
            self.play(step, main=state.is_world_process_zero)

    def play(self, step: int, *, main: bool) -> Summary | None:
        """Evaluate the weights of now, which have `step` optimizer steps behind them; one that is there is read.

        Every process calls this, for all have their part in handing weights to an engine; the main one plays.
        """
        if self.config.eval_split == "none":
            return None
        self.players.prepare(step)
        if not main:
            return None
        folder = self.out / _FOLDER / f"step-{step}"
        if is_there(folder / SUMMARY):
            summary = read_whole(folder / SUMMARY, TypeAdapter(Summary), "holds no summary")
        else:
            summary = self._play(step, folder)
        append_held_out(self.out / HELD_OUT, HeldOut(step, self.judge.name, summary.score, summary.agreement_rate))
        if self.second:
            found = rejudge(folder, self.second, unscored_limit=self.config.unscored_limit)
            append_held_out(self.out / HELD_OUT, HeldOut(step, found.new_judge, found.new_score))
        return summary

    def forget_after(self, step: int) -> None:
        """Drop evaluations of steps that are trained anew."""
        for number, folder in numbered(self.out / _FOLDER, "step-").items():
            if number > step:
                shutil.rmtree(folder)

    def _play(self, step: int, folder: Path) -> Summary:
        with evaluating(self.model):
            return self._evaluate(step, folder)

    def _evaluate(self, step: int, folder: Path) -> Summary:
        config, split = self.config, self.config.eval_split
        scenarios = pick_of(split, load_scenarios(split), config.eval_scenarios, config.seed, "eval_scenarios =")
        with progress(f"held-out negotiations after {step} steps", len(scenarios)) as advance:
            return evaluate(
                [self.players.learner],
                self.judge,
                scenarios,
                folder,
                seed=config.seed,
                resume=(folder / SETTINGS).is_file(),  # a killed or stopped evaluation
                unscored_limit=config.unscored_limit,
                progress=advance,
                wrap=self.wrap,
                prompts=self.prompts,
                **config.rules | {"complete_without_agreement": True, "reward_without_agreement": False},
            )
