"""GRPO self-play on the dialogue, after *Learning to Negotiate* (arXiv 2603.10476), on TRL's `GRPOTrainer`.

A step: for each of `groups_per_step` scenarios, G negotiations between the learner and an opponent are played through
the environment; the judge's score of the joint answer is the reward (0 without agreement); the advantage is
(r - mean) / std within the group; the loss is on the tokens that the learner sampled in the dialogue, normalised over
all of them in the batch (DAPO), with no KL term. Generations are used once, so that the policy ratio is 1 but for what
rounding in bfloat16, 4-bit weights or an engine of its own make of it; that is corrected token by token.

Deviations from the paper that the config decides:

- the learner may sit in either seat or in both, and the opponent may be another one than the copy of the last step;
- speakers see the whole dialogue unless `history_turns` says otherwise; with a window every prompt that is rendered
  anew begins a training row of its own, so that each turn is trained in the context that it was sampled in;
- the model, the judge and the sizes of the default example are what two CPU cores can do.

Those without a key:

- dialogues are sampled with top-p 1 where the paper has 0.95, for a truncated distribution biases the policy gradient;
  the held-out ones too, so that what is measured is what is trained;
- the paper sums over all dialogue tokens; here the opponent's are masked, for they are no action of the policy that is
  trained;
- the judge is not asked for agreement before every party has spoken.

What this adds to TRL: the rollout (`negotiation_env.training.rollout`), the advantages
(`negotiation_env.training.advantages`; TRL's would count a negotiation of several rows several times), and rows cut to
their micro-batch's width.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import torch
from datasets import Dataset
from transformers import PrinterCallback, ProgressCallback
from trl import GRPOConfig

from negotiation_env.agents.models.pretrained import half_precision, trusts_remote_code
from negotiation_env.environment.stepping import Wrap
from negotiation_env.episodes.run_folder import EPISODES
from negotiation_env.episodes.runner import derive_seed
from negotiation_env.errors import UserError
from negotiation_env.game.scenario import Scenario
from negotiation_env.interfaces import Judge
from negotiation_env.judges.ranking import Ranker
from negotiation_env.training.checkpoints import SavePlayers
from negotiation_env.training.config import TrainConfig
from negotiation_env.training.divergence import CheckWeights
from negotiation_env.training.learner import card_of
from negotiation_env.training.players import Players
from negotiation_env.training.progress import StepLog
from negotiation_env.training.rollout import Rollout, task_key
from negotiation_env.training.run_folder import CHECKPOINTS, METRICS
from negotiation_env.training.scenarios import dilemmas_of, scenario_in
from negotiation_env.training.trl_seam import (
    NegotiationTrainer,
    collective_agency,
    computes_in_float32,
    correct_ratios,
    restore,
)

__all__ = ["build_trainer", "tasks"]


def build_trainer(
    config: TrainConfig,
    model: Any,
    tokenizer: Any,
    judge: Judge,
    players: Players,
    out: Path,
    scenarios: Sequence[Scenario] = (),
    wrap: Wrap | None = None,
) -> NegotiationTrainer:
    """The trainer, playing our environment.

    Args:
        config: The settings.
        model: From `load_learner`.
        tokenizer: From `load_learner`.
        judge: Decides and scores.
        players: The learner and its opponents.
        out: The run's folder.
        scenarios: Used instead of the config's split.
        wrap: As for `play_many`.

    Raises:
        UserError: The rules do not fit the scenarios, or the judge cannot do what the config asks of it.
    """
    dilemmas = dilemmas_of(config, scenarios)
    if config.rerank_ties and not isinstance(judge, Ranker):
        raise UserError(f"rerank_ties: {judge.name} cannot order answers; use an LLM judge")
    by_id = {scenario.id: scenario for dilemma in dilemmas for scenario in dilemma}
    trainer = NegotiationTrainer(
        model=model,
        reward_funcs=collective_agency,
        args=_arguments(config, out),
        train_dataset=Dataset.from_list(tasks(config, dilemmas)),
        processing_class=tokenizer,
        rollout_func=Rollout(config, by_id, judge, players, out / EPISODES, wrap),
        callbacks=[CheckWeights(), SavePlayers(players, card_of(config, judge)), StepLog(config, out / METRICS)],
    )
    restore(trainer, model)
    if config.engine != "in-process" or not computes_in_float32(trainer):
        correct_ratios(trainer)
    trainer.remove_callback(ProgressCallback)
    trainer.remove_callback(PrinterCallback)
    return trainer


def tasks(config: TrainConfig, dilemmas: Sequence[Sequence[Scenario]]) -> list[dict[str, str]]:
    """A dataset row for each group of the run, in order.

    The order is ours, for TRL's sampler does not find its place again in a run that is resumed after its first epoch.
    Each epoch is shuffled by a seed of its own; where the seats alternate, a dilemma's seat does from epoch to epoch.
    """
    rows: list[dict[str, str]] = []
    for group in range(config.max_steps * config.groups_per_step):
        epoch, place = divmod(group, len(dilemmas))
        if place == 0:
            order = list(range(len(dilemmas)))
            Random(derive_seed(config.seed, "epoch", epoch)).shuffle(order)
        seat = config.seats[(order[place] + epoch) % len(config.seats)]
        scenario = scenario_in(epoch, dilemmas[order[place]], config.seed)
        rows.append({"prompt": task_key(scenario, seat)})
    return rows


def _arguments(config: TrainConfig, out: Path) -> GRPOConfig:
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    return GRPOConfig(
        output_dir=str(out / CHECKPOINTS),
        max_steps=config.max_steps,
        num_generations=config.group_size * config.rows_per_game,
        per_device_train_batch_size=config.micro_batch,
        gradient_accumulation_steps=config.rows_per_process(processes) // config.micro_batch,
        temperature=config.temperature,
        top_p=1.0,
        top_k=0,
        beta=config.beta,
        trust_remote_code=trusts_remote_code(),  # a reference model is loaded anew
        loss_type="dapo",
        vllm_importance_sampling_mode="token_truncate",
        learning_rate=config.learning_rate,
        lr_scheduler_type="constant_with_warmup",
        warmup_steps=config.warmup_steps,
        max_grad_norm=config.max_grad_norm,
        gradient_checkpointing=config.gradient_checkpointing,
        disable_dropout=True,  # an adapter's own, too: what is trained has to be what was sampled
        seed=config.seed,
        shuffle_dataset=False,
        logging_steps=1,
        logging_nan_inf_filter=False,  # it would hide one that `FiniteTraining` stops at
        save_steps=config.save_steps,
        save_total_limit=2,  # not 1: an old one goes before `SavePlayers` has made the new one whole
        report_to=list(config.report_to),
        ddp_timeout=24 * 60 * 60,  # of several processes, the others wait while the main one plays held-out games
        bf16=half_precision(),
        use_cpu=not torch.cuda.is_available(),
    )
