"""GRPO self-play on the dialogue, after *Learning to Negotiate* (arXiv 2603.10476), on TRL's `GRPOTrainer`.

A step: for each of `groups_per_step` scenarios, G negotiations between the learner and an opponent are played through
the environment; the judge's score of the joint answer is the reward (0 without agreement); the advantage is
(r - mean) / std within the group; the loss is on the tokens that the learner sampled in the dialogue, normalised over
all of them in the batch (DAPO), with no KL term. Generations are used once, so that the policy ratio is 1 but for what
rounding in bfloat16, 4-bit weights or an engine of its own make of it; that is corrected token by token.

Deviations from the paper that the config decides:

- the learner may sit in either seat, and the opponent may be another one than the copy of the last step;
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
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import torch
from datasets import Dataset
from transformers import PrinterCallback, ProgressCallback

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
from negotiation_env.training.divergence import CheckWeights, FiniteTraining
from negotiation_env.training.learner import card_of
from negotiation_env.training.players import Players
from negotiation_env.training.progress import StepLog
from negotiation_env.training.rollout import Rollout, Step, task_key
from negotiation_env.training.run_folder import CHECKPOINTS, METRICS
from negotiation_env.training.scenarios import dilemmas_of, scenario_in

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")  # rollout_func is experimental; TRL is pinned for that

from trl import GRPOConfig, GRPOTrainer

__all__ = ["NegotiationTrainer", "build_trainer", "cut_to_width", "tasks"]


class NegotiationTrainer(FiniteTraining, GRPOTrainer):  # type: ignore[misc]
    """TRL's trainer with the advantages of our groups; stops where it diverges."""

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        batch: dict[str, Any] = super()._generate_and_score_completions(inputs)
        batch["advantages"] = batch["advantages"].new_tensor(inputs[0]["step"].advantages)  # put there by TRL
        return batch

    def _prepare_inputs(self, generation_batch: Any) -> dict[str, Any]:
        return cut_to_width(super()._prepare_inputs(generation_batch))


def cut_to_width(inputs: dict[str, Any]) -> dict[str, Any]:
    """Drop the columns that are padding in every row of a micro-batch; TRL pads to the widest row of the step.

    Args:
        inputs: Tensors of shape [rows, width], those of the prompt padded on the left, the others on the right.
    """
    before = int(inputs["prompt_mask"].sum(dim=1).max())
    after = int(inputs["completion_mask"].sum(dim=1).max())
    width = inputs["completion_mask"].shape[1]
    cut = dict(inputs)
    for name, value in inputs.items():
        if name in ("prompt_ids", "prompt_mask"):
            cut[name] = value[:, value.shape[1] - before :]
        elif getattr(value, "ndim", 0) == 2 and value.shape[1] == width:
            cut[name] = value[:, :after]
    return cut


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
    _restore(trainer, model)
    if config.engine != "in-process" or not _computes_in_float32(trainer):
        _correct_ratios(trainer)
    trainer.remove_callback(ProgressCallback)
    trainer.remove_callback(PrinterCallback)
    return trainer


def _restore(trainer: NegotiationTrainer, model: Any) -> None:
    """Bring back what TRL loses of a model that is handed to it."""
    if trainer.ref_model is not None:  # loaded anew, without the adapter that the training goes on from
        trainer.accelerator.unwrap_model(trainer.ref_model).load_state_dict(model.state_dict())
    for parameter in (each for each in model.parameters() if each.requires_grad):
        parameter.data = parameter.data.float()  # QLoRA's is cast to bfloat16, which loses steps as small as Adam's


def _computes_in_float32(trainer: NegotiationTrainer) -> bool:
    """Whether the rollout's forward passes and the trainer's, of other shapes, agree to 1e-3 nats."""
    dtypes = {parameter.dtype for parameter in trainer.model.parameters()}
    return dtypes == {torch.float32} and not trainer.args.bf16


class _Synced:
    """Stands where TRL keeps its own vLLM client; the rollout has brought our engine up to date."""

    def sync_weights(self) -> None:
        """Nothing is left to do."""


def _correct_ratios(trainer: NegotiationTrainer) -> None:
    """Let TRL weigh each token by exp(trainer's - sampler's log-probability), capped: `token_truncate`.

    It asks for one more forward pass over the rows, and logs the mean and the largest difference of each step.
    """
    trainer.use_vllm = True
    trainer.vllm_generation, trainer._last_loaded_step = _Synced(), -1


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


def collective_agency(
    terminal_reward: list[float | None],
    step: list[Step],
    seconds: list[dict[str, float]],
    log_metric: Callable[[str, float], None],
    **_: Any,
) -> list[float | None]:
    """Hand the environment's rewards to TRL, and the step's metrics to its log."""
    metrics = dict(step[0].metrics) | {f"seconds/{name}": value for name, value in seconds[0].items()}
    for name, value in metrics.items():
        log_metric(name, value)
    return terminal_reward


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
